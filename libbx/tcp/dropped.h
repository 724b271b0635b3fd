/* SPDX-License-Identifier: ISC */
/*
 * dropped: what this process dropped, told to the log as `blueox.dropped` events (doc/FORMATS.md).
 *
 * On a host with an oxd that oxd does it; here nobody else can.  Told each minute, and before the thread ends.
 */
#ifndef BLUEOX_TCP_DROPPED_H
#define BLUEOX_TCP_DROPPED_H

#include "libbx/process.h"
#include "libbx/tcp/drain.h"

struct dropped {
	uint64_t told[RING_DROP_SLOTS];
	uint64_t told_bytes, told_rejected, told_damaged;
	double since; /* wall clock, seconds: nothing told was dropped after this */
};

/* Queues a frame with one event for each reason that grew.  True when there was something to tell, and room for it. */
bool dropped_tell(struct dropped *w, struct drain *d, struct queue *q, const struct config *config);

#endif
