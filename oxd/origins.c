/* SPDX-License-Identifier: ISC */
/* origins: a hash table by origin, sorted ranges in each, and a list by last use for each peer. */
#include "oxd/origins.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/mp.h"
#include "oxd/statefile.h"

enum { SUMS = 32768, EXTRA_RANGES_MAX = 4 << 20 };
static const int64_t forget_ns = 30LL * 86400 * 1000000000;
static const int64_t touch_ns = 60LL * 1000000000; /* how exact "last use" is */

struct range {
	uint64_t lo, hi; /* both taken, and everything between */
};

struct origin {
	uint8_t id[FRAME_ORIGIN];
	bool own;
	uint32_t count, cap;
	struct range *ranges; /* ascending, with gaps between them; &one as long as one is enough */
	struct range one;
	int64_t used_ns; /* in the age of this oxd */
	uint64_t last_seq, last_sum;
	struct origin_share *share;
	struct origin *prev, *next; /* in the share, oldest use first */
	UT_hash_handle hh;
};

struct origin_share {
	uint64_t via;
	size_t count;
	struct origin *list;
	UT_hash_handle hh;
};

struct origin_sum {
	uint64_t tag; /* 0: empty */
	uint64_t sum;
};

/* ---- checksums of the newest ------------------------------------------------------------------------------------- */

static uint64_t
tag_of(const uint8_t id[FRAME_ORIGIN], uint64_t seq)
{
	uint64_t tag = XXH3_64bits_withSeed(id, FRAME_ORIGIN, seq);
	return tag ? tag : 1;
}

static void
keep_sum(struct origins *o, const uint8_t id[FRAME_ORIGIN], uint64_t seq, uint64_t sum)
{
	if (!o->sums)
		o->sums = calloc(SUMS, sizeof *o->sums);
	if (!o->sums)
		abort();
	uint64_t tag = tag_of(id, seq);
	o->sums[tag % SUMS] = (struct origin_sum){tag, sum};
}

static bool
sum_differs(const struct origins *o, const uint8_t id[FRAME_ORIGIN], uint64_t seq, uint64_t sum)
{
	uint64_t tag = tag_of(id, seq);
	const struct origin_sum *kept = o->sums ? &o->sums[tag % SUMS] : NULL;
	return kept && kept->tag == tag && kept->sum != sum;
}

/* ---- ranges ------------------------------------------------------------------------------------------------------ */

