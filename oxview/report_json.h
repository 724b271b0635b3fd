/* SPDX-License-Identifier: ISC */
/*
 * report_json: JSON that may stand inside a page.
 *
 * What is embedded in a <script> element must not end it, so everything that means something to HTML, and what ends a
 * line in JavaScript and not in JSON, is written as an escape.  These characters stand in JSON in texts only, so this
 * can be done to the finished text and changes nothing that is read back.
 *
 * Texts here are for people: always text, at most so long, U+FFFD for what is not UTF-8.  Whole events keep everything,
 * or are left out: see report_event().
 */
#ifndef BLUEOX_OXVIEW_REPORT_JSON_H
#define BLUEOX_OXVIEW_REPORT_JSON_H

#include "libbx/core/buf.h"
#include "libbx/core/event.h"

enum {
	REPORT_TEXT = 400,       /* bytes of a name or message that are shown */
	REPORT_EVENT = 8 * 1024, /* bytes of an event that is shown with its body */
};

/* JSON as an element of a page may hold it. */
void report_embed(struct buf *out, const void *json, size_t n);

/* A text in quotes, cut to REPORT_TEXT bytes. */
void report_text(struct buf *out, struct bytes text);
void report_textz(struct buf *out, const char *text);

/* The same without a limit. */
void report_text_whole(struct buf *out, struct bytes text);

/* The shortest form that reads back the same; null for what is no finite number. */
void report_number(struct buf *out, double v);

/*
 * An event, as a text that is its JSON: so no reader rounds its integers.  Of one that is larger than REPORT_EVENT the
 * body is `{"$cut": bytes}`.
 */
void report_event(struct buf *out, const struct event *ev);

#endif
