/* SPDX-License-Identifier: ISC */
/* ingest: the round, and what ends one. */
#include "oxd/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

#include "libbx/core/clock.h"
#include "libbx/core/mp.h"
#include "libbx/core/relaymsg.h"
#include "oxd/lost.h"
#include "oxd/own.h"
#include "oxd/say.h"

enum {
	REPORT_BYTES = 2048,
	VISIT_BYTES = 256 * 1024,
	BATCH_BYTES = 1 << 20,
	PUSH_FRAMES = 16, /* of the collection port in a round */
	DROP_WAIT_MS = 1000,
	INGEST_NICE = -10,
	QUIET_ROUNDS = 5
};

static const int64_t idle_probe_ns = 10000000000; /* R1: a ring idle so long is looked at */
static const int64_t hint_probe_ns = 10000000;    /* the kernel tells of a close a moment before it counts */
static const int64_t quiet_ns = 3000000000;
static const int64_t report_ns = 60000000000; /* unless told otherwise */
static const int64_t sleep_least_ns = 200000, sleep_small_ns = 1000000, sleep_most_ns = 50000000;

/* ---- batches ----------------------------------------------------------------------------------------------------- */

/* Journal first, tails second.  False when the disk says no: no tail moves, the batch waits for the next round. */
static bool
commit(struct ingest *in)
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

static void
offer_snapshot(struct ingest *in)
{
	struct buf content = {0};
	uint64_t covers = journal_last(in->journal);
	if (covers == journal_snapshot_covers(in->journal))
		return;
	origins_grow_old(&in->positions->origins, clock_mono_ns());
	positions_encode(in->positions, covers, &content);
	if (content.err == BX_OK)
		journal_offer_snapshot(in->journal, covers, &content);
	buf_fini(&content);
}

static void
start_frame(struct buf *frame)
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

/* Seals and appends the frame that is in `frame`; there is room. */
static void
append_frame(struct ingest *in, const struct source *source, struct buf *frame)
{
	seal(in, frame, 0);
	journal_append(in->journal, source, (struct bytes){frame->data, frame->len});
	positions_apply(in->positions, source, (struct bytes){frame->data, frame->len});
}

/* The same for a frame that was made in the journal's own batch. */
static void
end_frame(struct ingest *in, const struct source *source, struct buf *batch, size_t frame_at)
{
	seal(in, batch, frame_at);
	positions_apply(in->positions, source, (struct bytes){batch->data + frame_at, batch->len - frame_at});
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
	start_frame(&in->lost_frame);
	own_add_lost(&in->lost_frame, 0, &lost, "journal_full");
	append_frame(in, &source, &in->lost_frame);
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
	if (!commit(in))
		return false;
	journal_sync_soon(in->journal);
	if (lo <= hi && !journal_wait(in->journal, in->drop_number, DROP_WAIT_MS))
		return false; /* the next round goes on here */
	journal_drop_doomed(in->journal);
	return true;
}

/* True when a frame of so many bytes can be appended; a new segment is begun where that is needed. */
static bool
make_room(struct ingest *in, size_t frame_bytes)
{
	if (journal_has_room(in->journal, frame_bytes))
		return true;
	if (!commit(in))
		return false;
	offer_snapshot(in);
	do {
		if (journal_roll(in->journal, frame_bytes) == BX_OK)
			return true;
	} while (drop_oldest(in));
	in->blocked = true;
	return false;
}

static bool
journal_origin(struct ingest *in)
{
	struct source source = {.kind = SOURCE_ORIGIN};
	if (in->origin_journaled)
		return true;
	if (!make_room(in, 0))
		return false;
	memcpy(source.origin, in->origin, FRAME_ORIGIN);
	journal_append(in->journal, &source, (struct bytes){NULL, 0});
	positions_apply(in->positions, &source, (struct bytes){NULL, 0});
	in->origin_journaled = true;
	return true;
}

/* ---- rings ------------------------------------------------------------------------------------------------------- */

