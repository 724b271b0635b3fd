/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_report.h"

#include <stdarg.h>
#include <stdio.h>

enum { LABEL_WIDTH = 18 };

static void
put(struct report *r, const char *label, const char *text)
{
	buf_printf(r->out, "%-*s %s\n", LABEL_WIDTH, label, text);
}

void
report_line(struct report *r, const char *label, const char *format, ...)
{
	char text[sizeof r->reason];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	put(r, label, text);
}

void
report_reason(struct report *r, const char *label, const char *format, ...)
{
	char text[sizeof r->reason];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	put(r, label, text);
	if (!r->reason[0])
		snprintf(r->reason, sizeof r->reason, "%s", text);
}
