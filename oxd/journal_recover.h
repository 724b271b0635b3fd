/* SPDX-License-Identifier: ISC */
/*
 * journal_recover: from whatever a killed oxd or a power cut left to a journal that can be appended to (rule J5).
 *
 * Every segment behind the snapshot is walked.  The last segment is cut behind its last whole record; damage anywhere
 * before that is skipped to the next record that holds, reported, and the file kept beside as NAME.damaged.
 */
#ifndef BLUEOX_OXD_JOURNAL_RECOVER_H
#define BLUEOX_OXD_JOURNAL_RECOVER_H

#include "oxd/journal.h"

enum { RECOVER_LOST_MAX = 64 };

struct recovered {
	struct segment *segments; /* in order, owned by the caller */
	unsigned count;
	uint64_t last;  /* number of the newest record */
	bool ends_open; /* the last segment can be appended to, at its `end`; else a new one must be made */
	struct {
		uint64_t lo, hi;
	} lost[RECOVER_LOST_MAX]; /* found now, not reported by an earlier start */
	unsigned lost_count;
	uint64_t doomed; /* up to here records were dropped on purpose, and a record tells of it */
};

enum bx_err journal_recover(int dir_fd, uint64_t covers, const struct journal_replay *replay, struct stats *stats,
    struct recovered *out, char *err, size_t err_cap);

#endif
