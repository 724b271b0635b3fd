/* SPDX-License-Identifier: ISC */
/*
 * select: which events are wanted.
 *
 * All conditions must hold; one that was not set holds always.  The struct is the query; it borrows everything.
 */
#ifndef BLUEOX_OXVIEW_SELECT_H
#define BLUEOX_OXVIEW_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/event.h"
#include "libbx/core/filter.h"
#include "libbx/core/index.h"
#include "libbx/core/logname.h"
#include "libbx/core/settings.h"

struct select {
	struct setting_list types; /* any of these patterns: `*` is any run of characters */
	const char *id;            /* the id, or its first characters; 32 hex digits are a whole one; NULL: any */
	bool overlap;              /* the range is for all of the event's time */
	bool has_from, has_to;     /* for the event's end (its start where it has no end); both inclusive */
	int64_t from_ns, to_ns;
	bool errors_only;     /* the body has an `error` that is not nil */
	struct filter *where; /* borrowed; NULL: any.  Makes the query one thread's at a time */
};

bool select_event(const struct select *s, const struct event *ev);

/* False when no event in a log file of this name can be wanted.  Dates do not count: a file's date is arrival. */
bool select_file(const struct select *s, const struct logname *file);

/* False when no event of the block can be wanted. */
bool select_block(const struct select *s, const struct index_entry *block);

/* True when there are blocks for which select_block() may say so. */
bool select_uses_index(const struct select *s);

/* One type against the patterns. */
bool select_type(const struct select *s, struct bytes type);

#endif
