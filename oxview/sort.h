/* SPDX-License-Identifier: ISC */
/*
 * sort: events in the order of one of their fields, held in memory under a bound.
 *
 * With a limit only the best N are held, in a heap with the worst of them on top.  Numbers come before texts, and
 * events that do not have the field come last whichever way round; equals keep the order in which they came.
 */
#ifndef BLUEOX_OXVIEW_SORT_H
#define BLUEOX_OXVIEW_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/event.h"
#include "libbx/core/paths.h"

/* What an event is sorted by.  Text is borrowed from the event. */
struct sort_key {
	enum { SORT_NUMBER, SORT_TEXT, SORT_MISSING } kind;
	double number;
	struct bytes text;
};

/* By the first of the paths. */
struct sort_key sort_key_of(const struct event *ev, struct paths *field);

/* < 0, 0, > 0 */
int sort_compare(const struct sort_key *a, const struct sort_key *b, bool reverse);

struct sort_item;

struct sorter {
	struct paths *field; /* borrowed; NULL: as they came */
	bool reverse;
	uint64_t limit; /* 0: none */
	uint64_t memory_bytes, used_bytes;
	struct sort_item **items; /* owned */
	size_t count, cap;
	uint64_t came; /* events seen */
};

void sorter_init(struct sorter *s, struct paths *field, bool reverse, uint64_t limit, uint64_t memory_bytes);
void sorter_fini(struct sorter *s);

/* Copies the event if it is among the best so far.  False when memory_bytes, or the machine's memory, is used up. */
bool sorter_add(struct sorter *s, const struct event *ev);

/* Call once behind the last add.  Then sorter_get(0 .. count - 1) are the events in order, until sorter_fini(). */
void sorter_finish(struct sorter *s);
void sorter_get(const struct sorter *s, size_t i, struct event *ev);

#endif