/* The first look at a ring: one that is new has written nothing yet, of another that is known once it is empty. */
static void
audit_begin(struct ingest *in, struct ring_file *r)
{
	if (r->audit)
		return;
	r->audit = audit_program(&in->audit, r->program);
	r->audit_based = r->position->to == r->capacity;
	audit_ring(&in->audit, &r->key, r->audit);
}

static void
audit_visit(struct ingest *in, struct ring_file *r, const struct ring_visit *visit)
{
	uint64_t left_out = (uint64_t)visit->bad_maps + visit->too_big;
	r->audit_found += visit->events + left_out;
	if (left_out == 0)
		return;
	audit_found(&in->audit, r->audit, left_out);
	audit_dropped(&in->audit, r->audit, "bad_map", NULL, visit->bad_maps, 0, false);
	audit_dropped(&in->audit, r->audit, "frame_too_big", NULL, visit->too_big, 0, false);
}

/* What the program says it has written.  It counts after it writes, so one that was killed may be one short. */
static void
audit_header(struct ingest *in, struct ring_file *r, uint64_t events)
{
	uint64_t waiting;
	audit_begin(in, r);
	if (ring_file_waiting(r, &waiting) != BX_OK)
		return;
	if (!r->audit_based) {
		if (waiting > 0)
			return;
		r->audit_base = events - r->audit_found;
		r->audit_based = true;
	}
	uint64_t written = events - r->audit_base;
	if (r->gone && waiting == 0 && written < r->audit_found)
		written = r->audit_found;
	if (written <= r->audit_written)
		return;
	audit_written(&in->audit, r->audit, written - r->audit_written);
	r->audit_written = written;
}

static void
audit_drops(struct ingest *in, struct ring_file *r, const struct drop_totals *now, const struct drop_totals *told)
{
	for (int i = 0; i < DROP_REASONS; i++)
		if (now->by[i] > told->by[i])
			audit_dropped(
			    &in->audit, r->audit, own_reason_name(i), NULL, now->by[i] - told->by[i], 0, true);
}

static void
note_visit(struct ingest *in, struct ring_file *r, const struct ring_visit *visit)
{
	stats_add(in->stats, STAT_ring_events, visit->events);
	stats_add(in->stats, STAT_ring_bad_maps, visit->bad_maps);
	stats_add(in->stats, STAT_ring_too_big, visit->too_big);
	audit_visit(in, r, visit);
	r->position->to = visit->to;
	r->tail_due = visit->to;
}

