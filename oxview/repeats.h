/* SPDX-License-Identifier: ISC */
/*
 * repeats: events that have been shown already.
 *
 * Failing over from one log to another, and putting a log file back that was replaced, can leave an event in two places.
 * Two events are one when span, type, start and end are the same; events without a span are never taken for repeats.
 *
 * Memory is bounded: of each event a hash of 64 bits is kept, of the last so many.  A repeat that is further away than
 * that is shown again.  Within the caches of a processor a lookup costs a few nanoseconds; in a table of many megabytes
 * it costs more than counting the event does.
 */
#ifndef BLUEOX_OXVIEW_REPEATS_H
#define BLUEOX_OXVIEW_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/event.h"

enum { REPEATS_LEAST = 1024, REPEATS_MOST = 1 << 28 };

struct repeats {
	size_t kept;     /* a power of two */
	uint64_t *lines; /* owned; eight hashes a line of memory, the newest first */
	uint64_t count;  /* repeats that were found */
};

/* To remember the last `kept` events or so, at most twice as many.  False: out of memory. */
bool repeats_init(struct repeats *r, uint64_t kept);
void repeats_fini(struct repeats *r);

/* True when this event was asked for before; from now on it was. */
bool repeats_seen(struct repeats *r, const struct event *ev);

/* The same in two steps, for who looks at events elsewhere than where repeats are remembered. */
uint64_t repeats_hash(const struct event *ev);
bool repeats_seen_hash(struct repeats *r, uint64_t hash);

/* The memory that repeats_seen_hash() will look at is fetched meanwhile. */
void repeats_fetch(const struct repeats *r, uint64_t hash);

#endif
