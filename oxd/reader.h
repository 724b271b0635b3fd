/* SPDX-License-Identifier: ISC */
/*
 * reader: follows the journal's synced records, one after the other.
 *
 * A reader keeps only the number it wants next; where that record is, it finds by the segments' names.  It belongs to
 * one thread.  What it hands out is borrowed until the next call.
 */
#ifndef BLUEOX_OXD_READER_H
#define BLUEOX_OXD_READER_H

#include "oxd/journal.h"
#include "oxd/scan.h"

struct reader {
	struct journal *journal; /* borrowed */
	struct segment *segment; /* a reference */
	struct scan scan;
	uint64_t next;
	uint64_t damaged; /* records that could not be read, in all */
	uint64_t gone;    /* records whose segments are gone or were dropped, in all */
};

void reader_init(struct reader *r, struct journal *j, uint64_t next);
void reader_fini(struct reader *r);

/* Goes on with another number. */
void reader_seek(struct reader *r, uint64_t next);

/*
 * BX_OK: rec is the next record; its number is r->next - 1.  BX_ESHORT: nothing more is synced.  BX_EBAD, BX_EIO: the
 * record is there and cannot be read, and no later one either; try again later.
 */
enum bx_err reader_next(struct reader *r, struct record *rec);

#endif
