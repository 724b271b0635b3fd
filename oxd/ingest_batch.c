/* SPDX-License-Identifier: ISC */
/* ingest_batch: frames into the batch, the batch into the journal, and only then the tails. */
#include "oxd/ingest_own.h"

#include <stdlib.h>
#include <string.h>

#include "libbx/core/clock.h"
#include "oxd/lost.h"
#include "oxd/own.h"
#include "oxd/say.h"

enum { DROP_WAIT_MS = 1000 };

/* ---- batches ----------------------------------------------------------------------------------------------------- */

bool
ingest_commit(struct ingest *in)
{
	if (journal_write(in->journal) != BX_OK) {
		in->blocked = true;
		return false;
	}
	struct ring_file *r, *next;
	HASH_ITER(hh, in->rings.table, r, next)
	{
		if (r->tail_due)
			ring_file_write_tail(r);
	}
	return true;
}

void
ingest_offer_snapshot(struct ingest *in)
{
	struct buf content = {0}, account = {0};
	uint64_t covers = journal_last(in->journal);
	if (covers == journal_snapshot_covers(in->journal))
		return;
	origins_grow_old(&in->positions->origins, clock_mono_ns());
	audit_encode_state(in->audit, &account);
	if (account.err == BX_OK)
		positions_encode_with(in->positions, covers, (struct bytes){account.data, account.len}, &content);
	else
		content.err = account.err;
	if (content.err == BX_OK)
		journal_offer_snapshot(in->journal, covers, &content);
	buf_fini(&content);
	buf_fini(&account);
}

/* What is in step with the journal: the next record's part in it. */
static void
apply(struct ingest *in, const struct source *source, struct bytes frame)
{
	audit_apply(in->audit, journal_last(in->journal) + 1, source, frame, in->positions);
	positions_apply(in->positions, source, frame);
}

void
ingest_start_frame(struct buf *frame)
{
	buf_clear(frame);
	frame_start(frame);
}

static void
seal(struct ingest *in, struct buf *b, size_t frame_at)
{
	enum bx_err err = frame_seal(b, frame_at, in->origin, in->seq + 1);
	if (err != BX_OK) { /* its makers keep it below the limit, so this is memory */
		say(SAY_ERROR, "a frame cannot be made: %s", bx_err_text(err));
		abort();
	}
	in->seq++;
}

void
ingest_append_frame(struct ingest *in, const struct source *source, struct buf *frame)
{
	seal(in, frame, 0);
	apply(in, source, (struct bytes){frame->data, frame->len});
	journal_append(in->journal, source, (struct bytes){frame->data, frame->len});
}

void
ingest_append_word(struct ingest *in, const struct source *source)
{
	apply(in, source, (struct bytes){NULL, 0});
	journal_append(in->journal, source, (struct bytes){NULL, 0});
}

void
ingest_end_frame(struct ingest *in, const struct source *source, struct buf *batch, size_t frame_at)
{
	seal(in, batch, frame_at);
	apply(in, source, (struct bytes){batch->data + frame_at, batch->len - frame_at});
	journal_end(in->journal, source);
}

/* ---- room -------------------------------------------------------------------------------------------------------- */

/* Appends what is lost when the segment goes.  There is a reserve in every segment for this. */
static void
tell_dropped(struct ingest *in, const struct segment *s, uint64_t lo, uint64_t hi)
{
	struct source source = {.kind = SOURCE_LOST, .lost = {lo, hi}};
	struct lost lost;
	lost_count(s, lo, hi, &lost);
	ingest_start_frame(&in->lost_frame);
	own_add_lost(&in->lost_frame, 0, &lost, "journal_full");
	ingest_append_frame(in, &source, &in->lost_frame);
	stats_add(in->stats, STAT_journal_dropped_records, hi - lo + 1);
	stats_add(in->stats, STAT_journal_dropped_events, lost.count);
	in->drop_told = hi;
	in->drop_number = journal_last(in->journal);
}

/* --when-full=drop-oldest: what goes is told durably before it goes.  False when nothing may go now. */
static bool
drop_oldest(struct ingest *in)
{
	struct segment *s;
	uint64_t lo, hi;
	if (!journal_doom_oldest(in->journal, &s, &lo, &hi))
		return false;
	bool told = lo > hi || hi <= in->drop_told;
	if (!told)
		tell_dropped(in, s, lo, hi);
	journal_give_segment(in->journal, &s);
	if (!ingest_commit(in))
		return false;
	journal_sync_soon(in->journal);
	if (lo <= hi && !journal_wait(in->journal, in->drop_number, DROP_WAIT_MS))
		return false; /* the next round goes on here */
	journal_drop_doomed(in->journal);
	return true;
}

bool
ingest_make_room(struct ingest *in, size_t frame_bytes)
{
	if (journal_has_room(in->journal, frame_bytes))
		return true;
	if (!ingest_commit(in))
		return false;
	ingest_offer_snapshot(in);
	do {
		if (journal_roll(in->journal, frame_bytes) == BX_OK)
			return true;
	} while (drop_oldest(in));
	in->blocked = true;
	return false;
}

bool
ingest_journal_origin(struct ingest *in)
{
	struct source source = {.kind = SOURCE_ORIGIN};
	if (in->origin_journaled)
		return true;
	if (!ingest_make_room(in, RECORD_OVERHEAD))
		return false;
	memcpy(source.origin, in->origin, FRAME_ORIGIN);
	ingest_append_word(in, &source);
	if (!audit_has_begun(in->audit))
		ingest_append_word(
		    in, &(struct source){.kind = SOURCE_ACCOUNT, .account.since_ns = (uint64_t)clock_wall_ns()});
	in->origin_journaled = true;
	return true;
}
