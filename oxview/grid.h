/* SPDX-License-Identifier: ISC */
/*
 * grid: cells in columns that line up.
 *
 * Rows are held until grid_write(), which makes each column as wide as the widest of its cells so far; so many rows can be
 * written piece by piece, in bounded memory, and columns only ever grow.  The first row is the head.
 */
#ifndef BLUEOX_OXVIEW_GRID_H
#define BLUEOX_OXVIEW_GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "libbx/core/buf.h"
#include "oxview/term.h"

enum { GRID_ROWS = 256 }; /* a good number to hold before writing */

struct grid_cell {
	size_t end; /* in text; it starts where the one before it ends */
	size_t width;
	bool right;
};

struct grid {
	const struct term *term; /* borrowed */
	size_t columns;
	size_t *widths; /* owned */
	struct buf text;
	struct grid_cell *cells; /* owned */
	size_t count, cap;
	bool headed; /* the head was written */
	bool no_memory;
};

void grid_init(struct grid *g, size_t columns, const struct term *term);
void grid_fini(struct grid *g);

/* Where the next cell's text is to be appended: one line, safe for a terminal, without styles.  Then say that it is done. */
struct buf *grid_cell(struct grid *g);
void grid_done(struct grid *g, bool right);

size_t grid_rows(const struct grid *g); /* held */
void grid_write(struct grid *g, struct buf *out);

#endif
