/* SPDX-License-Identifier: ISC */
/* forward_feed: a reader, one record ahead. */
#include "oxd/forward_feed.h"

#include "oxd/say.h"

enum { RECORDS_AT_ONCE = 4096 };

void
forward_feed_init(
    struct forward_feed *f, struct journal *journal, struct stats *stats, struct audit *audit, struct seen *seen)
{
	*f = (struct forward_feed){.stats = stats, .audit = audit, .seen = seen};
	reader_init(&f->reader, journal, 1);
}

void
forward_feed_fini(struct forward_feed *f)
{
	reader_fini(&f->reader);
}

void
forward_feed_seek(struct forward_feed *f, uint64_t number)
{
	f->read = number;
	f->has_record = false;
	reader_seek(&f->reader, number + 1);
}

/* How many of the n numbers from `from` on are not counted yet; they are now. */
static uint64_t
count_once(uint64_t *upto, uint64_t from, uint64_t n)
{
	uint64_t last = from + n - 1;
	if (n == 0 || last <= *upto)
		return 0;
	uint64_t fresh = last - (from > *upto ? from - 1 : *upto);
	*upto = last;
	return fresh;
}

static enum bx_err
read_one(struct forward_feed *f)
{
	static struct say_limit limit;
	uint64_t from = f->reader.next, gone = f->reader.gone, damaged = f->reader.damaged;
	enum bx_err err = reader_next(&f->reader, &f->record);
	gone = f->reader.gone - gone;
	damaged = f->reader.damaged - damaged;
	uint64_t missed = count_once(&f->gone_upto, from, gone) + count_once(&f->damaged_upto, from + gone, damaged);
	if (missed)
		stats_add(f->stats, STAT_forward_missed, missed);
	if (err != BX_OK && err != BX_ESHORT)
		say_limited(&limit, SAY_WARNING, "forwarding: journal record %llu cannot be read (%s)",
		    (unsigned long long)f->reader.next, bx_err_text(err));
	return err;
}

bool
forward_feed_next(struct forward_feed *f)
{
	for (int i = 0; !f->has_record && i < RECORDS_AT_ONCE && read_one(f) == BX_OK; i++) {
		f->has_record = f->record.frame.n > 0;
		if (!f->has_record)
			f->read = f->record.number;
	}
	return f->has_record;
}

static void
note_seen(struct forward_feed *f)
{
	struct frame frame;
	if (!f->seen || frame_open_summed(f->record.frame.p, f->record.frame.n, &frame) != BX_OK)
		return;
	if (f->audit)
		audit_read(f->audit, AUDIT_FORWARD, &f->record, &frame);
	seen_note_frame(f->seen, &frame, f->record.source.kind, f->record.arrival_ns);
}

void
forward_feed_done(struct forward_feed *f)
{
	note_seen(f);
	f->read = f->record.number;
	f->has_record = false;
}