/* Index of the first range that begins above seq. */
static uint32_t
above(const struct origin *g, uint64_t seq)
{
	if (g->count && g->ranges[g->count - 1].lo <= seq) /* nearly always */
		return g->count;
	uint32_t lo = 0, hi = g->count;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (g->ranges[mid].lo <= seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
has(const struct origin *g, uint64_t seq)
{
	uint32_t i = above(g, seq);
	return i > 0 && seq <= g->ranges[i - 1].hi;
}

static void
remove_range(struct origins *o, struct origin *g, uint32_t i)
{
	memmove(&g->ranges[i], &g->ranges[i + 1], (g->count - i - 1) * sizeof *g->ranges);
	g->count--;
	if (g->count > 0)
		o->extra_ranges--;
}

static void
grow(struct origin *g)
{
	uint32_t cap = g->cap < 4 ? 4 : g->cap * 2;
	struct range *ranges = calloc(cap, sizeof *ranges);
	if (!ranges)
		abort(); /* without its ranges oxd would take frames twice; a restart finds them again */
	memcpy(ranges, g->ranges, g->count * sizeof *ranges);
	if (g->ranges != &g->one)
		free(g->ranges);
	g->ranges = ranges;
	g->cap = cap;
}

static void
insert_range(struct origins *o, struct origin *g, uint32_t i, struct range r)
{
	assert(g->ranges); /* never NULL: at least &g->one */
	/* The oldest goes: what was acknowledged longest ago is the least likely to come again. */
	if (g->count == ORIGIN_RANGES_MAX || (g->count > 1 && o->extra_ranges >= EXTRA_RANGES_MAX)) {
		remove_range(o, g, 0);
		i -= i > 0;
		if (o->stats)
			stats_add(o->stats, STAT_origin_ranges_cut, 1);
	}
	if (g->count == g->cap)
		grow(g);
	memmove(&g->ranges[i + 1], &g->ranges[i], (g->count - i) * sizeof *g->ranges);
	g->ranges[i] = r;
	if (g->count > 0)
		o->extra_ranges++;
	g->count++;
}

static void
add_seq(struct origins *o, struct origin *g, uint64_t seq)
{
	uint32_t i = above(g, seq);
	struct range *below = i > 0 ? &g->ranges[i - 1] : NULL, *next = i < g->count ? &g->ranges[i] : NULL;
	if (below && seq <= below->hi)
		return;
	bool joins_below = below && below->hi + 1 == seq, joins_next = next && next->lo == seq + 1;
	if (joins_below && joins_next) {
		below->hi = next->hi;
		remove_range(o, g, i);
	} else if (joins_below) {
		below->hi = seq;
	} else if (joins_next) {
		next->lo = seq;
	} else {
		insert_range(o, g, i, (struct range){seq, seq});
	}
}

/* ---- origins ----------------------------------------------------------------------------------------------------- */

static struct origin *
find(const struct origins *o, const uint8_t id[FRAME_ORIGIN])
{
	struct origin *g;
	HASH_FIND(hh, o->table, id, FRAME_ORIGIN, g);
	return g;
}

static struct origin_share *
share_of(struct origins *o, uint64_t via)
{
	struct origin_share *s;
	HASH_FIND(hh, o->shares, &via, sizeof via, s);
	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->via = via;
	HASH_ADD(hh, o->shares, via, sizeof s->via, s);
	return s;
}

static void
forget(struct origins *o, struct origin *g)
{
	struct origin_share *s = g->share;
	DL_DELETE(s->list, g);
	if (--s->count == 0) {
		HASH_DEL(o->shares, s);
		free(s);
	}
	HASH_DEL(o->table, g);
	if (g->count > 1)
		o->extra_ranges -= g->count - 1;
	if (g->ranges != &g->one)
		free(g->ranges);
	free(g);
}

/* The peer with the most has the least to lose by one. */
static void
forget_one(struct origins *o)
{
	struct origin_share *s, *most = NULL;
	for (s = o->shares; s; s = s->hh.next)
		if (!most || s->count > most->count)
			most = s;
	if (!most)
		return;
	forget(o, most->list);
	if (o->stats)
		stats_add(o->stats, STAT_origins_cut, 1);
}

static struct origin *
get(struct origins *o, const uint8_t id[FRAME_ORIGIN], uint64_t via)
{
	struct origin *g = find(o, id);
	if (g)
		return g;
	if (HASH_COUNT(o->table) >= (o->most ? o->most : ORIGINS_MAX))
		forget_one(o);
	g = calloc(1, sizeof *g);
	if (!g)
		abort();
	memcpy(g->id, id, FRAME_ORIGIN);
	g->ranges = &g->one;
	g->cap = 1;
	g->used_ns = o->age_ns;
	HASH_ADD(hh, o->table, id, FRAME_ORIGIN, g);
	g->share = share_of(o, via);
	g->share->count++;
	DL_APPEND(g->share->list, g);
	return g;
}

static void
touch(struct origins *o, struct origin *g)
{
	if (o->age_ns - g->used_ns < touch_ns)
		return;
	g->used_ns = o->age_ns;
	DL_DELETE(g->share->list, g);
	DL_APPEND(g->share->list, g);
}

void
origins_fini(struct origins *o)
{
	struct origin *g, *next;
	HASH_ITER(hh, o->table, g, next)
	forget(o, g);
	free(o->sums);
	o->sums = NULL;
	o->age_ns = o->since_ns = 0;
}

enum origin_answer
origins_look(const struct origins *o, const uint8_t id[FRAME_ORIGIN], uint64_t seq, uint64_t sum)
{
	const struct origin *g = find(o, id);
	if (!g || !has(g, seq))
		return ORIGIN_NEW;
	if (sum_differs(o, id, seq, sum))
		return ORIGIN_CONFLICT;
	return g->own ? ORIGIN_LOOP : ORIGIN_TAKEN;
}

void
origins_add(struct origins *o, const uint8_t id[FRAME_ORIGIN], uint64_t seq, uint64_t sum, uint64_t via)
{
	struct origin *g = get(o, id, via);
	add_seq(o, g, seq);
	touch(o, g);
	g->last_seq = seq;
	g->last_sum = sum;
	keep_sum(o, id, seq, sum);
}

void
origins_own(struct origins *o, const uint8_t id[FRAME_ORIGIN])
{
	get(o, id, 0)->own = true;
}

bool
origins_is_own(const struct origins *o, const uint8_t id[FRAME_ORIGIN])
{
	const struct origin *g = find(o, id);
	return g && g->own;
}

size_t
origins_count(const struct origins *o)
{
	return HASH_COUNT(o->table);
}

void
origins_grow_old(struct origins *o, int64_t mono_ns)
{
	if (o->since_ns != 0 && mono_ns > o->since_ns)
		o->age_ns += mono_ns - o->since_ns;
	o->since_ns = mono_ns;
	struct origin_share *s, *next;
	HASH_ITER(hh, o->shares, s, next)
	{
		for (bool more = true; more && o->age_ns - s->list->used_ns >= forget_ns;) {
			more = s->count > 1; /* the share goes with its last */
			forget(o, s->list);
			if (o->stats)
				stats_add(o->stats, STAT_origins_expired, 1);
		}
	}
}

/* ---- snapshot ---------------------------------------------------------------------------------------------------- */

static void
encode_one(const struct origin *g, struct buf *out)
{
	mp_add_array(out, 7);
	mp_add_bin(out, g->id, sizeof g->id);
	mp_add_bool(out, g->own);
	mp_add_uint(out, g->share->via);
	mp_add_uint(out, (uint64_t)g->used_ns);
	mp_add_uint(out, g->last_seq);
	mp_add_uint(out, g->last_sum);
	mp_add_array(out, 2 * g->count);
	for (uint32_t i = 0; i < g->count; i++) {
		mp_add_uint(out, g->ranges[i].lo);
		mp_add_uint(out, g->ranges[i].hi);
	}
}

void
origins_encode(const struct origins *o, struct buf *out)
{
	mp_add_map(out, 2);
	mp_add_strz(out, "age");
	mp_add_uint(out, (uint64_t)o->age_ns);
	mp_add_strz(out, "origins");
	mp_add_array(out, HASH_COUNT(o->table));
	const struct origin *g;
	for (const struct origin_share *s = o->shares; s; s = s->hh.next)
		DL_FOREACH(s->list, g)
	encode_one(g, out);
}

static void
decode_ranges(struct origins *o, struct origin *g, struct cursor *c)
{
	uint32_t n = statefile_array(c, 0);
	uint64_t behind = 0; /* ranges come in order: the next may begin here */
	for (uint32_t i = 0; i + 1 < n && c->err == BX_OK; i += 2) {
		struct range r = {statefile_uint(c), 0};
		r.hi = statefile_uint(c);
		if (c->err == BX_OK && (r.lo > r.hi || (i > 0 && r.lo <= behind)))
			cursor_fail(c, BX_EBAD);
		if (c->err != BX_OK)
			return;
		if (g->count == 0 || g->ranges[g->count - 1].hi < r.lo)
			insert_range(o, g, g->count, r);
		behind = r.hi;
	}
	if (n % 2)
		cursor_fail(c, BX_EBAD);
}

static void
decode_one(struct origins *o, struct cursor *c)
{
	struct mp_token id, own;
	uint32_t items = statefile_array(c, 7);
	if (!mp_next(c, &id) || id.kind != MP_BIN || id.len != FRAME_ORIGIN || !mp_next(c, &own) ||
	    own.kind != MP_BOOL) {
		cursor_fail(c, BX_EBAD);
		return;
	}
	uint64_t via = statefile_uint(c), used = statefile_uint(c), seq = statefile_uint(c), sum = statefile_uint(c);
	if (c->err != BX_OK || used > INT64_MAX) {
		cursor_fail(c, BX_EBAD);
		return;
	}
	struct origin *g = get(o, id.data, via);
	g->own |= own.b;
	g->used_ns = (int64_t)used;
	g->last_seq = seq;
	g->last_sum = sum;
	decode_ranges(o, g, c);
	if (g->count)
		keep_sum(o, g->id, seq, sum);
	for (uint32_t i = 7; i < items && mp_skip(c); i++)
		;
}

enum bx_err
origins_decode(struct origins *o, struct cursor *c)
{
	struct mp_token top, key;
	if (!mp_next(c, &top) || top.kind != MP_MAP)
		cursor_fail(c, BX_EBAD);
	for (uint32_t i = 0; c->err == BX_OK && i < top.len && mp_next(c, &key); i++) {
		if (mp_str_is(&key, "age")) {
			uint64_t age = statefile_uint(c);
			o->age_ns = age > INT64_MAX ? 0 : (int64_t)age;
		} else if (mp_str_is(&key, "origins")) {
			uint32_t n = statefile_array(c, 0);
			for (uint32_t k = 0; k < n && c->err == BX_OK; k++)
				decode_one(o, c);
		} else {
			mp_skip(c);
		}
	}
	return c->err;
}
