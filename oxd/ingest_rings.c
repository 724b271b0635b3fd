/* SPDX-License-Identifier: ISC */
/* ingest_rings: a visit to each ring, what its program has dropped, and the end of one whose program has gone. */
#include "oxd/ingest_own.h"

#include "libbx/core/clock.h"
#include "oxd/own.h"
#include "oxd/say.h"

enum { VISIT_BYTES = 256 * 1024, QUIET_ROUNDS = 8, LONG_QUIET_ROUNDS = 20 };

static const int64_t idle_probe_ns = 10000000000; /* R1: a ring idle so long is looked at */
static const int64_t hint_probe_ns = 10000000;    /* the kernel tells of a close a moment before it counts */
static const int64_t quiet_ns = 3000000000, long_quiet_ns = 60000000000;

static void
note_visit(struct ingest *in, struct ring_file *r, const struct ring_visit *visit)
{
	stats_add(in->stats, STAT_ring_events, visit->events);
	stats_add(in->stats, STAT_ring_bad_maps, visit->bad_maps);
	stats_add(in->stats, STAT_ring_too_big, visit->too_big);
	r->position->to = visit->to;
	r->tail_due = visit->to;
}

/* What was left out is told by the same record, and the ring's position with it: both count, or neither. */
static void
append_sifted(struct ingest *in, struct ring_file *r, const struct ring_visit *visit, uint32_t kept)
{
	size_t at = 0;
	buf_clear(&in->left_out);
	left_out_encode(&in->sift.of_program, &at, true, LEFT_OUT_MAX, &in->left_out);
	left_out_passed(&in->sift.of_program, in->sift.of_program.count);
	struct source source = {
	    .kind = SOURCE_SIFTED,
	    .ring =
		{
		    .key = r->key,
		    .from = visit->from,
		    .to = visit->to,
		    .left_out = {in->left_out.data, in->left_out.len},
		},
	};
	if (kept > 0)
		ingest_append_frame(in, &source, &in->frame);
	else
		ingest_append_word(in, &source);
}

/* The frame is made where it will be written from, and stays there unless something was left out. */
static enum bx_err
take_events(struct ingest *in, struct ring_file *r, uint64_t waiting, uint64_t most, struct ring_visit *visit)
{
	size_t frame_at;
	uint32_t kept = 0;
	struct left_out *left_out = &in->sift.of_program;
	struct buf *batch = journal_begin(in->journal, SOURCE_RING, &frame_at);
	frame_start(batch);
	enum bx_err err =
	    batch->err != BX_OK ? batch->err : ring_file_visit(r, waiting, most, &in->window, batch, frame_at, visit);
	if (err == BX_OK && visit->events)
		kept = sift_program(&in->sift, batch, frame_at, r->program);
	if (err == BX_OK) {
		left_out_add(left_out, (struct bytes){0}, "bad_map", NULL, visit->bad_maps, 0);
		left_out_add(left_out, (struct bytes){0}, "frame_too_big", NULL, visit->too_big, 0);
	}
	if (kept > 0 && left_out->count == 0) {
		struct source source = {
		    .kind = SOURCE_RING, .ring = {.key = r->key, .from = visit->from, .to = visit->to}};
		ingest_end_frame(in, &source, batch, frame_at);
		return err;
	}
	buf_clear(&in->frame);
	buf_put(&in->frame, batch->data + frame_at, kept ? batch->len - frame_at : 0);
	journal_undo(in->journal);
	if (left_out->count > 0)
		append_sifted(in, r, visit, kept);
	return err;
}

/* One visit to a ring.  Returns how many bytes were waiting; the ring may be gone afterwards (*rp NULL). */
static uint64_t
visit_ring(struct ingest *in, struct ring_file **rp, int64_t now_ns)
{
	struct ring_file *r = *rp;
	uint64_t waiting;
	struct ring_visit visit = {0};
	enum bx_err err = ring_file_waiting(r, &waiting);
	if (err == BX_OK && waiting == 0)
		return 0;
	if (err == BX_OK && !ingest_account_for_ring(in, r))
		return waiting;
	uint64_t most = waiting < VISIT_BYTES ? waiting : VISIT_BYTES;
	/* A single record may be longer than a visit; a quarter of the ring is the most, and no frame is over its limit. */
	uint64_t longest = waiting < r->capacity / 4 ? waiting : r->capacity / 4;
	size_t need = (size_t)(most > longest ? most : longest);
	if (need > FRAME_MAX)
		need = FRAME_MAX;
	if (err == BX_OK) {
		if (!ingest_make_room(in, need + FRAME_HEADER + SOURCE_MAX))
			return waiting;
		err = take_events(in, r, waiting, most, &visit);
	}
	if (err == BX_EBAD) {
		if (r->other_boot) { /* nobody writes there any more: what holds has been taken */
			r->target = 0;
			return 0;
		}
		if (!ingest_account_for_condemned(in, r))
			return waiting;
		ring_set_condemn(&in->rings, rp);
		return 0;
	}
	if (err != BX_OK)
		return waiting;
	note_visit(in, r, &visit);
	r->idle_since_ns = now_ns;
	if (visit.ended)
		r->target = 0;
	return visit.ended ? 0 : waiting;
}

