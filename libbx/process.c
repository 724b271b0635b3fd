/* SPDX-License-Identifier: ISC */
/* process: one mapping, made by whoever comes first; a loser of that race unmaps its own and takes the winner's. */
#include "libbx/process.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct config bx_config;

static _Atomic(struct process *) page;

/* Ordinary memory, so a child goes on counting where its parent stood: no generation is used twice down a line. */
static _Atomic uint64_t last_generation;

/* Drops while there was no memory for the page: moved there once it is made. */
static _Atomic uint64_t unpaged;

static __attribute__((noinline, cold)) struct process *
make_page(void)
{
	int kept = errno;
	struct process *p =
	    mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		errno = kept;
		return NULL;
	}
	struct process *expected = NULL;
	if (madvise(p, sizeof *p, MADV_WIPEONFORK) != 0) { /* Linux < 4.14: a child could not be told from its parent */
		munmap(p, sizeof *p);
		p = NULL;
	} else if (!atomic_compare_exchange_strong(&page, &expected, p)) {
		munmap(p, sizeof *p);
		p = expected;
	} else if (atomic_load(&unpaged)) {
		atomic_fetch_add(&p->pending[DROP_NO_RING], atomic_exchange(&unpaged, 0));
		atomic_store_explicit(&p->pending_any, true, memory_order_release);
	}
	errno = kept;
	return p;
}

struct process *
process_get(void)
{
	struct process *p = atomic_load_explicit(&page, memory_order_acquire);
	if (__builtin_expect(!p, 0)) {
		p = make_page();
		if (!p)
			return NULL;
	}
	if (__builtin_expect(atomic_load_explicit(&p->generation, memory_order_acquire) == 0, 0)) {
		uint64_t zero = 0;
		atomic_compare_exchange_strong(&p->generation, &zero, atomic_fetch_add(&last_generation, 1) + 1);
		atomic_store_explicit(&p->pid, (uint32_t)getpid(), memory_order_relaxed);
	}
	return p;
}

struct process *
process_peek(void)
{
	struct process *p = atomic_load_explicit(&page, memory_order_acquire);
	return p && atomic_load_explicit(&p->generation, memory_order_acquire) ? p : NULL;
}

void
process_drop(struct process *p, enum ring_drop reason, uint64_t bytes)
{
	atomic_fetch_add_explicit(&p->pending[reason], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->pending_bytes, bytes, memory_order_relaxed);
	atomic_store_explicit(&p->pending_any, true, memory_order_release);
}

void
process_drop_unpaged(void)
{
	atomic_fetch_add(&unpaged, 1);
}

uint64_t
process_unpaged(void)
{
	return atomic_load(&unpaged);
}

void
process_keep_counts(struct process *p, const struct ring_header *h)
{
	atomic_fetch_add(&p->left_events, atomic_load(&h->events));
	for (int i = 0; i < DROP_REASONS; i++)
		atomic_fetch_add(&p->left_dropped[i], atomic_load(&h->dropped_by[i]));
}
