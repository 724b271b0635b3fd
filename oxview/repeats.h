/* SPDX-License-Identifier: ISC */
/*
 * repeats: events that have been shown already.
 *
 * Failing over from one log to another, and putting a log file back that was replaced, can leave an event in two places.
 * Two events are one when span, type, start and end are the same; events without a span are never taken for repeats.
 *
 * Memory is bounded: of each event a hash of 64 bits is kept, of the last million or so.  A repeat that is further away
 * than that is shown again.
 *
 * Any number of threads may ask at once: of the same event in several, one is told that it is new.
 */
#ifndef BLUEOX_OXVIEW_REPEATS_H
#define BLUEOX_OXVIEW_REPEATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/event.h"

enum { REPEATS_KEPT = 1 << 20 };

struct repeats {
	_Atomic uint64_t *lines; /* owned; eight hashes a line, a line of memory, the newest anywhere in it */
	_Atomic uint64_t count;  /* repeats that were found */
};

bool repeats_init(struct repeats *r); /* false: out of memory */
void repeats_fini(struct repeats *r);

/* True when this event was asked for before; from now on it was. */
bool repeats_seen(struct repeats *r, const struct event *ev);

#endif
