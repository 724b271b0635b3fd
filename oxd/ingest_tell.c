/* SPDX-License-Identifier: ISC */
/* ingest_tell: events that oxd itself has to say. */
#include "oxd/ingest_own.h"

#include <stdlib.h>
#include <utlist.h>

#include "oxd/lost.h"
#include "oxd/own.h"

enum { REPORT_BYTES = 2048 };

void
ingest_tell_left_out(struct ingest *in)
{
	struct source source = {.kind = SOURCE_SELF};
	struct audit_report report;
	unsigned told = 0;
	if (!ingest_make_room(in, FRAME_TARGET))
		return;
	ingest_start_frame(&in->frame);
	while (in->frame.len < FRAME_TARGET - REPORT_BYTES && audit_report(in->audit, &report)) {
		own_add_left_out(&in->frame, 0, &report);
		told++;
	}
	if (told)
		ingest_append_frame(in, &source, &in->frame);
}

void
ingest_tell_life(struct ingest *in, int64_t now_ns)
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
	ingest_tell_left_out(in);
	if (!ingest_make_room(in, FRAME_TARGET))
		return;
	journal_state_text(in->journal, state, sizeof state);
	ingest_start_frame(&in->frame);
	own_add_life(
	    &in->frame, 0, in->stats, in->life_before, now_ns - in->started_ns, state, HASH_COUNT(in->rings.table));
	ingest_append_frame(in, &source, &in->frame);
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

bool
ingest_rejected_are_durable(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	bool durable = !in->rejected && journal_synced(in->journal) >= in->rejected_at;
	pthread_mutex_unlock(&in->lock);
	return durable;
}

void
ingest_journal_rejected(struct ingest *in)
{
	for (;;) {
		pthread_mutex_lock(&in->lock);
		struct ingest_rejected *r = in->rejected;
		pthread_mutex_unlock(&in->lock);
		if (!r)
			return;
		ingest_start_frame(&in->frame);
		own_add_lost(&in->frame, 0, &r->lost, "rejected");
		if (!ingest_make_room(in, in->frame.len))
			return;
		ingest_append_frame(
		    in, &(struct source){.kind = SOURCE_LOST, .lost = {r->number, r->number}}, &in->frame);
		pthread_mutex_lock(&in->lock);
		LL_DELETE(in->rejected, r);
		in->rejected_at = journal_last(in->journal);
		pthread_mutex_unlock(&in->lock);
		free(r);
	}
}
