/* SPDX-License-Identifier: ISC */
/* sort: one comparison decides both the heap and the final order. */
#include "oxview/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sort_item {
	struct sort_key key; /* text points into raw */
	uint64_t came;
	bool reverse; /* as the sorter's, for qsort */
	size_t n;
	uint8_t raw[];
};

static struct sort_key
number(bool has, double v)
{
	return has && !isnan(v) ? (struct sort_key){.kind = SORT_NUMBER, .number = v}
				: (struct sort_key){.kind = SORT_MISSING};
}

static struct sort_key
text(struct bytes b)
{
	return b.p ? (struct sort_key){.kind = SORT_TEXT, .text = b} : (struct sort_key){.kind = SORT_MISSING};
}

struct sort_key
sort_key_of(const struct event *ev, struct paths *field)
{
	struct mp_token t;
	if (!paths_find_in(field, ev) || !paths_token(field, 0, &t))
		return (struct sort_key){.kind = SORT_MISSING};
	switch (t.kind) {
	case MP_BOOL:
		return number(true, t.b);
	case MP_UINT:
		return number(true, (double)t.u);
	case MP_INT:
		return number(true, (double)t.i);
	case MP_FLOAT:
		return number(true, t.f);
	case MP_STR:
	case MP_BIN:
		return text((struct bytes){t.data, t.len});
	default:
		return (struct sort_key){.kind = SORT_MISSING};
	}
}

int
sort_compare(const struct sort_key *a, const struct sort_key *b, bool reverse)
{
	int order = 0;
	if (a->kind == SORT_MISSING || b->kind == SORT_MISSING)
		return (a->kind == SORT_MISSING) - (b->kind == SORT_MISSING);
	if (a->kind != b->kind) {
		order = a->kind == SORT_NUMBER ? -1 : 1;
	} else if (a->kind == SORT_NUMBER) {
		order = (a->number > b->number) - (a->number < b->number);
	} else {
		size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
		order = n ? memcmp(a->text.p, b->text.p, n) : 0;
		if (order == 0)
			order = (a->text.n > b->text.n) - (a->text.n < b->text.n);
	}
	return reverse ? -order : order;
}

static int
item_compare(const struct sort_item *a, const struct sort_item *b)
{
	int order = sort_compare(&a->key, &b->key, a->reverse);
	return order ? order : (a->came > b->came) - (a->came < b->came);
}

static int
by_key(const void *a, const void *b)
{
	return item_compare(*(struct sort_item *const *)a, *(struct sort_item *const *)b);
}

void
sorter_init(struct sorter *s, struct paths *field, bool reverse, uint64_t limit, uint64_t memory_bytes)
{
	*s = (struct sorter){.field = field, .reverse = reverse, .limit = limit, .memory_bytes = memory_bytes};
}

void
sorter_fini(struct sorter *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->items[i]);
	free(s->items);
	*s = (struct sorter){0};
}

static struct sort_key
key_of(const struct sorter *s, const struct event *ev)
{
	return s->field ? sort_key_of(ev, s->field) : (struct sort_key){.kind = SORT_MISSING};
}

static size_t
item_bytes(size_t n)
{
	return sizeof(struct sort_item) + n + 2 * sizeof(void *); /* its place in items, and malloc's own */
}

static struct sort_item *
copy(const struct sorter *s, const struct event *ev)
{
	struct sort_item *item = malloc(sizeof *item + ev->raw.n);
	if (!item)
		return NULL;
	memcpy(item->raw, ev->raw.p, ev->raw.n);
	item->n = ev->raw.n;
	item->came = s->came;
	item->reverse = s->reverse;
	struct event own;
	event_parse(item->raw, item->n, &own);
	item->key = key_of(s, &own);
	return item;
}

static void
heap_down(struct sorter *s, size_t i)
{
	for (;;) {
		size_t worst = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->count; child++)
			if (item_compare(s->items[child], s->items[worst]) > 0)
				worst = child;
		if (worst == i)
			return;
		struct sort_item *item = s->items[i];
		s->items[i] = s->items[worst];
		s->items[worst] = item;
		i = worst;
	}
}

static void
heap_up(struct sorter *s, size_t i)
{
	for (; i > 0 && item_compare(s->items[i], s->items[(i - 1) / 2]) > 0; i = (i - 1) / 2) {
		struct sort_item *item = s->items[i];
		s->items[i] = s->items[(i - 1) / 2];
		s->items[(i - 1) / 2] = item;
	}
}

static bool
room(struct sorter *s)
{
	if (s->count < s->cap)
		return true;
	size_t cap = s->cap ? 2 * s->cap : 256;
	struct sort_item **grown = realloc(s->items, cap * sizeof *grown);
	if (!grown)
		return false;
	s->items = grown;
	s->cap = cap;
	return true;
}

/* The heap is full: the event takes the worst one's place, or is none of the best. */
static bool
replace_worst(struct sorter *s, const struct event *ev)
{
	struct sort_key key = key_of(s, ev);
	if (sort_compare(&key, &s->items[0]->key, s->reverse) >= 0)
		return true;
	struct sort_item *item = copy(s, ev);
	if (!item)
		return false;
	s->used_bytes += item_bytes(item->n) - item_bytes(s->items[0]->n);
	free(s->items[0]);
	s->items[0] = item;
	heap_down(s, 0);
	return s->used_bytes <= s->memory_bytes;
}

bool
sorter_add(struct sorter *s, const struct event *ev)
{
	s->came++;
	if (s->limit && s->count == s->limit)
		return replace_worst(s, ev);
	s->used_bytes += item_bytes(ev->raw.n);
	if (s->used_bytes > s->memory_bytes || !room(s))
		return false;
	struct sort_item *item = copy(s, ev);
	if (!item)
		return false;
	s->items[s->count++] = item;
	if (s->limit)
		heap_up(s, s->count - 1);
	return true;
}

void
sorter_finish(struct sorter *s)
{
	if (s->count > 1)
		qsort(s->items, s->count, sizeof *s->items, by_key);
}

void
sorter_get(const struct sorter *s, size_t i, struct event *ev)
{
	event_parse(s->items[i]->raw, s->items[i]->n, ev);
}
