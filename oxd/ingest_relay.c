/* SPDX-License-Identifier: ISC */
/* ingest_relay: what is new of the relay port's frames (J6, T2 to T4). */
#include "oxd/ingest_own.h"

#include <string.h>

#include "libbx/core/relaymsg.h"
#include "oxd/say.h"

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
	if (!ingest_make_room(in, frame.n))
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
		if (journal_batch_bytes(in->journal) >= BATCH_BYTES && !ingest_commit(in))
			return false;
	}
	return true;
}

void
ingest_take_relay(struct ingest *in, bool *progress)
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
