/* SPDX-License-Identifier: ISC */
/* repeats: a hash belongs to one line of eight; when that is full the place that the hash names gives way. */
#include "oxview/repeats.h"

#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { LINE = 8 };

bool
repeats_init(struct repeats *r)
{
	size_t bytes = (size_t)REPEATS_KEPT * sizeof *r->lines;
	void *lines = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*r = (struct repeats){.lines = lines == MAP_FAILED ? NULL : lines};
	return r->lines != NULL;
}

void
repeats_fini(struct repeats *r)
{
	if (r->lines)
		munmap((void *)r->lines, (size_t)REPEATS_KEPT * sizeof *r->lines);
	r->lines = NULL;
}

/* Never 0, which is an empty place. */
static uint64_t
hash_of(const struct event *ev)
{
	const double times[2] = {ev->start, ev->end};
	uint64_t seed = XXH3_64bits_withSeed(ev->type.p, ev->type.n, XXH3_64bits(times, sizeof times));
	uint64_t hash = XXH3_64bits_withSeed(ev->span.p, ev->span.n, seed);
	return hash ? hash : 1;
}

bool
repeats_seen(struct repeats *r, const struct event *ev)
{
	if (!ev->span.p || ev->span.n == 0)
		return false;
	uint64_t hash = hash_of(ev);
	_Atomic uint64_t *line = r->lines + hash % (REPEATS_KEPT / LINE) * LINE;
	for (size_t i = 0; i < LINE; i++) {
		uint64_t there = atomic_load_explicit(&line[i], memory_order_relaxed);
		if (there == 0 && atomic_compare_exchange_strong_explicit(
				      &line[i], &there, hash, memory_order_relaxed, memory_order_relaxed))
			return false;
		if (there == hash) {
			atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed);
			return true;
		}
	}
	atomic_store_explicit(&line[hash >> 61], hash, memory_order_relaxed);
	return false;
}
