/* SPDX-License-Identifier: ISC */
/*
 * own: the events that oxd itself puts into the log.
 *
 * `blueox.dropped` tells what a program could not put into its ring: one event a reason that grew since the last
 * report.  Body: {count, bytes, first, last, reason, program, pid}.  A ring knows its bytes for all reasons together only:
 * where several grew they are shared out by count, and `bytes_shared` is true.  The drops lie between `first` and `last`:
 * the ring's first drop or the report before this one, and its newest drop.  Reason journal_full:
 * oxd itself gave up events that were in its journal; program and pid are its own, `first` and `last` the ends of those
 * events.
 */
#ifndef BLUEOX_OXD_OWN_H
#define BLUEOX_OXD_OWN_H

#include "oxd/audit.h"
#include "oxd/lost.h"
#include "oxd/ring_file.h"

/*
 * Adds the events of one report to a started frame.  Returns how many; `count` is the sum of the drops that they tell.
 * `reported` is what earlier reports have told.
 */
unsigned own_add_dropped(struct buf *frame, size_t frame_at, const struct ring_file *r, const struct ring_drops *now,
    const struct drop_totals *reported, uint64_t *count);

/* The name of a ring's reason to drop, by its place in the layout. */
const char *own_reason_name(int reason);

/* Adds one event about what intake has left out: reason rule, quota, bad_map or frame_too_big, and `rule` where one did. */
void own_add_left_out(struct buf *frame, size_t frame_at, const struct audit_report *report);

/*
 * Adds `blueox.oxd`, how this oxd is: {version, uptime, state, rings, counters, grown}; `counters` since its start,
 * `grown` since the event before, both without those that are zero.  `before` is brought up to date.
 * It has been up for `up_ns` by a clock that nobody sets; the event's own start follows from that.
 */
void own_add_life(struct buf *frame, size_t frame_at, const struct stats *stats, uint64_t before[STAT_COUNT],
    int64_t up_ns, const char *state, unsigned rings);

/* Adds `blueox.stream` {lost}: so many events in all passed by a subscriber that was too slow, the first at that time. */
void own_add_stream_lost(struct buf *frame, size_t frame_at, uint64_t lost, double first);

/* Adds one event that tells of what --when-full=drop-oldest has given up, or an upstream has rejected. */
void own_add_lost(struct buf *frame, size_t frame_at, const struct lost *lost, const char *reason);

#endif
