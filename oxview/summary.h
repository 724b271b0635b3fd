/* SPDX-License-Identifier: ISC */
/*
 * summary: an event in one line.
 *
 * What a reader wants first is different for each kind of event: the statement of a query, the text of a log line, the
 * key of a cache call.  A kind is known by the fields it has, not by its type, so that any program's events profit.
 */
#ifndef BLUEOX_OXVIEW_SUMMARY_H
#define BLUEOX_OXVIEW_SUMMARY_H

#include "libbx/core/buf.h"
#include "libbx/core/event.h"

/* The body's gist, safe to print, without newlines; nothing for an empty body.  The `error` is left out. */
void summary_body(const struct event *ev, struct buf *out);

/* `pq 42P01: relation "x" does not exist`; whatever of class, code and message the error has. */
void summary_error(struct bytes error, struct buf *out);

#endif
