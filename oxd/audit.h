/* SPDX-License-Identifier: ISC */
/*
 * audit: where every event went, by host and program, since the account began with this state directory.
 *
 * Three parties count by themselves: the program in its ring's header (written, dropped for want of room), the ingest
 * thread (found in rings and messages, left out by which rule, kept), the log writer or the forwarder (written to log
 * files, sent).  So that the sums agree says something: written + dropped by the program = logged + dropped, by reason +
 * under way.
 *
 * The account outlives every kill, because it is the sum of journal records and nothing else: what was found, left out,
 * kept and reported is told by the records themselves (audit_apply(), when they are appended and when they are replayed),
 * its sums up to a snapshot stand in that snapshot, and those of the two readers in their own checkpoint and cursor.
 *
 * Bounded: hosts and programs beyond the first thousand are counted together.  Any thread, where nothing else is said.
 */
#ifndef BLUEOX_OXD_AUDIT_H
#define BLUEOX_OXD_AUDIT_H

#include <pthread.h>
#include <uthash.h>

#include "libbx/core/buf.h"
#include "libbx/core/cursor.h"
#include "libbx/core/event.h"
#include "oxd/positions.h"
#include "oxd/record.h"

struct audit_entry;

enum audit_reader { AUDIT_LOG, AUDIT_FORWARD, AUDIT_READERS };

/* A ring that the account knows.  All but what is said otherwise is under the audit's lock. */
struct audit_ring {
	struct ring_key key;
	struct audit_entry *entry;
	bool open;         /* somebody holds it: it stays */
	bool based;        /* its header's count has been brought in line with what was found: */
	uint64_t base;     /* events that it had written before the account began with it */
	uint64_t found;    /* of its events, since then, kept or left out */
	uint64_t counted;  /* written, as journaled last */
	uint64_t seen;     /* written, as its header said last; never less */
	uint64_t last;     /* number of its newest record */
	UT_hash_handle hh; /* by key */
};

struct audit {
	pthread_mutex_t lock;
	char host[256];  /* our own */
	_Atomic bool on; /* ingest runs: what it leaves out from here on is to be told */
	/* under lock */
	uint64_t since_ns;              /* when the account began; 0: it has not */
	uint64_t from;                  /* the record behind which it begins */
	uint64_t read_upto;             /* a reader has told of everything up to here, */
	uint64_t told_upto, saved_upto; /* of which so much was encoded, and is durable */
	struct audit_entry *entries;
	struct audit_ring *rings;
};

void audit_init(struct audit *a);
void audit_fini(struct audit *a);

/* ---- the sum of all records ---------------------------------------------------------------------------------------- */

/*
 * Takes in what one record says, before `positions` does: when it has been appended, and when it is replayed.  Ingest
 * thread, or before it has started.
 */
void audit_apply(struct audit *a, uint64_t number, const struct source *source, struct bytes frame,
    const struct positions *positions);

bool audit_has_begun(struct audit *a);

/*
 * A ring of this program's is opened: what the account knows of it, which stays until audit_ring_close().  NULL: nothing
 * yet, a COUNTED record has to tell of it first.
 */
struct audit_ring *audit_ring_open(struct audit *a, const struct ring_key *key);
void audit_ring_close(struct audit *a, struct audit_ring **ring);

/* What the ring's header says that its program has written, behind the base; the account of the moment only. */
void audit_ring_seen(struct audit *a, struct audit_ring *ring, uint64_t written);

/* All rings that are there have been opened: what others had written is what was found in them. */
void audit_forget_unused(struct audit *a);

/* Log writer or forwarder: the record is in a log file, or sent.  Once each, however often it is told. */
void audit_read(struct audit *a, enum audit_reader reader, const struct record *rec, const struct frame *frame);

/* ---- durable ------------------------------------------------------------------------------------------------------- */

/* Snapshot: adds the pair "account" to a map, where there is an account; and takes it from one.  Ingest thread, or before
 * it has started. */
bool audit_encode_state(struct audit *a, struct buf *out);
void audit_decode_state(struct audit *a, const struct buf *snapshot);

/*
 * A reader's: adds the pair "account" to its checkpoint's or cursor's map; true when there is one.  And what was encoded
 * last is durable: nothing up to there will be asked for again.
 */
bool audit_encode_read(struct audit *a, enum audit_reader reader, struct buf *out);
void audit_read_is_saved(struct audit *a);

/* At a start, behind the journal's recovery: both readers' sums, as the state directory has them. */
void audit_load_read(struct audit *a, const char *state_path);

/* ---- for people ---------------------------------------------------------------------------------------------------- */

/* One after the other: what intake has dropped and nobody has told of.  False when there is no more. */
struct audit_report {
	char program[128];
	char reason[32];
	char rule[512]; /* empty: none */
	uint64_t count, bytes;
	double first, last;
};
bool audit_report(struct audit *a, struct audit_report *out);

/* A MessagePack array, one map a host and program; and since when. */
void audit_encode(struct audit *a, struct buf *out);
double audit_since(struct audit *a);

#endif
