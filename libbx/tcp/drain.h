/* SPDX-License-Identifier: ISC */
/*
 * drain: the private rings of this process, emptied into frames that are named here and kept in the queue.
 *
 * A ring's tail moves when the frame is in the queue.  When the queue has no room nothing is taken: the rings fill, and
 * what then does not fit is dropped and counted by the thread that would have emitted it, as on a host's own oxd.  One
 * thread.
 */
#ifndef BLUEOX_TCP_DRAIN_H
#define BLUEOX_TCP_DRAIN_H

#include "libbx/core/buf.h"
#include "libbx/core/frame.h"
#include "libbx/process.h"
#include "libbx/tcp/queue.h"

struct drain {
	struct process *process;
	struct buf frame;
	uint8_t origin[FRAME_ORIGIN];
	uint32_t next_ring;           /* which one is first the next time */
	uint64_t at[PROCESS_RINGS];   /* read up to here; 0 before the first look */
	uint64_t head[PROCESS_RINGS]; /* up to where the frame being made has it */
};

/* False when there is no randomness for an origin. */
bool drain_init(struct drain *d, struct process *p);
void drain_fini(struct drain *d);

/* Makes at most one frame of what the rings hold.  True when it made one. */
bool drain_once(struct drain *d, struct queue *q);

/* True when some ring holds something. */
bool drain_has_work(struct drain *d);

/* True when some ring is half full. */
bool drain_is_urgent(struct drain *d);

/* Seals what was added to d->frame since frame_start() as the next frame, and queues it; `events` of it came from rings. */
bool drain_seal(struct drain *d, struct queue *q, uint32_t events);

/* Private rings of the process: calls back with each. */
const struct ring_header *drain_ring(const struct drain *d, uint32_t slot);

#endif
