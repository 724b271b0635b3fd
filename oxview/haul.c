/* SPDX-License-Identifier: ISC */
/* haul: an array that grows, beside one text or one array of numbers. */
#include "oxview/haul.h"

#include <stdlib.h>
#include <string.h>

enum {
	EVENTS_MAX = 64 * 1024,
	NUMBERS_MAX = 512 * 1024,
	TEXT_MAX = 4 * 1024 * 1024,
	AHEAD = 8, /* events whose place among the repeats is fetched beforehand */
};

struct haul_event {
	uint64_t hash;
	union {
		struct sums_group *group; /* NULL: it was a repeat */
		size_t text_end;
	};
};

/* For one more, with so many numbers. */
static bool
make_room(struct haul *h, size_t numbers)
{
	if (h->count < h->cap)
		return true;
	size_t cap = h->cap ? 2 * h->cap : 1024;
	struct haul_event *events = realloc(h->events, cap * sizeof *events);
	if (!events)
		return false;
	h->events = events;
	double *more = numbers ? realloc(h->numbers, cap * numbers * sizeof *more) : NULL;
	if (numbers && !more)
		return false;
	h->numbers = more;
	h->cap = cap;
	return true;
}

bool
haul_add_text(struct haul *h, uint64_t hash, const struct conf *conf, struct paths *columns, const struct event *ev)
{
	if (!make_room(h, 0))
		return false;
	show_text(conf, columns, ev, &h->text);
	h->events[h->count++] = (struct haul_event){.hash = hash, .text_end = h->text.len};
	return h->text.err == BX_OK;
}

bool
haul_add_sums(struct haul *h, uint64_t hash, struct sums *sums, const struct event *ev)
{
	double numbers[PATHS_MAX];
	size_t n = sums->spec.numbers;
	if (!make_room(h, n))
		return false;
	struct sums_group *group = sums_find(sums, ev, numbers);
	if (n)
		memcpy(h->numbers + h->numbers_count, numbers, n * sizeof *numbers);
	h->numbers_count += n;
	h->events[h->count++] = (struct haul_event){.hash = hash, .group = group};
	return group != NULL;
}

bool
haul_is_full(const struct haul *h)
{
	return h->count >= EVENTS_MAX || h->text.len >= TEXT_MAX || h->numbers_count >= NUMBERS_MAX;
}

static bool
is_repeat(const struct haul *h, size_t i, struct repeats *repeats)
{
	if (!repeats->lines)
		return false;
	if (i + AHEAD < h->count)
		repeats_fetch(repeats, h->events[i + AHEAD].hash);
	return repeats_seen_hash(repeats, h->events[i].hash);
}

bool
haul_print(const struct haul *h, struct show *s)
{
	size_t from = 0, to = 0; /* what is to be printed in one go */
	uint64_t limit = s->conf->limit;
	bool more = true;
	for (size_t i = 0; i < h->count && more; i++) {
		size_t end = h->events[i].text_end;
		if (is_repeat(h, i, &s->repeats)) {
			out_put(s->out, h->text.data + from, to - from);
			from = to = end;
			continue;
		}
		to = end;
		s->shown++;
		more = !limit || s->shown < limit;
	}
	return out_put(s->out, h->text.data + from, to - from) && more;
}

void
haul_sift(struct haul *h, struct repeats *repeats)
{
	for (size_t i = 0; repeats->lines && i < h->count; i++)
		if (is_repeat(h, i, repeats))
			h->events[i].group = NULL;
}

bool
haul_tally(const struct haul *h, struct sums *sums)
{
	size_t n = sums->spec.numbers;
	for (size_t i = 0; i < h->count; i++) {
		struct sums_group *group = h->events[i].group;
		if (group && !sums_count(sums, group, h->numbers + i * n))
			return false;
	}
	return true;
}

void
haul_clear(struct haul *h)
{
	h->count = h->numbers_count = 0;
	buf_clear(&h->text);
}

void
haul_fini(struct haul *h)
{
	free(h->events);
	free(h->numbers);
	buf_fini(&h->text);
	*h = (struct haul){0};
}
