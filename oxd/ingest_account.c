/* SPDX-License-Identifier: ISC */
/* ingest_account: records without events, so that the account of oxctl audit is the sum of the journal. */
#include "oxd/ingest_own.h"

#include "oxd/left_out.h"

static bool
journal_counted(struct ingest *in, const struct ring_file *r, bool based, uint64_t base, uint64_t written)
{
	if (!ingest_make_room(in, SOURCE_MAX))
		return false;
	struct source source = {
	    .kind = SOURCE_COUNTED,
	    .counted =
		{
		    .key = r->key,
		    .base = base,
		    .written = written,
		    .based = based,
		    .host = in->audit->host,
		    .program = r->program,
		},
	};
	ingest_append_word(in, &source);
	return true;
}

bool
ingest_account_for_ring(struct ingest *in, struct ring_file *r)
{
	if (r->audit)
		return true;
	r->audit = audit_ring_open(in->audit, &r->key);
	if (r->audit)
		return true;
	/* One that is new has written nothing yet, of another that is known once it is empty. */
	if (!journal_counted(in, r, r->position->to == r->capacity, 0, 0))
		return false;
	r->audit = audit_ring_open(in->audit, &r->key);
	return true;
}

/*
 * A program counts after it writes, so one that was killed may be one short.  Our fields of the ring in the account are
 * written by this thread only.
 */
bool
ingest_account_for_written(struct ingest *in, struct ring_file *r, uint64_t events, bool at_end)
{
	uint64_t waiting;
	if (ring_file_waiting(r, &waiting) != BX_OK)
		return true;
	if (events == 0 && !r->audit)
		return true;
	if (!ingest_account_for_ring(in, r))
		return false;
	if (!r->audit->based) {
		if (waiting > 0)
			return true;
		if (!journal_counted(in, r, true, events - r->audit->found, 0))
			return false;
	}
	uint64_t written = events - r->audit->base;
	if (r->gone && waiting == 0 && written < r->audit->found)
		written = r->audit->found;
	audit_ring_seen(in->audit, r->audit, written);
	if (!at_end || r->audit->seen == r->audit->counted)
		return true;
	return journal_counted(in, r, true, r->audit->base, r->audit->seen);
}

/* Its header may say anything; of what nobody found, the ring cannot have held more than fits. */
static uint64_t
lost_with(const struct ring_file *r, uint64_t events)
{
	uint64_t written = events > r->audit->base ? events - r->audit->base : 0;
	if (written < r->audit->seen)
		written = r->audit->seen;
	uint64_t lost = written > r->audit->found ? written - r->audit->found : 0;
	uint64_t most = r->capacity / sizeof(struct ring_record);
	return lost < most ? lost : most;
}

static void
journal_lost_with(struct ingest *in, const struct ring_file *r, uint64_t events)
{
	struct left_out lost = {0};
	size_t at = 0;
	left_out_add(&lost, (struct bytes){0}, "condemned", NULL, events, 0);
	buf_clear(&in->left_out);
	left_out_encode(&lost, &at, true, LEFT_OUT_MAX, &in->left_out);
	ingest_append_word(in, &(struct source){.kind = SOURCE_SIFTED,
				   .ring = {.key = r->key,
				       .from = r->position->to,
				       .to = r->position->to,
				       .left_out = {in->left_out.data, in->left_out.len}}});
	left_out_fini(&lost);
}

bool
ingest_account_for_condemned(struct ingest *in, struct ring_file *r)
{
	struct ring_drops header;
	if (!ingest_account_for_ring(in, r) || !ingest_make_room(in, 2 * (SOURCE_MAX + RECORD_OVERHEAD)))
		return false;
	if (!r->audit)
		return true;
	uint64_t lost = r->audit->based && ring_file_drops(r, &header) ? lost_with(r, header.events) : 0;
	if (lost > 0)
		journal_lost_with(in, r, lost);
	journal_counted(in, r, r->audit->based, r->audit->base, r->audit->found);
	audit_ring_close(in->audit, &r->audit);
	return true;
}

bool
ingest_account_for_clients(struct ingest *in)
{
	struct left_out *l = &in->sift.of_clients;
	for (size_t at = 0; at < l->count;) {
		if (!ingest_make_room(in, SOURCE_MAX)) {
			left_out_passed(l, at);
			return false;
		}
		buf_clear(&in->left_out);
		left_out_encode(l, &at, false, LEFT_OUT_MAX, &in->left_out);
		ingest_append_word(in, &(struct source){.kind = SOURCE_CLIENTS_SIFTED,
					   .clients.left_out = {in->left_out.data, in->left_out.len}});
	}
	left_out_passed(l, l->count);
	return true;
}
