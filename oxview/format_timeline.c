/* SPDX-License-Identifier: ISC */
/* format_timeline: groups of all stretches are sorted by what they are about; each run of them is one line. */
#include "oxview/format_timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/datetime.h"
#include "oxview/format_fields.h"
#include "oxview/grid.h"
#include "oxview/units.h"

enum { BARS_MOST = 60, TIME_KEY = 9 }; /* a key begins with the stretch, a double */

struct line {
	size_t first, count; /* in groups */
	uint64_t events;
};

struct timeline {
	const struct sums *sums;
	const struct sums_group **groups; /* those that have a time, by key, then time */
	size_t count;
	struct line *lines; /* the most events first */
	size_t line_count;
	double first, last; /* stretches */
	double bar;         /* seconds that one bar stands for */
	size_t bars;
};

static int
by_what(const struct sums_group *x, const struct sums_group *y)
{
	size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
	int order = memcmp(x->key + TIME_KEY, y->key + TIME_KEY, n - TIME_KEY);
	return order ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

static int
in_lines(const void *a, const void *b)
{
	const struct sums_group *x = *(const struct sums_group *const *)a, *y = *(const struct sums_group *const *)b;
	int order = by_what(x, y);
	return order ? order : (x->time > y->time) - (x->time < y->time);
}

static int
most_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = (x->events < y->events) - (x->events > y->events);
	return order ? order : (x->first > y->first) - (x->first < y->first);
}

static void
measure(struct timeline *t, size_t columns)
{
	double stretch = t->sums->spec.stretch;
	size_t most = columns > 60 ? columns - 40 : columns ? 20 : BARS_MOST;
	double stretches = floor((t->last - t->first) / stretch + 0.5) + 1;
	double together = ceil(stretches / (double)most);
	t->bar = stretch * together;
	t->bars = (size_t)ceil(stretches / together);
}

static bool
prepare(struct timeline *t, size_t columns)
{
	t->groups = calloc(t->sums->count + 1, sizeof *t->groups);
	t->lines = calloc(t->sums->count + 1, sizeof *t->lines);
	if (!t->groups || !t->lines)
		return false;
	for (size_t i = 0; i < t->sums->count; i++) {
		const struct sums_group *g = t->sums->groups[i];
		if (isnan(g->time))
			continue;
		t->first = t->count == 0 || g->time < t->first ? g->time : t->first;
		t->last = t->count == 0 || g->time > t->last ? g->time : t->last;
		t->groups[t->count++] = g;
	}
	if (t->count > 1)
		qsort(t->groups, t->count, sizeof *t->groups, in_lines);
	for (size_t i = 0; i < t->count; i++) {
		if (i == 0 || by_what(t->groups[i - 1], t->groups[i]) != 0)
			t->lines[t->line_count++] = (struct line){.first = i};
		t->lines[t->line_count - 1].count++;
		t->lines[t->line_count - 1].events += t->groups[i]->count;
	}
	if (t->line_count > 1)
		qsort(t->lines, t->line_count, sizeof *t->lines, most_first);
	measure(t, columns);
	return true;
}

static const char *
bar_of(uint64_t count, uint64_t highest, bool utf8)
{
	static const char *const fine[] = {" ", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
	    "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88"};
	static const char *const plain[] = {" ", ".", ".", ":", ":", "-", "=", "#", "#"};
	size_t height = count == 0 ? 0 : (size_t)ceil((double)count / (double)highest * 8);
	return (utf8 ? fine : plain)[height];
}

/* Draws the line's bars; returns what the highest of them stands for. */
static uint64_t
draw(const struct timeline *t, const struct line *line, uint64_t *heights, bool utf8, struct buf *out)
{
	uint64_t highest = 0;
	memset(heights, 0, t->bars * sizeof *heights);
	for (size_t i = 0; i < line->count; i++) {
		const struct sums_group *g = t->groups[line->first + i];
		size_t bar = (size_t)((g->time - t->first) / t->bar + 1e-9);
		heights[bar < t->bars ? bar : t->bars - 1] += g->count;
	}
	for (size_t i = 0; i < t->bars; i++)
		highest = heights[i] > highest ? heights[i] : highest;
	for (size_t i = 0; i < t->bars; i++)
		buf_puts(out, bar_of(heights[i], highest, utf8));
	return highest;
}

static void
put_count(uint64_t n, struct buf *out)
{
	char text[UNITS_TEXT];
	count_text(n, text);
	buf_puts(out, text);
}

static void
draw_lines(const struct timeline *t, uint64_t most, uint64_t *heights, const struct term *term, struct buf *out)
{
	struct grid g;
	size_t by = t->sums->spec.by;
	grid_init(&g, by + 3, term);
	for (size_t k = 0; k < by; k++) {
		struct bytes name = paths_name(t->sums->paths, k);
		buf_put(grid_cell(&g), name.p, name.n);
		grid_done(&g, false);
	}
	grid_done(&g, false);
	buf_puts(grid_cell(&g), "count");
	grid_done(&g, true);
	buf_puts(grid_cell(&g), "most");
	grid_done(&g, true);
	for (size_t i = 0; i < t->line_count && (!most || i < most); i++) {
		for (size_t k = 0; k < by; k++) {
			struct bytes value = sums_value(t->sums, t->groups[t->lines[i].first], k);
			if (!value.p)
				buf_putc(grid_cell(&g), '-');
			grid_done(&g, text_object(value, paths_name(t->sums->paths, k), term->utf8, grid_cell(&g)));
		}
		uint64_t highest = draw(t, &t->lines[i], heights, term->utf8, grid_cell(&g));
		grid_done(&g, false);
		put_count(t->lines[i].events, grid_cell(&g));
		grid_done(&g, true);
		put_count(highest, grid_cell(&g));
		grid_done(&g, true);
	}
	grid_write(&g, out);
	grid_fini(&g);
}

static void
put_scale(const struct timeline *t, bool utf8, struct buf *out)
{
	char from[DATETIME_TEXT], to[DATETIME_TEXT], bar[UNITS_TEXT];
	datetime_format(t->first, from);
	datetime_format(t->last + t->sums->spec.stretch, to);
	duration_text(t->bar, utf8, bar);
	buf_printf(out, "%s .. %s, a bar is %s\n", from, to, bar);
}

void
format_timeline(const struct sums *s, const struct sums_shape *shape, const struct term *term, struct buf *out)
{
	struct timeline t = {.sums = s};
	uint64_t *heights = NULL;
	bool ok = prepare(&t, term->columns);
	if (ok && t.count > 0) {
		heights = calloc(t.bars, sizeof *heights);
		ok = heights != NULL;
		if (ok) {
			put_scale(&t, term->utf8, out);
			draw_lines(&t, shape->most, heights, term, out);
		}
	}
	if (!ok)
		out->err = BX_ENOMEM;
	free(heights);
	free(t.groups);
	free(t.lines);
}
