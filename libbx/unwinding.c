/* SPDX-License-Identifier: ISC */
/* unwinding: one word counts who is inside and names the process that counts. */
#include "libbx/unwinding.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "libbx/thread.h"

enum { FORK_WAITS_NS = 20000000 };

/* Ordinary memory, so that a child sees how many there were: the generation in the upper half, threads in the lower. */
static _Atomic uint64_t inside;
static atomic_bool
    cut_off; /* a fork came while somebody was: the locks are not to be had again, in its children neither */
static _Atomic uint32_t stuck; /* so many inside have been waited for in vain: a handler jumped out of there */
static _Atomic uint32_t left;  /* a futex: told by who leaves while a thread waits to fork */

static THREAD_LOCAL uint64_t entered; /* what `inside` had in its upper half then, and 1; 0: this thread is outside */
static THREAD_LOCAL uint32_t forking; /* forks of this thread under way: a handler may fork in the middle of one */

static uint64_t
half_of(uint64_t word)
{
	return word & ~(uint64_t)UINT32_MAX;
}

/* A locked instruction costs more than the rest of it together, and where there is one thread nobody else looks: a handler
 * that comes between two steps goes out as it came in. */
static bool
exchange(uint64_t *now, uint64_t next)
{
	if (!__libc_single_threaded)
		return atomic_compare_exchange_weak(&inside, now, next);
	atomic_store_explicit(&inside, next, memory_order_relaxed);
	return true;
}

static void
count_in(uint64_t generation)
{
	uint64_t now = atomic_load(&inside), next;
	do {
		bool others = half_of(now) != generation;
		if (others && (uint32_t)now)
			atomic_store(&cut_off, true);
		next = others ? generation | 1 : now + 1;
	} while (!exchange(&now, next));
}

/* In a child whose parent went in there is nothing to be taken off. */
static void
count_out(uint64_t generation)
{
	uint64_t now = atomic_load(&inside);
	while (half_of(now) == generation && (uint32_t)now && !exchange(&now, now - 1))
		;
}

bool
unwinding_enter(bool while_forking)
{
	struct process *p = entered ? NULL : process_get();
	if (!p)
		return false;
	entered = atomic_load(&p->generation) << 32 | 1;
	atomic_signal_fence(memory_order_seq_cst);
	count_in(half_of(entered));
	if (!atomic_load(&cut_off) && (while_forking || !atomic_load(&p->forks)))
		return true;
	unwinding_leave();
	return false;
}

void
unwinding_leave(void)
{
	struct process *p = process_peek();
	count_out(half_of(entered));
	atomic_signal_fence(memory_order_seq_cst);
	entered = 0;
	if (!p || !atomic_load(&p->forks))
		return;
	int kept = errno;
	atomic_fetch_add(&left, 1);
	syscall(SYS_futex, &left, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
	errno = kept;
}

/* How many are inside that may be expected to leave. */
static uint32_t
still_inside(const struct process *p)
{
	uint64_t now = atomic_load(&inside);
	uint32_t count = half_of(now) == atomic_load(&p->generation) << 32 ? (uint32_t)now : 0;
	if (count < atomic_load(&stuck))
		atomic_store(&stuck, count);
	uint32_t never = atomic_load(&stuck);
	if (entered && never == 0) /* it is this thread, in a handler, that forks */
		never = 1;
	return count > never ? count : 0;
}

static void
before_fork(void)
{
	struct process *p = process_peek();
	if (!p)
		return;
	int kept = errno;
	int64_t end = clock_mono_ns() + FORK_WAITS_NS;
	forking++;
	atomic_fetch_add(&p->forks, 1);
	for (;;) {
		uint32_t seen = atomic_load(&left), count = still_inside(p);
		int64_t rest = end - clock_mono_ns();
		if (count && rest <= 0)
			atomic_store(&stuck, count);
		if (!count || rest <= 0)
			break;
		struct timespec most = {.tv_nsec = rest};
		syscall(SYS_futex, &left, FUTEX_WAIT_PRIVATE, seen, &most, NULL, 0);
	}
	errno = kept;
}

static void
after_fork(void)
{
	struct process *p = process_peek();
	if (forking == 0 || !p)
		return;
	forking--;
	atomic_fetch_sub(&p->forks, 1);
}

/* Its count of forks is in memory that is zero now. */
static void
in_child(void)
{
	forking = 0;
}

void
unwinding_watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, in_child);
}
