/* SPDX-License-Identifier: ISC */
/*
 * haul: the events that one thread found in one piece of a log, until it is their turn to be shown or counted.
 *
 * What an event comes to is made when it is found, by the thread that found it: its text, or its group and numbers among the sums
 * of that thread.  What needs all that came before, whether it is a repeat and whether it is within the limit, is asked when the
 * haul has its turn.
 */
#ifndef BLUEOX_OXVIEW_HAUL_H
#define BLUEOX_OXVIEW_HAUL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oxview/show.h"

struct haul {
	struct haul_event *events; /* owned */
	double *numbers;           /* owned; of each event, as many as the sums have */
	struct buf text;
	size_t count, cap;
	size_t numbers_count;
};

/* `hash`: see repeats.h; 0: it is never taken for a repeat.  False: out of memory, or no more of it allowed. */
bool haul_add_text(
    struct haul *h, uint64_t hash, const struct conf *conf, struct paths *columns, const struct event *ev);
bool haul_add_sums(struct haul *h, uint64_t hash, struct sums *sums, const struct event *ev);

/* So much that it should have its turn before there is more. */
bool haul_is_full(const struct haul *h);

/* In its turn: prints what was not shown before.  False: no more is wanted. */
bool haul_print(const struct haul *h, struct show *s);

/* In its turn: leaves out of the sums what was counted before; and then, at any time, counts.  False: out of memory. */
void haul_sift(struct haul *h, struct repeats *repeats);
bool haul_tally(const struct haul *h, struct sums *sums);

void haul_clear(struct haul *h);
void haul_fini(struct haul *h);

#endif