/* The frame is made where it will be written from. */
static enum bx_err
take_events(struct ingest *in, struct ring_file *r, uint64_t waiting, uint64_t most, struct ring_visit *visit)
{
	size_t frame_at;
	struct buf *batch = journal_begin(in->journal, SOURCE_RING, &frame_at);
	frame_start(batch);
	enum bx_err err =
	    batch->err != BX_OK ? batch->err : ring_file_visit(r, waiting, most, &in->window, batch, frame_at, visit);
	if (err == BX_OK && visit->events && sift_program(&in->sift, batch, frame_at, r->audit, r->program) > 0) {
		struct source source = {
		    .kind = SOURCE_RING, .ring = {.key = r->key, .from = visit->from, .to = visit->to}};
		end_frame(in, &source, batch, frame_at);
	} else {
		journal_undo(in->journal);
	}
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
	audit_begin(in, r);
	if (err == BX_OK && waiting == 0)
		return 0;
	uint64_t most = waiting < VISIT_BYTES ? waiting : VISIT_BYTES;
	/* A single record may be longer than a visit; a quarter of the ring is the most, and no frame is over its limit. */
	uint64_t longest = waiting < r->capacity / 4 ? waiting : r->capacity / 4;
	size_t need = (size_t)(most > longest ? most : longest);
	if (need > FRAME_MAX)
		need = FRAME_MAX;
	if (err == BX_OK) {
		if (!make_room(in, need + FRAME_HEADER))
			return waiting;
		err = take_events(in, r, waiting, most, &visit);
	}
	if (err == BX_EBAD) {
		if (r->other_boot) { /* nobody writes there any more: what holds has been taken */
			r->target = 0;
			return 0;
		}
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

/* Appends what the ring's program has dropped since the last report.  False when there is no room now. */
static bool
report_drops(struct ingest *in, struct ring_file *r, int64_t now_ns)
{
	struct ring_drops drops;
	uint64_t count;
	if (!ring_file_drops(r, &drops))
		return true;
	audit_header(in, r, drops.events);
	struct drop_totals told = r->position->reported;
	start_frame(&in->frame);
	unsigned events = own_add_dropped(&in->frame, 0, r, &drops, &r->position->reported, &count);
	r->next_report_ns = now_ns + report_after(in);
	if (events == 0)
		return true;
	if (!make_room(in, in->frame.len))
		return false;
	struct source source = {.kind = SOURCE_OWN, .own = {.key = r->key, .reported = drops.totals}};
	append_frame(in, &source, &in->frame);
	stats_add(in->stats, STAT_drops_reported, count);
	audit_drops(in, r, &drops.totals, &told);
	r->reported_s = clock_seconds(clock_wall_ns());
	return true;
}

/* Tells what intake itself has left out since it told last. */
static void
tell_left_out(struct ingest *in)
{
	struct source source = {.kind = SOURCE_SELF};
	struct audit_report report;
	unsigned told = 0;
	if (!make_room(in, FRAME_TARGET))
		return;
	start_frame(&in->frame);
	while (in->frame.len < FRAME_TARGET - REPORT_BYTES && audit_report(&in->audit, &report)) {
		own_add_left_out(&in->frame, 0, &report);
		told++;
	}
	if (told)
		append_frame(in, &source, &in->frame);
}

static void
tell_life(struct ingest *in, int64_t now_ns)
{
	struct source source = {.kind = SOURCE_SELF};
	char state[320];
	int64_t every_ns = atomic_load(&in->report_ns);
	if (every_ns == 0 || now_ns < in->next_life_ns)
		return;
	bool first = in->next_life_ns == 0;
	in->next_life_ns = now_ns + every_ns;
	if (first)
		return;
	tell_left_out(in);
	if (!make_room(in, FRAME_TARGET))
		return;
	journal_state_text(in->journal, state, sizeof state);
	start_frame(&in->frame);
	own_add_life(&in->frame, 0, in->stats, in->life_before, in->started_ns, state, HASH_COUNT(in->rings.table));
	append_frame(in, &source, &in->frame);
}

/* R4 and what follows it, for a ring whose program has gone and that has nothing left. */
static void
let_ring_go(struct ingest *in, struct ring_file **rp, int64_t now_ns)
{
	struct ring_file *r = *rp;
	if (r->leaving_at == 0) {
		if (!report_drops(in, r, now_ns))
			return;
		r->leaving_at = journal_last(in->journal);
	}
	if (journal_synced(in->journal) >= r->leaving_at)
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

/* A ring that has long been quiet is looked at in some rounds only, unless somebody asks or has rung. */
static bool
may_wait(const struct ingest *in, const struct ring_file *r, int64_t now_ns)
{
	return !in->rung && !in->flushing && !atomic_load(&in->stop) && !r->gone && r->probes_due == 0 &&
	       now_ns - r->idle_since_ns >= quiet_ns && atomic_load(&in->rounds) % QUIET_ROUNDS != 0;
}

/* Returns the largest share of a ring that was waiting, in 1/1024. */
static uint64_t
visit_rings(struct ingest *in, int64_t now_ns, bool *progress)
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
			report_drops(in, r, now_ns);
		if (journal_batch_bytes(in->journal) >= BATCH_BYTES && !commit(in))
			break;
	}
	return fullest;
}

/* ---- the collection port ----------------------------------------------------------------------------------------- */

static void
take_push(struct ingest *in, bool *progress)
{
	struct source source = {.kind = SOURCE_PUSH};
	/* What is left waits for the next round, which begins at once: rings and relay have their turn. */
	for (int i = 0; in->push && !in->blocked && i < PUSH_FRAMES; i++) {
		if (!in->push_pending)
			in->push_pending = ingest_push_take(in->push, &in->push_frame);
		if (!in->push_pending || !make_room(in, in->push_frame.len))
			return;
		if (sift_clients(&in->sift, &in->push_frame, 0) > 0)
			append_frame(in, &source, &in->push_frame);
		in->push_pending = false;
		*progress = true;
		if (journal_batch_bytes(in->journal) >= BATCH_BYTES && !commit(in))
			return;
	}
}

/* ---- the relay port ---------------------------------------------------------------------------------------------- */

/* T3, T4: what becomes of a frame that was taken already; `why` is set when the sender has to keep it. */
static void
tell_taken(struct ingest *in, enum origin_answer answer, const uint8_t *name, uint32_t *why)
{
	static struct say_limit loops, conflicts;
	if (answer == ORIGIN_TAKEN) {
		stats_add(in->stats, STAT_relay_known, 1);
	} else if (answer == ORIGIN_LOOP) {
		stats_add(in->stats, STAT_relay_loops, 1);
		say_limited(&loops, SAY_WARNING,
		    "relay: frames that this oxd made come back to it: it forwards in a circle; dropped, nothing is "
		    "lost");
	} else {
		*why = RELAY_WHY_CONFLICT;
		stats_add(in->stats, STAT_relay_conflicts, 1);
		say_limited(&conflicts, SAY_WARNING,
		    "relay: another frame has the name %02x%02x%02x%02x…/%llu already; rejected, its sender keeps it",
		    name[0], name[1], name[2], name[3], (unsigned long long)get_u64le(name + FRAME_ORIGIN));
	}
}

/* One frame of a parcel.  False when there is no room now. */
static bool
take_frame(struct ingest *in, struct relay_parcel *p, struct bytes frame)
{
	const uint8_t *name = frame.p + FRAME_NAME;
	uint64_t seq = get_u64le(name + FRAME_ORIGIN);
	uint32_t why = 0;
	enum origin_answer answer = origins_look(&in->positions->origins, name, seq, get_u64le(frame.p + FRAME_SUM));
	/* What bears our present origin and is not ours comes from a copy of this very process. */
	if (answer == ORIGIN_NEW && memcmp(name, in->origin, FRAME_ORIGIN) == 0)
		answer = ORIGIN_CONFLICT;
	if (answer != ORIGIN_NEW) {
		tell_taken(in, answer, name, &why);
		if (why)
			relaymsg_add_rejected(&p->rejected, p->n, why);
		return true;
	}
	if (!make_room(in, frame.n))
		return false;
	struct source source = {.kind = SOURCE_RELAY, .relay = {.via = p->via}};
	journal_append(in->journal, &source, frame);
	positions_apply(in->positions, &source, frame);
	return true;
}

/* False when there is no room for the rest now. */
static bool
take_parcel(struct ingest *in, struct relay_parcel *p)
{
	while (p->at < p->frames.len) {
		uint32_t length = get_u32le(p->frames.data + p->at), n = length & ~RELAY_PASS_OVER;
		struct bytes frame = {p->frames.data + p->at + RELAY_FRAME_LENGTH, n};
		if (!(length & RELAY_PASS_OVER) && !take_frame(in, p, frame))
			return false;
		p->at += RELAY_FRAME_LENGTH + n;
		p->n++;
		if (journal_batch_bytes(in->journal) >= BATCH_BYTES && !commit(in))
			return false;
	}
	return true;
}

static void
take_relay(struct ingest *in, bool *progress)
{
	for (int i = 0; in->relay && !in->blocked && i < RELAY_PARCELS; i++) {
		if (!in->parcel)
			in->parcel = relay_queue_take(in->relay);
		if (!in->parcel || !take_parcel(in, in->parcel))
			return;
		in->parcel->ticket = journal_last(in->journal); /* T2: duplicates wait for it too */
		relay_queue_give(in->relay, in->parcel);
		in->parcel = NULL;
		*progress = true;
	}
}

/* ---- what an upstream rejected ----------------------------------------------------------------------------------- */

struct ingest_rejected {
	uint64_t number;
	struct lost lost;
	struct ingest_rejected *next;
};

void
ingest_tell_rejected(struct ingest *in, uint64_t number, struct bytes frame)
{
	struct ingest_rejected *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->number = number;
	lost_count_frame(frame, &r->lost);
	pthread_mutex_lock(&in->lock);
	LL_APPEND(in->rejected, r);
	pthread_mutex_unlock(&in->lock);
	doorbell_ring(in->bell);
}

static void
tell_rejected(struct ingest *in)
{
	for (;;) {
		pthread_mutex_lock(&in->lock);
		struct ingest_rejected *r = in->rejected;
		pthread_mutex_unlock(&in->lock);
		if (!r)
			return;
		start_frame(&in->frame);
		own_add_lost(&in->frame, 0, &r->lost, "rejected");
		if (!make_room(in, in->frame.len))
			return;
		append_frame(in, &(struct source){.kind = SOURCE_LOST, .lost = {r->number, r->number}}, &in->frame);
		pthread_mutex_lock(&in->lock);
		LL_DELETE(in->rejected, r);
		pthread_mutex_unlock(&in->lock);
		free(r);
	}
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static void
encode_ring(struct ring_file *r, struct buf *out)
{
	struct ring_drops drops = {0};
	uint64_t waiting = 0, dropped = 0;
	ring_file_drops(r, &drops);
	if (ring_file_waiting(r, &waiting) != BX_OK)
		waiting = 0;
	for (int i = 0; i < RING_DROP_SLOTS; i++)
		dropped += drops.totals.by[i];
	mp_add_map(out, 8);
	mp_pair_text(out, "name", r->name);
	mp_pair_text(out, "program", r->program);
	mp_pair_uint(out, "pid", r->pid);
	mp_pair_uint(out, "bytes", r->capacity);
	mp_pair_uint(out, "waiting", waiting);
	mp_pair_uint(out, "events", drops.events);
	mp_pair_uint(out, "dropped", dropped);
	mp_pair_text(out, "state",
	    r->leaving_at ? "leaving"
	    : r->gone     ? "gone"
	    : r->kept     ? "unknown"
	    : r->closed   ? "closed"
			  : "live");
}

static void
set_targets(struct ingest *in)
{
	struct ring_file *r, *next;
	HASH_ITER(hh, in->rings.table, r, next)
	{
		uint64_t waiting;
		r->target = ring_file_waiting(r, &waiting) == BX_OK ? r->position->to + waiting : 0;
	}
	in->flushing = true;
}

static bool
targets_reached(struct ingest *in)
{
	struct ring_file *r, *next;
	HASH_ITER(hh, in->rings.table, r, next)
	{
		if (r->position->to < r->target)
			return false;
	}
	return journal_batch_bytes(in->journal) == 0 && !in->push_pending && !in->parcel &&
	       !(in->push && ingest_push_waiting(in->push)) && !(in->relay && relay_queue_waiting(in->relay));
}

static void
encode_rings(struct ingest *in)
{
	struct ring_file *r, *next;
	mp_add_array(&in->list, HASH_COUNT(in->rings.table));
	HASH_ITER(hh, in->rings.table, r, next)
	{
		encode_ring(r, &in->list);
	}
}

static void
encode_answer(struct ingest *in)
{
	if (in->ask == INGEST_RINGS)
		encode_rings(in);
	else if (in->ask == INGEST_AUDIT)
		audit_encode(&in->audit, &in->list);
	else
		rules_encode(in->sift.rules, &in->list);
}

/* Between rounds; everything visited is committed. */
static void
answer(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	bool stale = in->ask == INGEST_AUDIT && in->audited != in->ticket; /* asked while this round was on its way */
	if (in->answered != in->ticket && in->ask != INGEST_FLUSH && !stale) {
		buf_clear(&in->list);
		encode_answer(in);
		in->answered = in->ticket;
	} else if (in->answered != in->ticket && in->ask == INGEST_FLUSH && !in->flushing) {
		ring_set_update(&in->rings, clock_mono_ns());
		set_targets(in);
	} else if (in->flushing && targets_reached(in)) {
		in->flushing = false;
		in->flushed_upto = journal_last(in->journal);
		in->answered = in->ticket;
	}
	pthread_mutex_unlock(&in->lock);
}

static bool
questioned(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	bool open = in->answered != in->ticket;
	pthread_mutex_unlock(&in->lock);
	return open;
}

unsigned
ingest_question(struct ingest *in, enum ingest_ask ask)
{
	pthread_mutex_lock(&in->lock);
	in->ask = ask;
	in->flushing = false;
	unsigned ticket = ++in->ticket;
	pthread_mutex_unlock(&in->lock);
	doorbell_ring(in->bell);
	return ticket;
}

void
ingest_set_rules(struct ingest *in, struct rules *rules)
{
	pthread_mutex_lock(&in->lock);
	rules_free(&in->new_rules);
	in->new_rules = rules;
	in->has_new_rules = true;
	pthread_mutex_unlock(&in->lock);
}

void
ingest_report_every(struct ingest *in, int64_t ns)
{
	atomic_store(&in->report_ns, ns);
}

bool
ingest_answer(struct ingest *in, unsigned ticket, struct buf *list, uint64_t *upto)
{
	pthread_mutex_lock(&in->lock);
	bool answered = in->answered == ticket;
	if (answered && in->ask != INGEST_FLUSH)
		buf_put(list, in->list.data, in->list.len);
	if (answered && in->ask == INGEST_FLUSH)
		*upto = in->flushed_upto;
	pthread_mutex_unlock(&in->lock);
	return answered;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* Full rings are met by going on at once; a trickle is gathered rather than taken drop by drop. */
static void
choose_sleep(struct ingest *in, uint64_t fullest, bool progress)
{
	if (in->blocked)
		in->sleep_ns = sleep_most_ns;
	else if (fullest > 256)
		in->sleep_ns = 0;
	else if (fullest > 32)
		in->sleep_ns = sleep_least_ns;
	else if (progress)
		in->sleep_ns = in->sleep_ns / 2 > sleep_small_ns ? in->sleep_ns / 2 : sleep_small_ns;
	else
		in->sleep_ns = in->sleep_ns * 2 > sleep_most_ns ? sleep_most_ns
			       : in->sleep_ns == 0              ? sleep_least_ns
								: in->sleep_ns * 2;
}

static void
sleep_or_go_on(struct ingest *in)
{
	if (in->sleep_ns == 0)
		return;
	/* A ring that got half full a moment ago, before this, rings at its program's next event. */
	doorbell_arm(in->bell);
	bool some = !in->blocked &&
		    ((in->push && ingest_push_waiting(in->push)) || (in->relay && relay_queue_waiting(in->relay)));
	if (!some && !atomic_load(&in->stop) && (!questioned(in) || in->blocked))
		in->rung = doorbell_wait(in->bell, in->sleep_ns);
	doorbell_disarm(in->bell);
}

/* What may change between rounds only. */
static void
take_settings(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	if (in->has_new_rules) {
		rules_free(&in->sift.rules);
		in->sift.rules = in->new_rules;
		in->new_rules = NULL;
		in->has_new_rules = false;
	}
	in->auditing = in->answered != in->ticket && in->ask == INGEST_AUDIT ? in->ticket : 0;
	pthread_mutex_unlock(&in->lock);
}

/* For an account every ring's header is read, and its drops are told now. */
static void
bring_up_to_date(struct ingest *in, int64_t now_ns)
{
	struct ring_file *r, *next;
	if (in->auditing == 0)
		return;
	HASH_ITER(hh, in->rings.table, r, next)
	{
		report_drops(in, r, now_ns);
	}
	in->audited = in->auditing;
}

/* True when the round took something. */
static bool
go_round(struct ingest *in)
{
	int64_t now_ns = clock_mono_ns();
	bool progress = false;
	in->blocked = false;
	atomic_fetch_add(&in->rounds, 1);
	take_settings(in);
	ring_set_update(&in->rings, now_ns);
	uint64_t fullest = 0;
	if (commit(in) && journal_origin(in)) { /* a batch may be left from a round in which the disk said no */
		fullest = visit_rings(in, now_ns, &progress);
		take_push(in, &progress);
		take_relay(in, &progress);
		tell_rejected(in);
		bring_up_to_date(in, now_ns);
		tell_life(in, now_ns);
	}
	if (in->blocked || !commit(in))
		progress = false;
	if (in->relay)
		relay_queue_tell_blocked(in->relay, in->blocked);
	answer(in);
	choose_sleep(in, fullest, progress);
	return progress;
}

/* A ring of 1 MiB is full in some milliseconds: this thread goes before the others of the host, where it may. */
static void
take_precedence(void)
{
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), INGEST_NICE);
	(void)prctl(PR_SET_TIMERSLACK, 1000);
}

static void *
ingest_main(void *arg)
{
	struct ingest *in = arg;
	pthread_setname_np(pthread_self(), "ingest");
	take_precedence();
	/* Start: every ring that is there is opened at the position that the journal knows, before any is drained. */
	origins_grow_old(&in->positions->origins, clock_mono_ns());
	ring_set_update(&in->rings, clock_mono_ns());
	if (in->rings.all_open)
		positions_forget_unused(in->positions);
	while (!atomic_load(&in->stop)) {
		go_round(in);
		sleep_or_go_on(in);
	}
	ring_set_update(&in->rings, clock_mono_ns());
	set_targets(in);
	do
		go_round(in);
	while (!in->blocked && !targets_reached(in));
	if (!in->blocked) {
		tell_left_out(in);
		commit(in);
	}
	if (journal_state(in->journal) != JOURNAL_FAILED)
		offer_snapshot(in);
	return NULL;
}

bool
ingest_init(struct ingest *in, struct journal *journal, int run_fd, struct positions *positions, struct doorbell *bell,
    struct stats *stats)
{
	*in = (struct ingest){.journal = journal, .positions = positions, .bell = bell, .stats = stats};
	pthread_mutex_init(&in->lock, NULL);
	while (getrandom(in->origin, sizeof in->origin, 0) != (ssize_t)sizeof in->origin)
		;
	audit_init(&in->audit, in->origin);
	in->sift = (struct sift){.audit = &in->audit, .stats = stats};
	in->report_ns = report_ns;
	in->started_ns = clock_wall_ns();
	return ring_set_init(&in->rings, run_fd, positions, stats);
}

bool
ingest_start(struct ingest *in, struct ingest_push *push, struct relay_queue *relay)
{
	in->push = push;
	in->relay = relay;
	int err = pthread_create(&in->thread, NULL, ingest_main, in);
	errno = err;
	return err == 0;
}

void
ingest_stop(struct ingest *in)
{
	atomic_store(&in->stop, true);
	doorbell_ring(in->bell);
	pthread_join(in->thread, NULL);
}

void
ingest_fini(struct ingest *in)
{
	ring_set_fini(&in->rings);
	buf_fini(&in->frame);
	buf_fini(&in->window);
	buf_fini(&in->lost_frame);
	buf_fini(&in->push_frame);
	buf_fini(&in->list);
	sift_fini(&in->sift);
	rules_free(&in->new_rules);
	audit_fini(&in->audit);
	pthread_mutex_destroy(&in->lock);
}
