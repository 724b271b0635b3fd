/* SPDX-License-Identifier: ISC */
/*
 * plan: which parts of a log file a query has to read.
 *
 * The index beside a file tells of each block of it when its events ended and which ids it may hold, so most blocks can be
 * passed over by a range of time or an id.  An index is a hint: it must be of this file, its last entry's block must hold,
 * and what lies behind the blocks it knows is always read.  Without an index, or with one that does not hold, the whole
 * file is read; the answers are the same.
 */
#ifndef BLUEOX_OXVIEW_PLAN_H
#define BLUEOX_OXVIEW_PLAN_H

#include "oxview/select.h"

struct plan_range {        /* of unpacked bytes; begins and ends between events */
	uint64_t from, to; /* to: UINT64_MAX is the end of the file, wherever that is */
};

struct plan {
	struct plan_range *ranges; /* owned; in order, with gaps between them */
	size_t count, cap;
	uint64_t blocks, wanted_blocks; /* that the index tells of */
	uint64_t covered,
	    wanted_bytes;     /* of the log; wanted counts what lies behind the index where its size is known */
	uint64_t index_bytes; /* that were read of the index */
	uint64_t size;        /* of the log, unpacked; 0 where that is not known */
	bool indexed;         /* an index was used */
	const char *why_not;  /* when it was not */
};

/* False: out of memory.  A file that cannot be opened gets a plan to read it, whose reader will tell. */
bool plan_make(struct plan *p, const char *path, const struct select *select);
void plan_fini(struct plan *p);

/* What will be appended to the file is wanted too, whatever the file holds now.  False: out of memory. */
bool plan_add_what_comes(struct plan *p);

#endif
