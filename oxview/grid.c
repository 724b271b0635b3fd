/* SPDX-License-Identifier: ISC */
/* grid: one buf of text, and where each cell of it ends. */
#include "oxview/grid.h"

#include <stdlib.h>

#include "oxview/text.h"

enum { CELL_MOST = 48 }; /* columns that a cell takes on a terminal, the last of a row aside */

void
grid_init(struct grid *g, size_t columns, const struct term *term)
{
	*g = (struct grid){.term = term, .columns = columns, .widths = calloc(columns, sizeof(size_t))};
	g->no_memory = !g->widths;
}

void
grid_fini(struct grid *g)
{
	free(g->widths);
	free(g->cells);
	buf_fini(&g->text);
	*g = (struct grid){0};
}

struct buf *
grid_cell(struct grid *g)
{
	return &g->text;
}

static bool
room(struct grid *g)
{
	if (g->no_memory || g->count < g->cap)
		return !g->no_memory;
	size_t cap = g->cap ? 2 * g->cap : 256;
	struct grid_cell *grown = realloc(g->cells, cap * sizeof *grown);
	if (!grown) {
		g->no_memory = true;
		return false;
	}
	g->cells = grown;
	g->cap = cap;
	return true;
}

void
grid_done(struct grid *g, bool right)
{
	size_t start = g->count ? g->cells[g->count - 1].end : 0, column = g->count % g->columns;
	if (!room(g))
		return;
	if (g->term->columns && column + 1 < g->columns)
		text_cut(&g->text, start, CELL_MOST, g->term->utf8);
	size_t width = text_columns(g->text.data + start, g->text.len - start);
	g->cells[g->count++] = (struct grid_cell){g->text.len, width, right};
	if (width > g->widths[column])
		g->widths[column] = width;
}

size_t
grid_rows(const struct grid *g)
{
	return g->count / g->columns;
}

static void
pad(struct buf *out, size_t n)
{
	buf_printf(out, "%*s", (int)n, "");
}

static void
write_row(const struct grid *g, size_t first, struct buf *out)
{
	bool head = !g->headed && first == 0;
	if (head)
		buf_puts(out, term_style(g->term, TERM_BOLD));
	size_t line = out->len;
	for (size_t i = 0; i < g->columns; i++) {
		const struct grid_cell *c = &g->cells[first + i];
		size_t start = first + i ? g->cells[first + i - 1].end : 0, space = g->widths[i] - c->width;
		if (c->right)
			pad(out, space);
		buf_put(out, g->text.data + start, c->end - start);
		if (i + 1 < g->columns)
			pad(out, (c->right ? 0 : space) + 2);
	}
	if (g->term->columns)
		text_cut(out, line, g->term->columns, g->term->utf8);
	if (head)
		buf_puts(out, term_style(g->term, TERM_PLAIN));
	buf_putc(out, '\n');
}

void
grid_write(struct grid *g, struct buf *out)
{
	size_t rows = grid_rows(g);
	for (size_t row = 0; row < rows; row++)
		write_row(g, row * g->columns, out);
	g->headed = g->headed || rows > 0;
	g->count = 0;
	if (g->text.err != BX_OK || g->no_memory)
		out->err = BX_ENOMEM;
	buf_clear(&g->text);
}
