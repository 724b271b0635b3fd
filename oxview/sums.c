/* SPDX-License-Identifier: ISC */
/* sums: an open hash table over keys that say the same value in the same bytes. */
#include "oxview/sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/mp.h"

enum { FIRST_TABLE = 64 };

bool
sums_init(struct sums *s, const struct sums_spec *spec)
{
	struct filter_error err;
	*s = (struct sums){.spec = *spec, .table_size = FIRST_TABLE};
	s->table = calloc(FIRST_TABLE, sizeof *s->table);
	if (spec->paths)
		s->paths = paths_parse(spec->paths, strlen(spec->paths), &err);
	return s->table && (!spec->paths || s->paths);
}

static void
free_group(const struct sums *s, struct sums_group *g)
{
	for (size_t k = 0; k < s->spec.numbers; k++)
		hist_fini(&g->hists[k]);
	free(g);
}

void
sums_fini(struct sums *s)
{
	for (size_t i = 0; i < s->count; i++)
		free_group(s, s->groups[i]);
	free(s->groups);
	free(s->table);
	paths_free(&s->paths);
	buf_fini(&s->key);
	*s = (struct sums){0};
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* One value in its shortest form, so that equal values are equal bytes; maps and arrays as they are. */
static void
add_value(struct buf *key, struct paths *paths, size_t i)
{
	struct mp_token t;
	if (!paths_token(paths, i, &t)) {
		buf_putc(key, (char)SUMS_MISSING);
		return;
	}
	switch (t.kind) {
	case MP_UINT:
		mp_add_uint(key, t.u);
		break;
	case MP_INT:
		mp_add_int(key, t.i);
		break;
	case MP_FLOAT:
		mp_add_double(key, isnan(t.f) ? (double)NAN : t.f);
		break;
	case MP_STR:
		mp_add_str(key, t.data, t.len);
		break;
	case MP_BIN:
		mp_add_bin(key, t.data, t.len);
		break;
	default: {
		struct bytes whole = paths_object(paths, i);
		buf_put(key, whole.p, whole.n);
		break;
	}
	}
}

static double
stretch_of(const struct sums *s, const struct event *ev)
{
	double when = ev->has_end ? ev->end : ev->has_start ? ev->start : (double)NAN;
	return isfinite(when) ? floor(when / s->spec.stretch) * s->spec.stretch : (double)NAN;
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static bool
place(struct sums *s, uint32_t group)
{
	size_t at = s->groups[group]->hash & (s->table_size - 1);
	while (s->table[at])
		at = (at + 1) & (s->table_size - 1);
	s->table[at] = group + 1;
	return true;
}

/* Twice the table, and the same groups in it. */
static bool
widen_table(struct sums *s)
{
	uint32_t *table = calloc(2 * s->table_size, sizeof *table);
	if (!table)
		return false;
	free(s->table);
	s->table = table;
	s->table_size *= 2;
	for (size_t i = 0; i < s->count; i++)
		place(s, (uint32_t)i);
	return true;
}

static struct sums_group *
new_group(struct sums *s, const void *key, size_t key_len, uint64_t hash)
{
	size_t head = (sizeof(struct sums_group) + key_len + 15) & ~(size_t)15;
	size_t bytes = head + s->spec.numbers * sizeof(struct hist);
	if (s->count == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct sums_group **grown = realloc(s->groups, cap * sizeof *grown);
		if (!grown)
			return NULL;
		s->groups = grown;
		s->cap = cap;
	}
	if (2 * (s->count + 1) > s->table_size && !widen_table(s))
		return NULL;
	s->used_bytes += bytes + 4 * sizeof(void *);
	struct sums_group *g =
	    s->used_bytes <= s->spec.memory_bytes && s->count < UINT32_MAX / 4 ? calloc(1, bytes) : NULL;
	if (!g)
		return NULL;
	g->hash = hash;
	g->time = (double)NAN;
	g->hists = s->spec.numbers ? (struct hist *)(void *)((char *)g + head) : NULL;
	g->key_len = (uint32_t)key_len;
	if (key_len)
		memcpy(g->key, key, key_len);
	s->groups[s->count] = g;
	place(s, (uint32_t)s->count++);
	return g;
}

/* The group of this key, made where there is none.  NULL: memory is used up. */
static struct sums_group *
group_of(struct sums *s, const void *key, size_t key_len, uint64_t hash, double time)
{
	size_t at = hash & (s->table_size - 1);
	for (; s->table[at]; at = (at + 1) & (s->table_size - 1)) {
		struct sums_group *g = s->groups[s->table[at] - 1];
		if (g->hash == hash && g->key_len == key_len && (key_len == 0 || memcmp(g->key, key, key_len) == 0))
			return g;
	}
	struct sums_group *g = new_group(s, key, key_len, hash);
	if (g)
		g->time = time;
	else
		s->full = true;
	return g;
}

static bool
number_of(const struct mp_token *t, double *out)
{
	if (t->kind == MP_UINT)
		*out = (double)t->u;
	else if (t->kind == MP_INT)
		*out = (double)t->i;
	else if (t->kind == MP_FLOAT)
		*out = t->f;
	else
		return false;
	return true;
}

/* What the event has of the numbers; NaN: nothing that is one. */
static void
find_numbers(struct sums *s, double *numbers)
{
	for (size_t i = 0; i < s->spec.numbers; i++) {
		struct mp_token t;
		if (!paths_token(s->paths, s->spec.by + i, &t) || !number_of(&t, &numbers[i]))
			numbers[i] = (double)NAN;
	}
}

static bool
add_numbers(struct sums *s, struct sums_group *g, const double *numbers)
{
	for (size_t i = 0; i < s->spec.numbers; i++) {
		struct hist *h = &g->hists[i];
		size_t before = hist_bytes(h);
		if (!hist_add(h, numbers[i]))
			return false;
		s->used_bytes += hist_bytes(h) - before;
	}
	return s->used_bytes <= s->spec.memory_bytes;
}

/* The one group of sums without fields and stretches. */
static struct sums_group *
only_group(struct sums *s)
{
	return s->count ? s->groups[0] : group_of(s, NULL, 0, 0, (double)NAN);
}

/*
 * By one text alone, which needs no key of its own: where it stands in the event it has the bytes that the key would have,
 * its header in the shortest form included.
 */
static struct sums_group *
group_of_text(struct sums *s)
{
	struct mp_token t;
	if (!paths_token(s->paths, 0, &t) || t.kind != MP_STR || t.len >= 32 || t.data[-1] != (0xa0 | t.len))
		return NULL;
	return group_of(s, t.data - 1, t.len + 1, XXH3_64bits(t.data - 1, t.len + 1), (double)NAN);
}

static struct sums_group *
group_of_key(struct sums *s, const struct event *ev)
{
	double time = (double)NAN;
	buf_clear(&s->key);
	if (s->spec.stretch > 0) {
		time = stretch_of(s, ev);
		mp_add_double(&s->key, time);
	}
	for (size_t i = 0; i < s->spec.by; i++)
		add_value(&s->key, s->paths, i);
	if (s->key.err != BX_OK) {
		s->full = true;
		return NULL;
	}
	uint64_t hash = s->key.len ? XXH3_64bits(s->key.data, s->key.len) : 0;
	return group_of(s, s->key.data, s->key.len, hash, time);
}

struct sums_group *
sums_find(struct sums *s, const struct event *ev, double *numbers)
{
	struct sums_group *g = NULL;
	if (s->paths)
		paths_find_in(s->paths, ev);
	if (s->spec.by == 0 && !(s->spec.stretch > 0))
		g = only_group(s);
	else if (s->spec.by == 1 && !(s->spec.stretch > 0))
		g = group_of_text(s);
	if (!g && !s->full)
		g = group_of_key(s, ev);
	find_numbers(s, numbers);
	return g;
}

bool
sums_count(struct sums *s, struct sums_group *g, const double *numbers)
{
	g->count++;
	if (s->spec.numbers && !add_numbers(s, g, numbers))
		s->full = true;
	return !s->full;
}

bool
sums_add(struct sums *s, const struct event *ev)
{
	double numbers[PATHS_MAX];
	struct sums_group *g = sums_find(s, ev, numbers);
	return g && sums_count(s, g, numbers);
}

bool
sums_merge(struct sums *to, const struct sums *from)
{
	for (size_t i = 0; i < from->count && !to->full; i++) {
		const struct sums_group *f = from->groups[i];
		if (f->count == 0)
			continue;
		struct sums_group *g = group_of(to, f->key, f->key_len, f->hash, f->time);
		if (!g)
			break;
		g->count += f->count;
		for (size_t k = 0; k < to->spec.numbers; k++) {
			size_t before = hist_bytes(&g->hists[k]);
			if (!hist_merge(&g->hists[k], &f->hists[k]))
				to->full = true;
			to->used_bytes += hist_bytes(&g->hists[k]) - before;
		}
		if (to->used_bytes > to->spec.memory_bytes)
			to->full = true;
	}
	to->full = to->full || from->full;
	return !to->full;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static int
by_time(const struct sums_group *x, const struct sums_group *y)
{
	if (isnan(x->time) || isnan(y->time))
		return (isnan(x->time) ? 1 : 0) - (isnan(y->time) ? 1 : 0);
	return (x->time > y->time) - (x->time < y->time);
}

static int
in_order(const void *a, const void *b)
{
	const struct sums_group *x = *(struct sums_group *const *)a, *y = *(struct sums_group *const *)b;
	int order = by_time(x, y);
	if (order == 0)
		order = (x->count < y->count) - (x->count > y->count);
	if (order == 0)
		order = memcmp(x->key, y->key, x->key_len < y->key_len ? x->key_len : y->key_len);
	return order ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

void
sums_finish(struct sums *s)
{
	if (s->count == 0 && s->spec.by == 0 && !(s->spec.stretch > 0))
		new_group(s, NULL, 0, 0); /* nothing is a count too */
	size_t used = 0;                  /* what nothing came to was found and not counted */
	for (size_t i = 0; i < s->count; i++) {
		struct sums_group *g = s->groups[i];
		bool none = g->count == 0 && (s->spec.by > 0 || s->spec.stretch > 0);
		s->groups[i] = s->groups[used];
		s->groups[used] = g;
		used += !none;
	}
	for (size_t i = used; i < s->count; i++)
		free_group(s, s->groups[i]);
	s->count = used;
	if (s->count > 1)
		qsort(s->groups, s->count, sizeof(struct sums_group *), in_order);
}

struct bytes
sums_value(const struct sums *s, const struct sums_group *g, size_t i)
{
	struct cursor c;
	cursor_init(&c, g->key, g->key_len);
	for (size_t skip = i + (s->spec.stretch > 0); skip > 0; skip--) {
		if (cursor_left(&c) > 0 && *c.at == SUMS_MISSING)
			cursor_u8(&c);
		else
			mp_skip(&c);
	}
	const uint8_t *at = c.at;
	if (cursor_left(&c) == 0 || *at == SUMS_MISSING || !mp_skip(&c))
		return (struct bytes){0};
	return (struct bytes){at, (size_t)(c.at - at)};
}
