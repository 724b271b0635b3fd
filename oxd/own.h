/* SPDX-License-Identifier: ISC */
/*
 * own: the events that oxd itself puts into the log.
 *
 * `blueox.dropped` tells what a program could not put into its ring: one event a reason that grew since the last
 * report.  Body: {count, bytes, first, last, reason, program, pid}; `bytes` is known for all reasons together only and
 * stands in the first event of a report; `first` and `last` are the ring's first and newest drop.  Reason journal_full:
 * oxd itself gave up events that were in its journal; program and pid are its own, `first` and `last` the ends of those
 * events.
 */
#ifndef BLUEOX_OXD_OWN_H
#define BLUEOX_OXD_OWN_H

#include "oxd/lost.h"
#include "oxd/ring_file.h"

/*
 * Adds the events of one report to a started frame.  Returns how many; `count` is the sum of the drops that they tell.
 * `reported` is what earlier reports have told.
 */
unsigned own_add_dropped(struct buf *frame, size_t frame_at, const struct ring_file *r, const struct ring_drops *now,
    const struct drop_totals *reported, uint64_t *count);

/* Adds one event that tells of what --when-full=drop-oldest has given up, or an upstream has rejected. */
void own_add_lost(struct buf *frame, size_t frame_at, const struct lost *lost, const char *reason);

#endif
