/* SPDX-License-Identifier: ISC */
/*
 * term: what the place that people look at can show.
 *
 * Colour goes to terminals only, and not where NO_COLOR is set or TERM is dumb.  A style that is off is an empty
 * string, so formats write styles without asking.
 */
#ifndef BLUEOX_OXVIEW_TERM_H
#define BLUEOX_OXVIEW_TERM_H

#include <stdbool.h>
#include <stddef.h>

struct term {
	size_t columns; /* 0: lines are not to be cut */
	bool utf8;      /* of the locale: line drawing is allowed */
	bool colour;
};

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_TYPE, TERM_KEY, TERM_ERROR, TERM_BAR, TERM_STYLES };

/* Reads the locale's encoding (setlocale must have been called), the environment, and the size of fd. */
void term_init(struct term *t, int fd);

/* The escape that starts the style, or "". */
const char *term_style(const struct term *t, enum term_style style);

#endif
