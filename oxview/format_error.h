/* SPDX-License-Identifier: ISC */
/*
 * format_error: one group of errors with all that is known of it.
 *
 * What was said, when and where; the whole stack with the source beside it, as far as it can be read here; the group of
 * events in which the latest one happened, as a tree; and the latest events.
 */
#ifndef BLUEOX_OXVIEW_FORMAT_ERROR_H
#define BLUEOX_OXVIEW_FORMAT_ERROR_H

#include "libbx/core/buf.h"
#include "oxview/errors.h"
#include "oxview/symbolize.h"
#include "oxview/term.h"
#include "oxview/tree.h"

/* What the events of its tree were found to be. */
struct fault_story {
	const struct fault_group *group;
	const struct event *events; /* of the latest sample's id; borrowed */
	size_t count;
	const char *why_not; /* there are none; NULL: nothing to say */
};

void format_error(
    const struct fault_story *s, bool all, const struct term *term, struct symbolizer *symbols, struct buf *out);

/* One line: the pairs of format_errors.h, and stack or text, events (those of the tree) and samples. */
void format_error_json(const struct fault_story *s, struct symbolizer *symbols, struct buf *out);

#endif
