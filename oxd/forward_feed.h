/* SPDX-License-Identifier: ISC */
/*
 * forward_feed: what is to be sent, read from the journal record by record.
 *
 * A record stays at hand until it has been put somewhere.  A session that begins anew reads from the cursor again: what
 * is found, or missed, a second time is counted once.  The forwarder's thread.
 */
#ifndef BLUEOX_OXD_FORWARD_FEED_H
#define BLUEOX_OXD_FORWARD_FEED_H

#include "oxd/audit.h"
#include "oxd/reader.h"
#include "oxd/seen.h"

struct forward_feed {
	struct stats *stats; /* borrowed, as are the next two */
	struct audit *audit;
	struct seen *seen; /* NULL when a log writer fills it, and tells the audit */
	struct reader reader;
	struct record record;
	bool has_record; /* read, and put nowhere yet */
	uint64_t read;   /* everything up to here has been put somewhere, or needs no sending */

	uint64_t gone_upto, damaged_upto; /* what was missed up to here is counted, for each of the two causes */
};

void forward_feed_init(
    struct forward_feed *f, struct journal *journal, struct stats *stats, struct audit *audit, struct seen *seen);
void forward_feed_fini(struct forward_feed *f);

/* From behind this number on again. */
void forward_feed_seek(struct forward_feed *f, uint64_t number);

/* The next record with a frame is at hand.  False when nothing more is synced (J3). */
bool forward_feed_next(struct forward_feed *f);

/* The record at hand has been put somewhere. */
void forward_feed_done(struct forward_feed *f);

#endif
