/* SPDX-License-Identifier: ISC */
/*
 * journal: the one durable queue that everything passes through.
 *
 * One thread appends (the ingest thread), one thread of its own makes durable, any number read (reader.h).  What counts
 * for everyone but the appender is the *synced* number: a record is not there until the disk has it.  Rules J1 to J7 of
 * doc/PROMISE.md; bytes in doc/JOURNAL.md.
 *
 * Appending is in three steps, so that many rings share one write: journal_has_room() (else journal_roll()), any number
 * of journal_append(), one journal_write().  When the disk says no the batch stays, and the write is tried again: what
 * was appended once is in the journal in the end, or oxd has left without telling anybody that it was taken.
 */
#ifndef BLUEOX_OXD_JOURNAL_H
#define BLUEOX_OXD_JOURNAL_H

#include "libbx/core/buf.h"
#include "oxd/record.h"
#include "oxd/segment.h"
#include "oxd/stats.h"

enum journal_sync { JOURNAL_SYNC_ALWAYS, JOURNAL_SYNC_INTERVAL, JOURNAL_SYNC_NEVER };

enum journal_state {
	JOURNAL_RUNS,
	JOURNAL_FULL,     /* --journal-size is reached: the readers must pass some first */
	JOURNAL_DROPS,    /* --journal-size is reached, and each new segment costs the oldest one */
	JOURNAL_NO_SPACE, /* a segment could not be made; tried again by itself */
	JOURNAL_FAILED,   /* what was written cannot be made durable; tried again by itself, nothing is taken in */
};

struct journal_config {
	const char *state_path; /* segments in state_path/journal, the snapshot beside it */
	uint64_t segment_bytes;
	uint64_t max_bytes;
	enum journal_sync sync;
	bool drop_oldest;    /* at max_bytes or without room the appender may use journal_doom_oldest() */
	struct stats *stats; /* borrowed */
};

struct journal;

enum {
	JOURNAL_CURSORS = 16,
	JOURNAL_LOST_MAX = 1024,                /* bytes that the record about a drop takes at most */
	JOURNAL_RESERVE = 2 * JOURNAL_LOST_MAX, /* and of a segment that only such records may use */
};

/* Called for the snapshot's content first (record NULL), then for each record behind it. */
struct journal_replay {
	enum bx_err (*snapshot)(void *arg, const struct buf *content, uint64_t *covers);
	void (*record)(void *arg, const struct record *record);
	void *arg;
};

/*
 * Recovers what is there (rule J5), syncs it and starts the sync thread.  Numbers go on behind `floor` at least.  The
 * state directory exists and is locked.  On failure one line in err that names the file.
 */
enum bx_err journal_open(struct journal **out, const struct journal_config *config, uint64_t floor,
    const struct journal_replay *replay, char *err, size_t err_cap);

/* Syncs what is written, saves an offered snapshot, stops the thread. */
void journal_close(struct journal **j);

/* ---- the appender's thread --------------------------------------------------------------------------------------- */

/* True when a record with a frame of so many bytes fits behind the batch; false for as long as the disk says no. */
bool journal_has_room(const struct journal *j, size_t frame_bytes);

/* Starts a new segment; the batch must be written.  BX_EFULL: no room now, journal_state() tells why; try again. */
enum bx_err journal_roll(struct journal *j, size_t frame_bytes);

/*
 * drop-oldest, when journal_roll() has no room.  The oldest segment's records are taken from all readers, except what
 * their cursors had done: from here on they pass over them.  The caller appends a LOST record for lo .. hi (nothing is
 * lost when lo > hi), writes it, waits until it is synced, and calls journal_drop_doomed().  The segment is handed out
 * with a reference.  False: nothing may be dropped now.
 */
bool journal_doom_oldest(struct journal *j, struct segment **oldest, uint64_t *lo, uint64_t *hi);
void journal_drop_doomed(struct journal *j);

