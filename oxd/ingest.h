/* SPDX-License-Identifier: ISC */
/*
 * ingest: the one thread that appends to the journal.
 *
 * Round after round it visits each ring for at most one frame, takes what the collection port has gathered and what of
 * the relay's frames is new (J6), writes the batch, and only then moves the rings' tails (D3, D4).  It sleeps longer the less there is, at most 50 ms, and is
 * woken by rings that get half full.  Rings whose programs have gone are drained, their drops reported, and removed
 * once all of that is durable (R1 to R4).
 */
#ifndef BLUEOX_OXD_INGEST_H
#define BLUEOX_OXD_INGEST_H

#include <pthread.h>

#include "oxd/doorbell.h"
#include "oxd/ingest_push.h"
#include "oxd/journal.h"
#include "oxd/relay_queue.h"
#include "oxd/ring_set.h"

enum ingest_ask {
	INGEST_FLUSH, /* everything that was in a ring or handed over when asked is in the journal */
	INGEST_RINGS, /* a MessagePack array that tells of each ring */
};

struct ingest_rejected;

struct ingest {
	struct journal *journal;     /* borrowed */
	struct ingest_push *push;    /* borrowed; NULL without a collection port */
	struct relay_queue *relay;   /* borrowed; NULL without a relay port */
	struct doorbell *bell;       /* borrowed */
	struct stats *stats;         /* borrowed */
	struct positions *positions; /* borrowed; this thread's own while it runs */
	uint8_t origin[FRAME_ORIGIN];
	pthread_t thread;
	_Atomic bool stop;

	/* the thread's own */
	struct ring_set rings;
	uint64_t seq;
	struct buf frame;
	struct buf window;
	struct buf lost_frame; /* of drop-oldest */
	uint64_t drop_told;    /* a LOST record for everything up to here has been appended, as: */
	uint64_t drop_number;
	struct buf push_frame; /* taken over and not yet journaled when push_pending */
	bool push_pending;
	struct relay_parcel *parcel; /* taken over and not wholly journaled yet */
	bool origin_journaled;
	bool blocked;
	int64_t sleep_ns;
	bool flushing;

	pthread_mutex_t lock;
	/* under lock: one question at a time, from the control thread */
	unsigned ticket; /* of the newest question; 0: none yet */
	unsigned answered;
	enum ingest_ask ask;
	struct buf rings_answer;
	uint64_t flushed_upto;
	struct ingest_rejected *rejected; /* to be told of in the journal */
};

/* Makes the rings' directory watched; then starts the thread.  False with errno. */
bool ingest_init(struct ingest *in, struct journal *journal, int run_fd, struct positions *positions,
    struct doorbell *bell, struct stats *stats);
bool ingest_start(struct ingest *in, struct ingest_push *push, struct relay_queue *relay);

/* Drains what is in the rings now, unless intake is blocked, and ends the thread. */
void ingest_stop(struct ingest *in);
void ingest_fini(struct ingest *in);

/* Forwarder: an upstream does not take this frame, which is in quarantine; a LOST record and an event will tell of it. */
void ingest_tell_rejected(struct ingest *in, uint64_t number, struct bytes frame);

/*
 * Control thread: asks, and gets a ticket; ingest_answer() is true once that question has been answered.  For a flush
 * `upto` is then the number of the last record; for the rings `rings` gets the answer.  Neither blocks.
 */
unsigned ingest_question(struct ingest *in, enum ingest_ask ask);
bool ingest_answer(struct ingest *in, unsigned ticket, struct buf *rings, uint64_t *upto);

#endif
