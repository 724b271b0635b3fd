/* SPDX-License-Identifier: ISC */
/*
 * relay_queue: frames that came by relay, on their way from the relay thread to the ingest thread and back.
 *
 * A parcel is one DATA message, unpacked and checked.  There are a few, made once: the relay thread fills a free one, the
 * ingest thread appends what of it is new and gives it back with the journal's number at that moment.  When none is free
 * the relay thread reads no further, and the senders feel it.
 */
#ifndef BLUEOX_OXD_RELAY_QUEUE_H
#define BLUEOX_OXD_RELAY_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#include "libbx/core/buf.h"
#include "oxd/doorbell.h"

enum { RELAY_PARCELS = 6 };

/* In the length in front of a frame: it was rejected already, and is passed over. */
#define RELAY_PASS_OVER 0x80000000U

struct relay_parcel {
	uint64_t session;    /* whose: the relay thread's own name for it */
	uint64_t via;        /* the peer, as origins.h counts them */
	uint64_t from;       /* the sender's number of the first frame */
	struct buf frames;   /* each behind its length */
	struct buf rejected; /* entries as an ACK has them; both threads add */
	uint64_t ticket;     /* once this number is synced, all of it may be acknowledged */

	/* the ingest thread's own: how far it is */
	size_t at;
	uint64_t n;

	struct relay_parcel *next;
};

struct relay_queue {
	struct doorbell *bell; /* borrowed; the ingest thread's */
	int event_fd;          /* readable when the relay thread has something to look at */
	struct relay_parcel parcels[RELAY_PARCELS];
	_Atomic bool blocked; /* the journal takes nothing now */

	pthread_mutex_t lock;
	/* under lock */
	struct relay_parcel *free, *filled, *done;
};

bool relay_queue_init(struct relay_queue *q, struct doorbell *bell); /* false with errno */
void relay_queue_fini(struct relay_queue *q);

/* Relay thread: an empty parcel, or NULL; given to the ingest thread, or back; one that is done, or NULL. */
struct relay_parcel *relay_queue_empty(struct relay_queue *q);
void relay_queue_fill(struct relay_queue *q, struct relay_parcel *p);
void relay_queue_put_back(struct relay_queue *q, struct relay_parcel *p);
struct relay_parcel *relay_queue_done(struct relay_queue *q);
bool relay_queue_has_empty(struct relay_queue *q);

/* Ingest thread: the oldest filled parcel, or NULL; given back when done. */
struct relay_parcel *relay_queue_take(struct relay_queue *q);
void relay_queue_give(struct relay_queue *q, struct relay_parcel *p);
bool relay_queue_waiting(struct relay_queue *q);
void relay_queue_tell_blocked(struct relay_queue *q, bool blocked);

/* Any thread: the relay thread looks around. */
void relay_queue_poke(struct relay_queue *q);

#endif
