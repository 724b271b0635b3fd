/* SPDX-License-Identifier: ISC */
/*
 * emit: writing the event of a context into this thread's ring.
 *
 * The event is written straight into the ring: an upper bound of its size is known beforehand, the exact size when it
 * has been written, and nobody sees it before it is published.
 */
#ifndef BLUEOX_EMIT_H
#define BLUEOX_EMIT_H

#include "libbx/context.h"

/* True when the event, ended at that moment of the monotonic clock, is in the ring; else it was dropped and counted. */
bool emit_event(struct thread *t, struct ctx *c, int64_t end_mono);

/* Prepares the head of an event of this lineage, a parent included; false when it is longer than there is room. */
bool emit_prepare(struct ctx *c);

/* Counts the event of a context that was lost from its beginning. */
void emit_nothing(struct thread *t, const struct ctx *c);

#endif
