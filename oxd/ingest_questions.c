/* SPDX-License-Identifier: ISC */
/* ingest_questions: tickets, answers, and when a flush is done. */
#include "oxd/ingest_own.h"

#include "libbx/core/clock.h"
#include "libbx/core/mp.h"

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

void
ingest_set_targets(struct ingest *in)
{
	struct ring_file *r, *next;
	HASH_ITER(hh, in->rings.table, r, next)
	{
		uint64_t waiting;
		r->target = ring_file_waiting(r, &waiting) == BX_OK ? r->position->to + waiting : 0;
	}
	in->flushing = true;
}

bool
ingest_targets_reached(struct ingest *in)
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
		audit_encode(in->audit, &in->list);
	else
		rules_encode(in->sift.rules, &in->list);
}

void
ingest_answer_questions(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	bool stale = in->ask == INGEST_AUDIT && in->audited != in->ticket; /* asked while this round was on its way */
	if (in->answered != in->ticket && in->ask != INGEST_FLUSH && !stale) {
		buf_clear(&in->list);
		encode_answer(in);
		in->answered = in->ticket;
	} else if (in->answered != in->ticket && in->ask == INGEST_FLUSH && !in->flushing) {
		ring_set_update(&in->rings, clock_mono_ns());
		ingest_set_targets(in);
	} else if (in->flushing && ingest_targets_reached(in)) {
		in->flushing = false;
		in->flushed_upto = journal_last(in->journal);
		in->answered = in->ticket;
	}
	pthread_mutex_unlock(&in->lock);
}

bool
ingest_questioned(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	bool open = in->answered != in->ticket;
	pthread_mutex_unlock(&in->lock);
	return open;
}

bool
ingest_is_free(struct ingest *in)
{
	return !ingest_questioned(in);
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

bool
ingest_answer(struct ingest *in, unsigned ticket, struct buf *list, uint64_t *upto)
{
	pthread_mutex_lock(&in->lock);
	bool answered = in->answered == ticket && in->ticket == ticket;
	if (answered && in->ask != INGEST_FLUSH)
		buf_put(list, in->list.data, in->list.len);
	if (answered && in->ask == INGEST_FLUSH)
		*upto = in->flushed_upto;
	pthread_mutex_unlock(&in->lock);
	return answered;
}