static int64_t
report_after(const struct ingest *in)
{
	int64_t ns = atomic_load(&in->report_ns);
	return ns ? ns : INT64_MAX / 2;
}

bool
ingest_report_drops(struct ingest *in, struct ring_file *r, int64_t now_ns)
{
	struct ring_drops drops;
	uint64_t count;
	if (!ring_file_drops(r, &drops))
		return true;
	if (!ingest_account_for_written(in, r, drops.events, r->gone))
		return false;
	ingest_start_frame(&in->frame);
	unsigned events = own_add_dropped(&in->frame, 0, r, &drops, &r->position->reported, &count);
	r->next_report_ns = now_ns + report_after(in);
	if (events == 0)
		return true;
	if (!ingest_account_for_ring(in, r) || !ingest_make_room(in, in->frame.len))
		return false;
	struct source source = {.kind = SOURCE_OWN, .own = {.key = r->key, .reported = drops.totals}};
	ingest_append_frame(in, &source, &in->frame);
	stats_add(in->stats, STAT_drops_reported, count);
	r->reported_s = clock_seconds(clock_wall_ns());
	return true;
}

/* R4 and what follows it, for a ring whose program has gone and that has nothing left. */
static void
let_ring_go(struct ingest *in, struct ring_file **rp, int64_t now_ns)
{
	struct ring_file *r = *rp;
	if (r->leaving_at == 0) {
		if (!ingest_report_drops(in, r, now_ns))
			return;
		r->leaving_at = journal_last(in->journal);
	}
	if (journal_synced(in->journal) < r->leaving_at)
		return;
	audit_ring_close(in->audit, &r->audit);
	ring_set_remove(&in->rings, rp);
}

/* R1 to R3.  The caller visits once more after this: head is read again behind the probe. */
static void
probe_ring(struct ring_file *r, int64_t now_ns)
{
	bool idle = now_ns - r->idle_since_ns >= idle_probe_ns;
	if (r->gone || (r->probes_due == 0 && !idle) || now_ns < r->next_probe_ns)
		return;
	if (r->probes_due > 0)
		r->probes_due--;
	ring_file_probe(r);
	static bool told;
	if (r->kept && !told) {
		told = true;
		say(SAY_WARNING,
		    "whether rings of other users are in use cannot be asked without CAP_LEASE; each is kept until its "
		    "process is known to be gone");
	}
	r->next_probe_ns = now_ns + (r->probes_due ? hint_probe_ns : idle_probe_ns);
}

/*
 * A ring that has long been quiet is looked at in some rounds only, not all of them in the same ones, unless somebody asks
 * or has rung, as its program does with the first event after such a time.  That bell is not heard while this thread is just
 * awake, and of a program with an older libbx it does not come: then the event is found within half a second, after a quiet
 * minute within one.
 */
static bool
may_wait(const struct ingest *in, const struct ring_file *r, int64_t now_ns)
{
	int64_t idle_ns = now_ns - r->idle_since_ns;
	if (idle_ns < quiet_ns || in->visits_all || in->flushing || atomic_load(&in->stop) || r->gone || r->probes_due)
		return false;
	uint64_t each = idle_ns < long_quiet_ns ? QUIET_ROUNDS : LONG_QUIET_ROUNDS;
	return (atomic_load(&in->rounds) + r->key.ino) % each != 0;
}

uint64_t
ingest_visit_rings(struct ingest *in, int64_t now_ns, bool *progress)
{
	uint64_t fullest = 0;
	struct ring_file *r, *next;
	HASH_ITER(hh, in->rings.table, r, next)
	{
		uint64_t capacity = r->capacity;
		if (may_wait(in, r, now_ns))
			continue;
		probe_ring(r, now_ns);
		bool gone = r->gone;
		uint64_t waiting = visit_ring(in, &r, now_ns);
		if (in->blocked)
			break;
		if (waiting)
			*progress = true;
		if (waiting * 1024 / capacity > fullest)
			fullest = waiting * 1024 / capacity;
		if (r && gone && waiting == 0)
			let_ring_go(in, &r, now_ns);
		else if (r && now_ns >= r->next_report_ns)
			ingest_report_drops(in, r, now_ns);
		if (journal_batch_bytes(in->journal) >= BATCH_BYTES && !ingest_commit(in))
			break;
	}
	return fullest;
}
