/* SPDX-License-Identifier: ISC */
/* errors: an open hash table by print; what is kept of a fault is one piece of memory a group. */
#include "oxview/errors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/mp.h"
#include "oxview/body.h"

enum { FIRST_TABLE = 64, SAID_MOST = 1024, STACK_MOST = 64 * 1024, NAME_MOST = 255 };

bool
errors_init(struct errors *e, const char *wanted, uint64_t memory_bytes)
{
	*e = (struct errors){.wanted = wanted, .memory_bytes = memory_bytes, .table_size = FIRST_TABLE};
	e->table = calloc(FIRST_TABLE, sizeof *e->table);
	return e->table != NULL;
}

static void
group_free(struct fault_group **group)
{
	struct fault_group *g = *group;
	for (size_t i = 0; i < g->hosts.count; i++)
		free(g->hosts.names[i]);
	for (size_t i = 0; i < g->types.count; i++)
		free(g->types.names[i]);
	for (size_t i = 0; i < g->sample_count; i++)
		free(g->samples[i].raw);
	free(g->kept);
	free(g);
	*group = NULL;
}

void
errors_fini(struct errors *e)
{
	for (size_t i = 0; i < e->count; i++)
		group_free(&e->groups[i]);
	free(e->groups);
	free(e->table);
	*e = (struct errors){0};
}

/* True, and counted, when there is room for so many bytes more. */
static bool
take_room(struct errors *e, size_t n)
{
	if (e->used_bytes > e->memory_bytes || n > e->memory_bytes - e->used_bytes)
		return false;
	e->used_bytes += n;
	return true;
}

/* ---- what is kept of the first event ----------------------------------------------------------------------------- */

static struct bytes
cut_text(struct bytes b, size_t most)
{
	if (b.n <= most)
		return b;
	b.n = most;
	while (b.n > 0 && (b.p[b.n] & 0xc0) == 0x80)
		b.n--;
	return b;
}

static struct bytes
move(struct bytes b, uint8_t **at)
{
	if (!b.p)
		return b;
	struct bytes moved = {*at, b.n};
	if (b.n)
		memcpy(*at, b.p, b.n);
	*at += b.n;
	return moved;
}

static bool
keep_fault(struct errors *e, struct fault_group *g, const struct fault *f)
{
	struct fault kept = *f;
	kept.own_print = cut_text(f->own_print, FAULT_PRINT_MAX);
	kept.class_name = cut_text(f->class_name, SAID_MOST);
	kept.code = cut_text(f->code, SAID_MOST);
	kept.message = cut_text(f->message, SAID_MOST);
	g->cut = kept.stack.n > STACK_MOST || kept.text.n > STACK_MOST;
	if (g->cut)
		kept.stack = kept.text = (struct bytes){0};
	size_t n = kept.own_print.n + kept.class_name.n + kept.code.n + kept.message.n + kept.stack.n + kept.text.n;
	g->kept = take_room(e, n) ? malloc(n + 1) : NULL;
	if (!g->kept)
		return false;
	uint8_t *at = g->kept;
	kept.own_print = move(kept.own_print, &at);
	kept.class_name = move(kept.class_name, &at);
	kept.code = move(kept.code, &at);
	kept.message = move(kept.message, &at);
	kept.stack = move(kept.stack, &at);
	kept.text = move(kept.text, &at);
	g->fault = kept;
	return true;
}

