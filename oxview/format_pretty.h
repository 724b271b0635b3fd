/* SPDX-License-Identifier: ISC */
/* format_pretty: an event for people: who and how long in one line, what went wrong, then the body as it is nested. */
#ifndef BLUEOX_OXVIEW_FORMAT_PRETTY_H
#define BLUEOX_OXVIEW_FORMAT_PRETTY_H

#include "libbx/core/buf.h"
#include "libbx/core/event.h"
#include "oxview/symbolize.h"
#include "oxview/term.h"

/* Ends with an empty line. */
void format_pretty(const struct event *ev, const struct term *term, struct symbolizer *symbols, struct buf *out);

#endif
