/* SPDX-License-Identifier: ISC */
/*
 * trouble: what went wrong and was gone on from.
 *
 * Each is one line on stderr, `oxview: WHERE: WHAT`, and is counted: oxview exits 1 when there was any, so that a
 * script learns that something is missing in what it got.  Names and texts from outside are made safe to print.
 */
#ifndef BLUEOX_OXVIEW_TROUBLE_H
#define BLUEOX_OXVIEW_TROUBLE_H

#include "libbx/core/buf.h"

struct trouble {
	unsigned long count;
	struct buf *lines; /* borrowed: where lines go instead of stderr; NULL: stderr */
};

void trouble_add(struct trouble *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line of the same form that is only news: it does not count. */
void trouble_tell(struct trouble *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells and counts what another has in its lines. */
void trouble_retell(struct trouble *t, const struct trouble *from);

#endif