static uint64_t
hash_of_said(const struct fault *f)
{
	uint64_t hash = f->class_name.p ? XXH3_64bits(f->class_name.p, f->class_name.n) : 0;
	hash = f->code.p ? XXH3_64bits_withSeed(f->code.p, f->code.n, hash) : hash;
	return f->message.p ? XXH3_64bits_withSeed(f->message.p, f->message.n, hash) : hash;
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static void
place(struct errors *e, uint32_t group)
{
	size_t at = e->groups[group]->hash & (e->table_size - 1);
	while (e->table[at])
		at = (at + 1) & (e->table_size - 1);
	e->table[at] = group + 1;
}

static bool
widen_table(struct errors *e)
{
	uint32_t *table = calloc(2 * e->table_size, sizeof *table);
	if (!table)
		return false;
	free(e->table);
	e->table = table;
	e->table_size *= 2;
	for (size_t i = 0; i < e->count; i++)
		place(e, (uint32_t)i);
	return true;
}

static bool
room_for_group(struct errors *e)
{
	if (e->count == e->cap) {
		size_t cap = e->cap ? 2 * e->cap : 64;
		struct fault_group **grown = realloc(e->groups, cap * sizeof *grown);
		if (!grown)
			return false;
		e->groups = grown;
		e->cap = cap;
	}
	return (2 * (e->count + 1) <= e->table_size || widen_table(e)) && e->count < UINT32_MAX / 4 &&
	       take_room(e, sizeof(struct fault_group) + 4 * sizeof(void *));
}

static struct fault_group *
new_group(struct errors *e, const struct fault *f, uint64_t hash)
{
	struct fault_group *g = room_for_group(e) ? calloc(1, sizeof *g) : NULL;
	if (!g || !keep_fault(e, g, f)) {
		free(g);
		return NULL;
	}
	memcpy(g->print, f->print, sizeof g->print);
	g->hash = hash;
	g->first = g->last = (double)NAN;
	g->said = hash_of_said(f);
	e->groups[e->count] = g;
	place(e, (uint32_t)e->count++);
	return g;
}

static struct fault_group *
group_of(struct errors *e, const struct fault *f)
{
	uint64_t hash = XXH3_64bits(f->print, strlen(f->print));
	for (size_t at = hash & (e->table_size - 1); e->table[at]; at = (at + 1) & (e->table_size - 1)) {
		struct fault_group *g = e->groups[e->table[at] - 1];
		if (g->hash == hash && strcmp(g->print, f->print) == 0)
			return g;
	}
	return new_group(e, f, hash);
}

static void
add_name(struct errors *e, struct fault_names *names, struct bytes name)
{
	name = cut_text(name, NAME_MOST);
	if (name.n == 0)
		return;
	for (size_t i = 0; i < names->count; i++)
		if (strlen(names->names[i]) == name.n && memcmp(names->names[i], name.p, name.n) == 0)
			return;
	char *copy = names->count < FAULT_NAMES && take_room(e, name.n) ? strndup((const char *)name.p, name.n) : NULL;
	if (copy)
		names->names[names->count++] = copy;
	else
		names->more = true;
}

static double
when_of(const struct event *ev)
{
	double when = ev->has_end ? ev->end : ev->has_start ? ev->start : (double)NAN;
	return isfinite(when) ? when : (double)NAN;
}

/* What has no time is older than all. */
static bool
is_later(double a, double b)
{
	return !isnan(a) && (isnan(b) || a > b);
}

/* Keeps it when it is one of the latest. */
static void
add_sample(struct errors *e, struct fault_group *g, const struct event *ev)
{
	double when = when_of(ev);
	size_t at = g->sample_count;
	while (at > 0 && is_later(when, g->samples[at - 1].when))
		at--;
	if (at == FAULT_SAMPLES || ev->raw.n > FAULT_SAMPLE_MOST || !take_room(e, ev->raw.n))
		return;
	uint8_t *raw = malloc(ev->raw.n);
	if (!raw)
		return;
	memcpy(raw, ev->raw.p, ev->raw.n);
	if (g->sample_count == FAULT_SAMPLES) {
		e->used_bytes -= g->samples[FAULT_SAMPLES - 1].n;
		free(g->samples[--g->sample_count].raw);
	}
	memmove(&g->samples[at + 1], &g->samples[at], (g->sample_count - at) * sizeof *g->samples);
	g->samples[at] = (struct fault_sample){when, raw, ev->raw.n};
	g->sample_count++;
}

static bool
is_wanted(const struct errors *e, const struct fault *f)
{
	if (!e->wanted)
		return true;
	size_t n = strlen(e->wanted);
	return strncmp(f->print, e->wanted, n) == 0 ||
	       (f->own_print.p && f->own_print.n >= n && memcmp(f->own_print.p, e->wanted, n) == 0);
}

void
errors_add(struct errors *e, const struct event *ev)
{
	struct fault f;
	if (!fault_of(ev, &f) || !is_wanted(e, &f))
		return;
	struct fault_group *g = group_of(e, &f);
	double when = when_of(ev);
	e->events++;
	if (!g) {
		e->left_out++;
		return;
	}
	g->count++;
	g->first = isnan(g->first) || when < g->first ? when : g->first;
	g->last = isnan(g->last) || when > g->last ? when : g->last;
	g->varied = g->varied || hash_of_said(&f) != g->said;
	add_name(e, &g->hosts, ev->host);
	add_name(e, &g->types, ev->type);
	if (e->wanted)
		add_sample(e, g, ev);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

struct ordering {
	enum errors_order order;
	bool reverse;
};

/* Those without a time come last whichever way round. */
static int
compare(const void *a, const void *b, void *arg)
{
	const struct fault_group *x = *(struct fault_group *const *)a, *y = *(struct fault_group *const *)b;
	const struct ordering *o = arg;
	int order = 0;
	if (o->order == ERRORS_BY_COUNT) {
		order = (x->count > y->count) - (x->count < y->count);
	} else {
		double s = o->order == ERRORS_BY_FIRST ? x->first : x->last;
		double t = o->order == ERRORS_BY_FIRST ? y->first : y->last;
		if (isnan(s) || isnan(t))
			return isnan(s) == isnan(t) ? strcmp(x->print, y->print) : isnan(s) ? 1 : -1;
		order = (s > t) - (s < t);
	}
	order = o->reverse ? -order : order;
	return order ? order : strcmp(x->print, y->print);
}

void
errors_sort(struct errors *e, enum errors_order order, bool reverse)
{
	if (e->count > 1)
		qsort_r(e->groups, e->count, sizeof(struct fault_group *), compare, &(struct ordering){order, reverse});
}

const struct fault_group *
errors_one(const struct errors *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->wanted && strcmp(e->groups[i]->print, e->wanted) == 0)
			return e->groups[i];
	return e->count == 1 ? e->groups[0] : NULL;
}