/* Adds a record to the batch and returns its number.  There must be room. */
uint64_t journal_append(struct journal *j, const struct source *source, struct bytes frame);

/*
 * The same for a frame of a source of fixed length that is made in the batch itself, at *frame_at of the buf handed out: journal_begin(), then the
 * frame, then journal_end(), or journal_undo() when there is none after all.
 */
struct buf *journal_begin(struct journal *j, enum source_kind kind, size_t *frame_at);
uint64_t journal_end(struct journal *j, const struct source *source);
void journal_undo(struct journal *j);

/* Bytes waiting in the batch. */
size_t journal_batch_bytes(const struct journal *j);

/*
 * Hands the batch to the kernel; waits a moment while more than 12 MiB are not durable.  BX_EFULL: the disk does not take
 * it now, journal_state() tells why; the batch stays as it is, call again.
 */
enum bx_err journal_write(struct journal *j);

/* Number of the newest record appended. */
uint64_t journal_last(const struct journal *j);

/*
 * Gives the content of a snapshot that covers all records up to `covers`; it is written once those are durable, and
 * replaces one that is still waiting.  The content is moved out of the buf.
 */
void journal_offer_snapshot(struct journal *j, uint64_t covers, struct buf *content);

/* ---- any thread -------------------------------------------------------------------------------------------------- */

/* State, usage, journal_wake() and journal_sync_soon() do not wait for a disk that does not answer. */

uint64_t journal_synced(const struct journal *j);
uint64_t journal_snapshot_covers(const struct journal *j);
enum journal_state journal_state(const struct journal *j);
int64_t journal_waits_ns(const struct journal *j); /* how long the disk has not answered; 0: it has */
const char *journal_state_text(struct journal *j, char *out, size_t cap); /* with the reason where there is one */

/* Waits until `number` is synced, journal_wake() is called, or the time is over.  True when it is synced. */
bool journal_wait(struct journal *j, uint64_t number, int timeout_ms);

/* The same for who waits in poll: this eventfd is written to whenever more is synced.  A few of them, each until it
 * listens no more: only then may it be closed. */
void journal_listen(struct journal *j, int event_fd);
void journal_listen_no_more(struct journal *j, int event_fd);
void journal_wake(struct journal *j);

/*
 * oxd is leaving: whoever waits for the disk to get well gives up, and the state becomes failed.  What was not
 * taken is still in the rings.
 */
void journal_wait_no_more(struct journal *j);

/* Asks for a sync now rather than within 100 ms; does not wait. */
void journal_sync_soon(struct journal *j);

/*
 * A cursor is a durable place of somebody who reads: no segment goes that one of them has not passed, nor before a
 * durable snapshot covers it (J7).  `done` is the number up to which nothing would be lost if the segment went, `passed`
 * the one up to which it will not be asked for again.  Add all of them before the first one moves.
 */
unsigned journal_cursor_add(struct journal *j, uint64_t passed, uint64_t done);
void journal_cursor_move(struct journal *j, unsigned cursor, uint64_t passed, uint64_t done);
void journal_cursor_remove(struct journal *j, unsigned cursor);

/* Readers pass over everything up to this number: it was dropped, and a LOST record tells of it. */
uint64_t journal_doomed(const struct journal *j);

void journal_usage(struct journal *j, uint64_t *bytes, uint64_t *segments);

/*
 * The segment that holds `number`, or the oldest one when that has gone, with a reference of its own; NULL when there
 * is none.  For readers.
 */
struct segment *journal_take_segment(struct journal *j, uint64_t number);
void journal_give_segment(struct journal *j, struct segment **s);

/*
 * For readers: durable bytes of the segment with that seed, from offset `at` on, where memory has them still; whole
 * records, which nobody but this oxd has touched.  They stay as they are until journal_lend_over().
 */
struct chunk;
struct bytes journal_lend(struct journal *j, uint64_t seed, uint64_t at, struct chunk **loan);
void journal_lend_over(struct journal *j, struct chunk **loan);

#endif
