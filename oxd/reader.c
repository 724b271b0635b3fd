/* SPDX-License-Identifier: ISC */
/* reader: the list of segments is asked only when the offset does not hold the record that must be next. */
#include "oxd/reader.h"

static struct bytes
lend(void *arg, uint64_t seed, uint64_t at, struct chunk **loan)
{
	return journal_lend(arg, seed, at, loan);
}

static void
lend_over(void *arg, struct chunk **loan)
{
	journal_lend_over(arg, loan);
}

void
reader_init(struct reader *r, struct journal *j, uint64_t next)
{
	*r = (struct reader){.journal = j, .next = next};
	scan_init(&r->scan, &(struct scan_lender){.lend = lend, .over = lend_over, .arg = j});
}

static void
let_go(struct reader *r)
{
	if (r->segment)
		journal_give_segment(r->journal, &r->segment);
}

void
reader_fini(struct reader *r)
{
	let_go(r);
	scan_fini(&r->scan);
}

void
reader_seek(struct reader *r, uint64_t next)
{
	let_go(r);
	r->next = next;
}

/* Walks from the segment's start to the record wanted. */
static void
walk_to_next(struct reader *r)
{
	struct record rec;
	for (uint64_t number = r->segment->first; number < r->next; number++)
		if (scan_next(&r->scan, number, &rec) != BX_OK)
			return; /* reader_next() searches from here */
}

/* True when there is a segment to read that is not the one at hand. */
static bool
change_segment(struct reader *r)
{
	struct segment *s = journal_take_segment(r->journal, r->next);
	if (!s)
		return false;
	if (s == r->segment) {
		journal_give_segment(r->journal, &s);
		return false;
	}
	let_go(r);
	r->segment = s;
	if (s->first > r->next) {
		r->gone += s->first - r->next;
		r->next = s->first;
	}
	scan_start(&r->scan, s->fd, s->seed, SEGMENT_HEADER, s->bytes);
	walk_to_next(r);
	return true;
}

static bool
is_at_hand(struct reader *r, uint64_t number)
{
	struct segment *s = journal_take_segment(r->journal, number);
	bool same = s == r->segment;
	if (s)
		journal_give_segment(r->journal, &s);
	return same;
}

/*
 * Nothing holds in the rest of this segment: on to the next, if that counts already.  A power cut may leave this
 * behind, since each file has of its unsynced end what the disk happened to write.
 */
static bool
skip_segment(struct reader *r, uint64_t synced)
{
	uint64_t inside = r->next, outside = synced;
	if (is_at_hand(r, synced))
		return false;
	while (outside - inside > 1) {
		uint64_t middle = inside + (outside - inside) / 2;
		if (is_at_hand(r, middle))
			inside = middle;
		else
			outside = middle;
	}
	r->damaged += outside - r->next;
	r->next = outside;
	return change_segment(r);
}

/* The record is damaged: the next one that holds, if it counts already. */
static enum bx_err
read_behind_damage(struct reader *r, uint64_t synced, struct record *rec)
{
	uint64_t at = r->scan.at;
	enum bx_err err = scan_find(&r->scan, r->next, rec);
	if (err == BX_OK && rec->number > synced)
		err = BX_EBAD;
	if (err != BX_OK) {
		r->scan.at = at;
		if (err == BX_EIO || !skip_segment(r, synced))
			return err == BX_EIO ? err : BX_EBAD;
		err = scan_next(&r->scan, r->next, rec);
		r->next += err == BX_OK;
		return err == BX_OK || err == BX_EIO ? err : BX_EBAD;
	}
	r->damaged += rec->number - r->next;
	r->next = rec->number + 1;
	return BX_OK;
}

/* What a LOST record has told must not come all the same, though the file may still be there. */
static void
pass_over_dropped(struct reader *r)
{
	uint64_t doomed = journal_doomed(r->journal);
	if (r->next > doomed)
		return;
	r->gone += doomed + 1 - r->next;
	reader_seek(r, doomed + 1);
}

enum bx_err
reader_next(struct reader *r, struct record *rec)
{
	uint64_t synced = journal_synced(r->journal);
	pass_over_dropped(r);
	if (r->next > synced)
		return BX_ESHORT;
	if (!r->segment && !change_segment(r))
		return BX_EBAD;
	for (;;) {
		enum bx_err err = r->next > synced ? BX_ESHORT : scan_next(&r->scan, r->next, rec);
		if (err == BX_OK)
			r->next++;
		if (err == BX_OK || err == BX_EIO || r->next > synced)
			return err;
		if (!change_segment(r))
			return read_behind_damage(r, synced, rec);
	}
}
