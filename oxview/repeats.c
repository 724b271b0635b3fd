/* SPDX-License-Identifier: ISC */
/* repeats: a hash belongs to one line of eight; the oldest of a full line gives way. */
#include "oxview/repeats.h"

#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"

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

/* Two words become one: the two halves of their product, as XXH3 and wyhash do. */
static uint64_t
fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
fold_text(uint64_t h, struct bytes text)
{
	if (text.n < 8 || text.n > 32)
		return XXH3_64bits_withSeed(text.p, text.n, h);
	h = fold(h ^ text.n ^ get_u64le(text.p), get_u64le(text.p + text.n - 8) ^ 0xe7037ed1a0b428dbULL);
	if (text.n <= 16)
		return h;
	return fold(h ^ get_u64le(text.p + 8), get_u64le(text.p + text.n - 16) ^ 0x8ebc6af09c88c6e3ULL);
}

/* 0: an event that is never taken for a repeat. */
uint64_t
repeats_hash(const struct event *ev)
{
	if (!ev->span.p || ev->span.n == 0)
		return 0;
	uint64_t hash =
	    fold(bits_of_double(ev->start) ^ 0xa0761d6478bd642fULL, bits_of_double(ev->end) ^ 0x589965cc75374cc3ULL);
	hash = fold_text(fold_text(hash, ev->type), ev->span);
	return hash ? hash : 1;
}

bool
repeats_seen(struct repeats *r, const struct event *ev)
{
	return repeats_seen_hash(r, repeats_hash(ev));
}

static uint64_t *
line_of(const struct repeats *r, uint64_t hash)
{
	return r->lines + (hash & (r->kept / LINE - 1)) * LINE;
}

void
repeats_fetch(const struct repeats *r, uint64_t hash)
{
	__builtin_prefetch(line_of(r, hash), 1);
}

bool
repeats_seen_hash(struct repeats *r, uint64_t hash)
{
	if (hash == 0)
		return false;
	/*
	 * The line is seldom in a cache.  No branch depends on where in it something stands, so that the processor goes
	 * on with the next event while the line is on its way.
	 */
	uint64_t *line = line_of(r, hash), newer[LINE - 1], same = 0;
	for (size_t i = 0; i < LINE; i++)
		same |= (uint64_t)(line[i] == hash);
	if (same) {
		r->count++;
		return true;
	}
	memcpy(newer, line, sizeof newer);
	memcpy(line + 1, newer, sizeof newer);
	line[0] = hash;
	return false;
}
