/* SPDX-License-Identifier: ISC */
/* trouble: one write a line, so that lines of several processes do not mix. */
#include "oxview/trouble.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "oxview/progress.h"
#include "oxview/text.h"

static void
say(struct trouble *t, const char *format, va_list ap)
{
	char line[1024];
	int n = vsnprintf(line, sizeof line, format, ap);
	struct buf out = {0};
	buf_puts(&out, "oxview: ");
	text_line(&out, line, n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
	buf_putc(&out, '\n');
	if (t->lines)
		buf_put(t->lines, out.data, out.len);
	else if (progress_make_way(), write(STDERR_FILENO, out.data, out.len) < 0)
		t->count++; /* nobody is told on stderr any more; the exit status still tells */
	buf_fini(&out);
}

void
trouble_retell(struct trouble *t, const struct trouble *from)
{
	t->count += from->count;
	if (t->lines)
		buf_put(t->lines, from->lines->data, from->lines->len);
	else if (from->lines->len > 0 && write(STDERR_FILENO, from->lines->data, from->lines->len) < 0)
		t->count++;
}

void
trouble_add(struct trouble *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	say(t, format, ap);
	va_end(ap);
	t->count++;
}

void
trouble_tell(struct trouble *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	say(t, format, ap);
	va_end(ap);
}
