/* SPDX-License-Identifier: ISC */
/* term: asked once at the start; a window that changes its size later keeps the lines it has. */
#include "oxview/term.h"

#include <langinfo.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libbx/core/parse.h"

static bool
wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return !(no && *no) && term && strcmp(term, "dumb") != 0;
}

void
term_init(struct term *t, int fd)
{
	struct winsize size;
	uint64_t columns;
	const char *told = getenv("COLUMNS");
	bool terminal = isatty(fd);
	*t = (struct term){.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0, .colour = terminal && wants_colour()};
	if (terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		t->columns = size.ws_col;
	else if (told && parse_uint(told, &columns) && columns >= 20 && columns <= 10000)
		t->columns = (size_t)columns;
	else if (terminal)
		t->columns = 80;
}

const char *
term_style(const struct term *t, enum term_style style)
{
	static const char *const escapes[TERM_STYLES] = {
	    [TERM_PLAIN] = "\x1b[0m",
	    [TERM_BOLD] = "\x1b[1m",
	    [TERM_DIM] = "\x1b[2m",
	    [TERM_TYPE] = "\x1b[1;36m",
	    [TERM_KEY] = "\x1b[34m",
	    [TERM_ERROR] = "\x1b[1;31m",
	    [TERM_BAR] = "\x1b[32m",
	};
	return t->colour ? escapes[style] : "";
}
