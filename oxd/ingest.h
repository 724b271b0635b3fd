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

#include "oxd/audit.h"
#include "oxd/doorbell.h"
#include "oxd/ingest_push.h"
#include "oxd/journal.h"
#include "oxd/relay_queue.h"
#include "oxd/ring_set.h"
#include "oxd/sift.h"

enum ingest_ask {
	INGEST_FLUSH, /* everything that was in a ring or handed over when asked is in the journal */
	INGEST_RINGS, /* a MessagePack array that tells of each ring */
	INGEST_AUDIT, /* the account of hosts and programs, brought up to date and then encoded */
	INGEST_RULES, /* the rules in force, with what each has done */
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
	struct audit *audit;       /* borrowed; its own lock */
	_Atomic int64_t report_ns; /* how often drops and the daemon's own life are told; 0: only at a ring's end */
	int64_t started_ns;
	pthread_t thread;
	_Atomic bool stop;
	_Atomic uint64_t rounds; /* for the watchdog: it goes up at least each second */

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
	uint32_t push_kept; /* of its events, once it is sifted */
	bool push_sifted;
	struct sift sift;
	struct buf left_out;
	unsigned auditing, audited; /* tickets of a question for the account: of this round, and last served */
	int64_t next_life_ns;
	uint64_t life_before[STAT_COUNT];
	struct relay_parcel *parcel; /* taken over and not wholly journaled yet */
	bool origin_journaled;
	bool blocked;
	int64_t sleep_ns;
	bool rung;       /* the last sleep ended by the doorbell, and not every ring has been looked at since */
	bool visits_all; /* ... which is done in this round */
	int64_t visited_all_ns;
	_Atomic bool flushing; /* written under the lock, looked at in rounds without */

	pthread_mutex_t lock;
	/* under lock: one question at a time, from the control thread */
	unsigned ticket; /* of the newest question; 0: none yet */
	unsigned answered;
	enum ingest_ask ask;
	struct buf list; /* the answer, where it is one */
	uint64_t flushed_upto;
	struct ingest_rejected *rejected; /* to be told of in the journal */
	uint64_t rejected_at;             /* the number under which the last one was told */
	struct rules *new_rules;          /* owned until the thread takes them over */
	bool has_new_rules;
};

/* Makes the rings' directory watched; then starts the thread.  False with errno. */
bool ingest_init(struct ingest *in, struct journal *journal, int run_fd, struct positions *positions,
    struct audit *audit, struct doorbell *bell, struct stats *stats);
bool ingest_start(struct ingest *in, struct ingest_push *push, struct relay_queue *relay);

/* Drains what is in the rings now, unless intake is blocked, and ends the thread. */
void ingest_stop(struct ingest *in);
void ingest_fini(struct ingest *in);

/* Forwarder: an upstream does not take this frame, which is in quarantine; a LOST record and an event will tell of it. */
void ingest_tell_rejected(struct ingest *in, uint64_t number, struct bytes frame);
bool ingest_rejected_are_durable(struct ingest *in); /* everything told so far is in the journal, and synced */
/* Any thread: from its next round on the ingest thread goes by these rules (NULL: none), which are its own from now on. */
void ingest_set_rules(struct ingest *in, struct rules *rules);
void ingest_report_every(struct ingest *in, int64_t report_ns);

/*
 * Control thread: asks, and gets a ticket; ingest_answer() is true once that question has been answered.  For a flush
 * `upto` is then the number of the last record; for the others `list` gets the answer.  Neither blocks.
 */
unsigned ingest_question(struct ingest *in, enum ingest_ask ask);
bool ingest_answer(struct ingest *in, unsigned ticket, struct buf *list, uint64_t *upto);
bool ingest_is_free(struct ingest *in); /* nobody's question is open: only the newest is answered */

#endif
