/* SPDX-License-Identifier: ISC */
/*
 * ingest_push: the collection port, where existing clients PUSH events in wire version 3.
 *
 * A thread of its own owns the PULL socket, checks each message, and gathers good ones into unsealed frames.  Filled
 * frames go over to the ingest thread through a short queue; when that is full the thread waits, the socket fills, and
 * senders feel it.  A bad message is counted, told at a limited rate, and dropped; the socket goes on.
 */
#ifndef BLUEOX_OXD_INGEST_PUSH_H
#define BLUEOX_OXD_INGEST_PUSH_H

#include <pthread.h>
#include <stdbool.h>

#include "libbx/core/buf.h"
#include "oxd/doorbell.h"
#include "oxd/stats.h"

enum { PUSH_QUEUE = 4 };

struct ingest_push {
	void *socket;           /* a bound PULL socket; the thread's own once it runs, closed by it */
	struct doorbell *bell;  /* borrowed */
	struct stats *stats;    /* borrowed */
	struct buf filling;     /* the thread's own */
	uint32_t filling_count; /* events in it */
	int64_t leave_by_ns;    /* the thread's own: a stop that finds no room gives up then */
	pthread_t thread;
	_Atomic bool stop;

	pthread_mutex_t lock;
	pthread_cond_t room;
	/* under lock: a ring of filled frames, oldest at `first` */
	struct buf queue[PUSH_QUEUE];
	unsigned first, count;
};

bool ingest_push_start(struct ingest_push *p, void *socket, struct doorbell *bell, struct stats *stats);

/* Takes what the socket still holds, hands it over, and ends the thread.  The ingest thread must still be taking. */
void ingest_push_stop(struct ingest_push *p);
void ingest_push_fini(struct ingest_push *p);

/* Ingest thread: swaps the oldest filled frame with `frame`, whose memory is used again.  False when there is none. */
bool ingest_push_take(struct ingest_push *p, struct buf *frame);
bool ingest_push_waiting(struct ingest_push *p);

#endif
