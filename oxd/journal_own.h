/* SPDX-License-Identifier: ISC */
/*
 * journal_own: what the files of the journal share with each other and with nobody else.
 *
 * journal.c opens, appends and answers; journal_segments.c makes, drops and hands out segments; journal_sync.c is the
 * thread that makes durable, and the way out when the disk says no.  journal_recent.c keeps the newest bytes in memory.
 * The appender builds a batch alone; everything else is under one lock.
 */
#ifndef BLUEOX_OXD_JOURNAL_OWN_H
#define BLUEOX_OXD_JOURNAL_OWN_H

#include <pthread.h>

#include "oxd/journal.h"

enum { SYNC_BYTES = 4 << 20, UNSYNCED_MAX = 12 << 20, JOURNAL_LISTENERS = 4 };

#define SNAPSHOT_NAME "snapshot"

struct cursor_place {
	bool used;
	uint64_t done;   /* what it has durably seen to */
	uint64_t passed; /* what it will never ask for again; not above done */
};

struct journal {
	struct journal_config cfg;
	int state_fd;
	int dir_fd;

	/* the appender's own */
	struct buf batch; /* the last chunk's memory; 0 .. batch_at is written, and is not touched any more */
	size_t batch_at;
	const uint8_t *batch_memory;
	uint64_t batch_seed;
	size_t begun_at;       /* of the record begun: the batch's length before it, and */
	size_t frame_at;       /* where its frame starts */
	_Atomic uint64_t last; /* written by the appender only */

	pthread_mutex_t lock;
	pthread_cond_t work;  /* to the sync thread */
	pthread_cond_t moved; /* to everyone who waits for it */

	/* under lock */
	struct segment *segments;
	struct segment *active;
	unsigned count;
	bool has_spare;
	bool
	    spare_is_used; /* it was a segment before: its pages are known to the kernel, which makes it the better one */
	bool making_spare; /* by the sync thread, with the lock let go */
	int64_t spare_retry_ns;
	struct cursor_place cursors[JOURNAL_CURSORS];
	bool dropped; /* something was dropped since the last segment was made */
	struct chunk *chunks, *unused;
	struct chunk *last_chunk; /* changed by the appender only */
	unsigned unused_count;
	size_t unsynced, syncing; /* bytes that are written and not durable: not yet asked for, and under way */
	uint64_t written;         /* number of the newest record that the kernel has */
	int64_t first_unsynced_ns;
	bool dir_dirty;
	_Atomic bool soon;
	bool broken;   /* a write or sync failed: nothing is appended until the rescue has worked */
	bool given_up; /* ... and it will not any more: oxd leaves */
	bool stop;
	bool impatient; /* oxd leaves: nobody waits for room any more */
	_Atomic uint64_t wakes;
	int listeners[JOURNAL_LISTENERS];
	unsigned listener_count;
	struct buf snapshot;
	uint64_t snapshot_covers;
	bool snapshot_waits;
	int64_t snapshot_retry_ns;
	_Atomic int why; /* errno behind NO_SPACE and FAILED */

	bool writing; /* a batch is on its way to the kernel, with the lock let go */

	_Atomic uint64_t used_bytes, used_segments;    /* as journal_usage() found them last */
	_Atomic int64_t write_since_ns, sync_since_ns; /* the disk has been asked and has not answered; 0: it has */
	_Atomic uint64_t synced;
	_Atomic uint64_t durable_snapshot;
	_Atomic uint64_t doomed; /* readers pass over everything up to here */
	_Atomic int state;
	pthread_t thread;
};

/* ---- journal.c --------------------------------------------------------------------------------------------------- */

/* Under lock.  Says it once when it changes. */
void journal_set_state(struct journal *j, enum journal_state state, int why);

/*
 * The lock for who must not wait for the disk: somebody may hold it while the disk does not answer.  False after a moment;
 * what is asked for then goes by what is atomic.
 */
bool journal_lock_a_moment(struct journal *j);

/* Under lock.  The synced number has moved: everyone who waits for that. */
void journal_tell_synced(struct journal *j);

/* Records that were summed for one segment are to go into another. */
void journal_reseed(uint8_t *p, size_t n, uint64_t seed);

/* ---- journal_segments.c, all under lock -------------------------------------------------------------------------- */

uint64_t journal_used_bytes(const struct journal *j);

/* A segment that can take at least `need` bytes of records becomes the active one. */
enum bx_err journal_add_segment(struct journal *j, size_t need);

/* The fresh one takes the place of all with its first number or a later one. */
void journal_replace_segments(struct journal *j, struct segment *fresh);

/* Space that waits for the next segment is given back to the disk. */
void journal_free_spare(struct journal *j);

bool journal_wants_spare(const struct journal *j, int64_t now_ns);

/* Lets go of the lock while it allocates; an appender that needs a segment meanwhile waits for this one. */
void journal_make_spare(struct journal *j);

/* ---- journal_recent.c -------------------------------------------------------------------------------------------- */

/*
 * The newest bytes of the journal, in memory: what is not durable, since after a failed fdatasync the kernel may drop it
 * from its cache at any time; and what has just become durable, so that a reader that keeps up neither reads the file nor
 * sums it again.  The batch is built where it stays: nothing is copied.  Under lock, but for the first.
 */

/* The appender: the longest record has room behind the batch, which does not move while somebody reads before it. */
void journal_recent_make_room(struct journal *j);

/* The batch goes to the active segment's end next; and it went there. */
void journal_recent_place(struct journal *j);
void journal_recent_written(struct journal *j);

/* A sync of all that is written begins; and it is durable. */
void journal_recent_sync_begins(struct journal *j);
void journal_recent_synced(struct journal *j);

/* What is not durable, all of it, into a fresh segment; and that is durable. */
bool journal_recent_rewrite(struct journal *j, struct segment *s);
void journal_recent_rescued(struct journal *j);

void journal_recent_fini(struct journal *j);

/* ---- journal_sync.c ---------------------------------------------------------------------------------------------- */

void *journal_sync_main(void *arg);

#endif
