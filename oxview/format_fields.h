/* SPDX-License-Identifier: ISC */
/*
 * format_fields: chosen fields of events, as JSON, as CSV, or as text for people.
 *
 * JSON leaves out what the event has not; CSV (RFC 4180, lines end in CR LF) leaves the cell empty.  Text in CSV stands
 * as it is; numbers, bools and everything else are written as JSON writes them.
 */
#ifndef BLUEOX_OXVIEW_FORMAT_FIELDS_H
#define BLUEOX_OXVIEW_FORMAT_FIELDS_H

#include "libbx/core/event.h"
#include "libbx/core/paths.h"
#include "oxview/grid.h"

void format_fields_json(struct paths *fields, const struct event *ev, struct buf *out);

void format_csv_head(const struct paths *fields, struct buf *out);
void format_csv(struct paths *fields, const struct event *ev, struct buf *out);

void format_table_head(const struct paths *fields, struct grid *g);
void format_table(struct paths *fields, const struct event *ev, struct grid *g);

/* One cell: a text as a name, or an object, which may be absent. */
void csv_text(struct bytes text, struct buf *out);
void csv_object(struct bytes object, struct buf *out);

/* One cell for people, safe for a terminal; true when it belongs to the right.  `name` tells times and durations. */
bool text_object(struct bytes object, struct bytes name, bool utf8, struct buf *out);

#endif
