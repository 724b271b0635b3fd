/* SPDX-License-Identifier: ISC */
/* srcline: the file is read from its start, a piece at a time; nothing of it is kept. */
#include "oxview/srcline.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oxview/text.h"

enum { LINE_SHOWN = 200, FILE_MOST = 64 * 1024 * 1024 };

static FILE *
open_source(const char *path)
{
	struct stat st;
	int fd = *path == '/' ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	if (fd < 0)
		return NULL;
	FILE *f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MOST ? fdopen(fd, "r") : NULL;
	if (!f)
		close(fd);
	return f;
}

static void
put_line(int number, bool it, const char *text, size_t n, int indent, const struct term *term, struct buf *out)
{
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	n = n < LINE_SHOWN ? n : LINE_SHOWN;
	buf_printf(
	    out, "%*s%s%c %5d  ", indent, "", term_style(term, it ? TERM_BOLD : TERM_DIM), it ? '>' : ' ', number);
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\t')
			buf_puts(out, "    ");
		else if ((unsigned char)text[i] < 0x80)
			text_line(out, &text[i], 1);
		else {
			size_t run = i;
			while (run < n && (unsigned char)text[run] >= 0x80)
				run++;
			text_line(out, &text[i], run - i);
			i = run - 1;
		}
	}
	buf_printf(out, "%s\n", term_style(term, TERM_PLAIN));
}

bool
srcline_put(const char *path, int line, int around, int indent, const struct term *term, struct buf *out)
{
	char *text = NULL;
	size_t cap = 0, start = out->len;
	ssize_t n;
	bool found = false;
	FILE *f = line > 0 ? open_source(path) : NULL;
	for (int number = 1; f && number - around <= line && (n = getline(&text, &cap, f)) >= 0; number++) {
		if (number < line - around)
			continue;
		found = found || number == line;
		put_line(number, number == line, text, (size_t)n, indent, term, out);
	}
	free(text);
	if (f)
		fclose(f);
	if (!found && out->err == BX_OK)
		out->len = start;
	return found;
}
