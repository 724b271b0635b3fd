/* SPDX-License-Identifier: ISC */
/*
 * scan: walks the records of one segment file.
 *
 * Recovery and readers walk the same way: the record that must be next either stands at the offset or it does not; and
 * when it does not, the next one that holds is searched for byte by byte.  A window of the file is kept in memory; what
 * fails in the window is read afresh once before it counts as damage, since the window may be older than the record.
 *
 * Somebody may lend bytes that memory has of the file: then these are the window, and no sum is taken of what never left
 * this process.
 */
#ifndef BLUEOX_OXD_SCAN_H
#define BLUEOX_OXD_SCAN_H

#include "oxd/record.h"

struct chunk;

struct scan_lender {
	struct bytes (*lend)(void *arg, uint64_t seed, uint64_t at, struct chunk **loan);
	void (*over)(void *arg, struct chunk **loan);
	void *arg;
};

struct scan {
	int fd; /* borrowed */
	uint64_t seed;
	uint64_t at;         /* offset of the next record */
	uint64_t end;        /* records end before this offset */
	struct bytes window; /* of own, or lent */
	uint64_t window_at;
	struct buf own;
	struct scan_lender lender; /* all NULL: there is none */
	struct chunk *loan;
};

/* The lender may be NULL. */
void scan_init(struct scan *s, const struct scan_lender *lender);
void scan_fini(struct scan *s);

/* Points the scan at another file; keeps the window's memory. */
void scan_start(struct scan *s, int fd, uint64_t seed, uint64_t at, uint64_t end);

/*
 * Reads the record with this very number at the offset and moves behind it; rec borrows from the window until the next
 * call.  BX_ESHORT: nothing was written there (length 0, or the end of the segment).  BX_EBAD: something else stands
 * there.  BX_EIO: the file could not be read.
 */
enum bx_err scan_next(struct scan *s, uint64_t number, struct record *rec);

/* Searches from the offset for the next whole record with number >= min_number.  BX_ESHORT when there is none. */
enum bx_err scan_find(struct scan *s, uint64_t min_number, struct record *rec);

#endif
