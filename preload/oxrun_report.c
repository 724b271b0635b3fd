/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_WIDTH = 18 };

struct text {
	char s[sizeof(((struct report *)NULL)->reason)];
};

static struct text
put(struct report *r, const char *label, const char *format, va_list args)
{
	struct text text;
	vsnprintf(text.s, sizeof text.s, format, args);
	buf_printf(r->out, "%-*s %s\n", LABEL_WIDTH, label, text.s);
	return text;
}

void
report_line(struct report *r, const char *label, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	put(r, label, format, args);
	va_end(args);
}

void
report_reason(struct report *r, const char *label, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct text text = put(r, label, format, args);
	va_end(args);
	if (!r->reason[0])
		memcpy(r->reason, text.s, sizeof r->reason);
}
