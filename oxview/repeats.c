/* SPDX-License-Identifier: ISC */
/* repeats: a hash belongs to one line of eight; the oldest of a full line gives way. */
#include "oxview/repeats.h"

#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { LINE = 8, HUGE_PAGE = 2 * 1024 * 1024 };

bool
repeats_init(struct repeats *r, uint64_t kept)
{
	size_t power = REPEATS_LEAST;
	while (power < kept && power < REPEATS_MOST)
		power *= 2;
	size_t bytes = power * sizeof *r->lines;
	uint8_t *map = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*r = (struct repeats){.kept = power};
	if (map == MAP_FAILED)
		return false;
	/* Each lookup is somewhere else: with small pages finding the page takes longer than the lookup. */
	size_t before = (HUGE_PAGE - (uintptr_t)map % HUGE_PAGE) % HUGE_PAGE;
	if (before > 0)
		munmap(map, before);
	if (before < HUGE_PAGE)
		munmap(map + before + bytes, HUGE_PAGE - before);
	madvise(map + before, bytes, MADV_HUGEPAGE); /* where there are none, small ones serve */
	r->lines = (void *)(map + before);
	return true;
}

void
repeats_fini(struct repeats *r)
{
	if (r->lines)
		munmap((void *)r->lines, r->kept * sizeof *r->lines);
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
	/*
	 * The line is seldom in a cache.  No branch depends on where in it something stands, so that the processor goes
	 * on with the next event while the line is on its way.
	 */
	uint64_t hash = hash_of(ev), *line = r->lines + (hash & (r->kept / LINE - 1)) * LINE, different = 1;
	for (size_t i = 0; i < LINE; i++)
		different &= (uint64_t)(line[i] != hash);
	if (!different) {
		r->count++;
		return true;
	}
	memmove(line + 1, line, (LINE - 1) * sizeof *line);
	line[0] = hash;
	return false;
}
