/* SPDX-License-Identifier: ISC */
/*
 * oxrun_report: lines of `label  text`, and the reasons among them: what keeps events from being made.
 *
 * The first reason is what the verdict at the end repeats.
 */
#ifndef BLUEOX_PRELOAD_OXRUN_REPORT_H
#define BLUEOX_PRELOAD_OXRUN_REPORT_H

#include "libbx/core/buf.h"

struct report {
	struct buf *out;
	char reason[400]; /* empty: none */
};

void report_line(struct report *r, const char *label, const char *format, ...) __attribute__((format(printf, 3, 4)));
void report_reason(struct report *r, const char *label, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
