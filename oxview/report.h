/* SPDX-License-Identifier: ISC */
/*
 * report: what the page of --html and --serve shows, gathered from events in bounded memory.
 *
 *    report_times    how many of each type when, and how long they took
 *    report_groups   the slowest groups
 *    report_errors   errors by what they are
 *    report_samples  some of the events
 *    report_json     JSON that may stand in a page
 *    report_page     the page around it, as it was put together when this was built
 *
 * However many events there are, and whatever is in them, a report takes at most some 40 MiB; what it leaves out it says.
 * One thread.
 */
#ifndef BLUEOX_OXVIEW_REPORT_H
#define BLUEOX_OXVIEW_REPORT_H

#include "oxview/out.h"
#include "oxview/report_errors.h"
#include "oxview/report_groups.h"
#include "oxview/report_samples.h"
#include "oxview/report_times.h"

struct report {
	struct report_times times;
	struct report_groups groups;
	struct report_errors errors;
	struct report_samples samples;
	uint64_t events, with_error, bytes;
	bool again; /* the second reading, for the groups alone */
};

/* What was asked, for the page to say; all borrowed, NULL where there is none. */
struct report_head {
	const char *source, *where, *start_date, *end_date, *id;
	const struct setting_list *types;
	int64_t made_ns;
	uint64_t repeats;    /* events left out because they were there already */
	const char *trouble; /* lines of what could not be read; NULL: none, or told elsewhere */
	const char *stopped; /* NULL: everything was read; else why not */
	bool errors_only;
	int64_t symbols_wait_ns;    /* see symbolize.h */
	struct symbolizer *symbols; /* borrowed, in place of one of the report's own; NULL: none */
};

bool report_init(struct report *r); /* false: out of memory */
void report_fini(struct report *r);

/* False: out of memory. */
bool report_add(struct report *r, const struct event *ev);

/* True when the same events are to be read and added a second time, so that the groups are whole. */
bool report_again(struct report *r);

/* The data as JSON that may stand in a page.  Once, behind the last add.  False: out of memory, or nobody reads. */
bool report_write_data(struct report *r, const struct report_head *head, struct out *out);

/* The whole page, with the data in it. */
bool report_write_page(struct report *r, const struct report_head *head, struct out *out);

#endif
