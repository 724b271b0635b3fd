/* SPDX-License-Identifier: ISC */
/*
 * report_times: how many events of each type ended when, and how long they took, in bounded memory.
 *
 * Events are counted in cells: a type, a stretch of time, a class of durations.  Only cells that hold something take
 * memory; when there are too many, stretches become longer and cells are put together.  So neither many events nor one
 * with a wrong clock makes the picture coarse.  Types past TIMES_TYPES are counted as one, and so are all but the
 * TIMES_SHOWN most frequent when the page is written.
 */
#ifndef BLUEOX_OXVIEW_REPORT_TIMES_H
#define BLUEOX_OXVIEW_REPORT_TIMES_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "libbx/core/event.h"
#include "oxview/hist.h"

enum {
	TIMES_TYPES = 128,
	TIMES_SHOWN = 24,
	TIMES_CELLS = 1 << 16,
	TIMES_STRETCHES = 120, /* in a page, at most */
	TIMES_ROWS = 42,       /* classes of durations: TIMES_PER_DECADE for each factor of ten from TIMES_LEAST on */
	TIMES_PER_DECADE = 4,
};
#define TIMES_LEAST 1e-6

struct times_cell {
	int64_t stretch;
	uint64_t count, errors; /* count 0: free */
	uint32_t type;
	uint32_t row; /* TIMES_ROWS: no duration */
};

struct times_type {
	char *name; /* owned */
	size_t name_n;
	uint64_t count, errors, bytes;
	struct hist durations;
};

struct report_times {
	struct times_type *types; /* owned; the last is all others */
	size_t type_count;
	struct times_cell *cells; /* owned; a table by hash, twice TIMES_CELLS long */
	size_t cell_count;
	int width; /* of a stretch: place in a table of widths */
	uint64_t untimed;
	bool full; /* out of memory */
};

bool report_times_init(struct report_times *t);
void report_times_fini(struct report_times *t);

/* False: out of memory. */
bool report_times_add(struct report_times *t, const struct event *ev, bool error);

/* `"types":[...],"times":{...}`.  Call once, behind the last add.  False: out of memory. */
bool report_times_write(struct report_times *t, struct buf *out);

#endif
