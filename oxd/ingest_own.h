/* SPDX-License-Identifier: ISC */
/*
 * ingest_own: what the files of ingest share with each other and with nobody else.
 *
 * ingest.c is the thread and its round.  ingest_batch.c appends frames, makes room for them and commits; the others each
 * bring frames: ingest_rings.c from rings, ingest_relay.c from the relay port, ingest_tell.c those that oxd makes itself.
 * ingest_account.c journals what the account needs beyond them.
 * ingest_questions.c answers the control thread.  All of it runs in the ingest thread, but for what ingest.h says.
 */
#ifndef BLUEOX_OXD_INGEST_OWN_H
#define BLUEOX_OXD_INGEST_OWN_H

#include "oxd/ingest.h"

enum { BATCH_BYTES = 1 << 20 };

/* ---- ingest_batch.c ---------------------------------------------------------------------------------------------- */

/* Journal first, tails second.  False when the disk says no: no tail moves, the batch waits for the next round. */
bool ingest_commit(struct ingest *in);
void ingest_offer_snapshot(struct ingest *in);

/* True when a frame of so many bytes can be appended; a new segment is begun where that is needed. */
bool ingest_make_room(struct ingest *in, size_t frame_bytes);

/* Begins a frame in a buf of its own. */
void ingest_start_frame(struct buf *frame);
/* Seals and appends the frame that is in `frame`; there is room. */
void ingest_append_frame(struct ingest *in, const struct source *source, struct buf *frame);
/* A record without a frame; there is room. */
void ingest_append_word(struct ingest *in, const struct source *source);
/* The same for a frame that was made in the journal's own batch. */
void ingest_end_frame(struct ingest *in, const struct source *source, struct buf *batch, size_t frame_at);

/* J1: the name of all our frames, before the first of them.  False when there is no room now. */
bool ingest_journal_origin(struct ingest *in);

/* ---- ingest_account.c -------------------------------------------------------------------------------------------- */

/* Whose ring it is, known to the account before anything of it is journaled.  False when there is no room now. */
bool ingest_account_for_ring(struct ingest *in, struct ring_file *r);

/* What its program says that it has written; `at_end`: journaled, since there will be no header to ask. */
bool ingest_account_for_written(struct ingest *in, struct ring_file *r, uint64_t events, bool at_end);

/* A damaged ring goes: what its program had written and nobody found is lost.  False when there is no room now. */
bool ingest_account_for_condemned(struct ingest *in, struct ring_file *r);

/* What sift has left out of version 3 clients' events.  False when there is no room for the rest of it now. */
bool ingest_account_for_clients(struct ingest *in);

/* ---- ingest_rings.c ---------------------------------------------------------------------------------------------- */

/* Returns the largest share of a ring that was waiting, in 1/1024. */
uint64_t ingest_visit_rings(struct ingest *in, int64_t now_ns, bool *progress);

/* Appends what the ring's program has dropped since the last report.  False when there is no room now. */
bool ingest_report_drops(struct ingest *in, struct ring_file *r, int64_t now_ns);

/* ---- ingest_relay.c ---------------------------------------------------------------------------------------------- */

void ingest_take_relay(struct ingest *in, bool *progress);

/* ---- ingest_tell.c ----------------------------------------------------------------------------------------------- */

/* What intake itself has left out since it told last; the daemon's own life, when that is due; what was rejected. */
void ingest_tell_left_out(struct ingest *in);
void ingest_tell_life(struct ingest *in, int64_t now_ns);
void ingest_journal_rejected(struct ingest *in);

/* ---- ingest_questions.c ------------------------------------------------------------------------------------------ */

/* Between rounds; everything visited is committed. */
void ingest_answer_questions(struct ingest *in);
bool ingest_questioned(struct ingest *in);

/* A flush: what is in the rings now, and whether that is all in the journal. */
void ingest_set_targets(struct ingest *in);
bool ingest_targets_reached(struct ingest *in);

#endif
