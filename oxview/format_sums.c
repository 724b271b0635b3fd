/* SPDX-License-Identifier: ISC */
/* format_sums: rows that every form shares, then the drawings that only people get. */
#include "oxview/format_sums.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "libbx/core/datetime.h"
#include "oxview/format_fields.h"
#include "oxview/format_json.h"
#include "oxview/format_timeline.h"
#include "oxview/grid.h"
#include "oxview/text.h"
#include "oxview/units.h"

/* What is said of a number; the table is the columns of CSV, the keys of JSON and the heads of the text. */
static double
count_of(const struct hist *h)
{
	return (double)h->count;
}

static double
half_of(const struct hist *h)
{
	return hist_quantile(h, 0.5);
}

static double
most_of(const struct hist *h)
{
	return hist_quantile(h, 0.9);
}

static double
nearly_all_of(const struct hist *h)
{
	return hist_quantile(h, 0.99);
}

static double
greatest_of(const struct hist *h)
{
	return h->greatest;
}

static const struct stat {
	const char *name;
	double (*value)(const struct hist *h);
	bool whole; /* a number of events */
} stats[] = {
    {"count", count_of, true},
    {"mean", hist_mean, false},
    {"p50", half_of, false},
    {"p90", most_of, false},
    {"p99", nearly_all_of, false},
    {"max", greatest_of, false},
};

enum { STATS = sizeof stats / sizeof *stats };

static void
put_object(double v, struct buf *out)
{
	uint8_t object[MP_HEADER_MAX];
	mp_put_double(object, v);
	json_object((struct bytes){object, 9}, out);
}

static void
put_stat(const struct stat *stat, const struct hist *h, struct buf *out)
{
	if (stat->whole)
		buf_printf(out, "%llu", (unsigned long long)h->count);
	else
		put_object(stat->value(h), out);
}

/* Numbers whose columns are shown: with --histogram the last one is drawn instead. */
static size_t
shown_numbers(const struct sums *s, const struct sums_shape *shape)
{
	return s->spec.numbers - shape->spread;
}

static struct bytes
name_of(const struct sums *s, size_t field)
{
	return paths_name(s->paths, field);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void
json_key(struct bytes name, bool *some, struct buf *out)
{
	if (*some)
		buf_putc(out, ',');
	*some = true;
	json_text(name, out);
	buf_putc(out, ':');
}

static struct bytes
bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static bool
json_group(const struct sums *s, const struct sums_group *g, struct buf *out)
{
	bool some = false;
	buf_putc(out, '{');
	if (s->spec.stretch > 0 && !isnan(g->time)) {
		json_key(bytes_of("time"), &some, out);
		put_object(g->time, out);
	}
	for (size_t i = 0; i < s->spec.by; i++) {
		struct bytes value = sums_value(s, g, i);
		if (!value.p)
			continue;
		json_key(name_of(s, i), &some, out);
		json_object(value, out);
	}
	return some;
}

static void
json_rows(const struct sums *s, const struct sums_shape *shape, const struct sums_group *g, struct buf *out)
{
	struct hist_bucket b;
	uint64_t at = 0;
	while (shape->spread && hist_next(&g->hists[s->spec.numbers - 1], &at, &b)) {
		bool some = json_group(s, g, out);
		json_key(bytes_of("from"), &some, out);
		put_object(b.from, out);
		json_key(bytes_of("to"), &some, out);
		put_object(b.to, out);
		json_key(bytes_of("count"), &some, out);
		buf_printf(out, "%llu}\n", (unsigned long long)b.count);
	}
	if (shape->spread)
		return;
	bool some = json_group(s, g, out);
	json_key(bytes_of("count"), &some, out);
	buf_printf(out, "%llu", (unsigned long long)g->count);
	for (size_t i = 0; i < s->spec.numbers; i++) {
		json_key(name_of(s, s->spec.by + i), &some, out);
		for (size_t k = 0; k < STATS && (k == 0 || g->hists[i].count > 0); k++) {
			buf_printf(out, "%s\"%s\":", k ? "," : "{", stats[k].name);
			put_stat(&stats[k], &g->hists[i], out);
		}
		buf_putc(out, '}');
	}
	buf_puts(out, "}\n");
}

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

static void
csv_head(const struct sums *s, const struct sums_shape *shape, struct buf *out)
{
	if (s->spec.stretch > 0)
		buf_puts(out, "time,");
	for (size_t i = 0; i < s->spec.by; i++) {
		csv_text(name_of(s, i), out);
		buf_putc(out, ',');
	}
	buf_puts(out, shape->spread ? "from,to,count" : "count");
	for (size_t i = 0; i < shown_numbers(s, shape); i++) {
		for (size_t k = 0; k < STATS; k++) {
			struct buf name = {0};
			struct bytes field = name_of(s, s->spec.by + i);
			buf_put(&name, field.p, field.n);
			buf_printf(&name, ".%s", stats[k].name);
			buf_putc(out, ',');
			csv_text((struct bytes){name.data, name.len}, out);
			buf_fini(&name);
		}
	}
	buf_puts(out, "\r\n");
}

static void
csv_group(const struct sums *s, const struct sums_group *g, struct buf *out)
{
	if (s->spec.stretch > 0) {
		if (!isnan(g->time))
			put_object(g->time, out);
		buf_putc(out, ',');
	}
	for (size_t i = 0; i < s->spec.by; i++) {
		csv_object(sums_value(s, g, i), out);
		buf_putc(out, ',');
	}
}

static void
csv_rows(const struct sums *s, const struct sums_shape *shape, const struct sums_group *g, struct buf *out)
{
	struct hist_bucket b;
	uint64_t at = 0;
	while (shape->spread && hist_next(&g->hists[s->spec.numbers - 1], &at, &b)) {
		csv_group(s, g, out);
		put_object(b.from, out);
		buf_putc(out, ',');
		put_object(b.to, out);
		buf_printf(out, ",%llu\r\n", (unsigned long long)b.count);
	}
	if (shape->spread)
		return;
	csv_group(s, g, out);
	buf_printf(out, "%llu", (unsigned long long)g->count);
	for (size_t i = 0; i < s->spec.numbers; i++) {
		for (size_t k = 0; k < STATS; k++) {
			buf_putc(out, ',');
			if (k == 0 || g->hists[i].count > 0)
				put_stat(&stats[k], &g->hists[i], out);
		}
	}
	buf_puts(out, "\r\n");
}

/* ---- for people: a table ----------------------------------------------------------------------------------------- */

static void
put_count(uint64_t n, struct buf *out)
{
	char text[UNITS_TEXT];
	count_text(n, text);
	buf_puts(out, text);
}

static void
put_number(double v, struct bytes name, bool utf8, struct buf *out)
{
	uint8_t object[MP_HEADER_MAX];
	char text[32];
	mp_put_double(object, v);
	if (name.n >= 8 && memcmp(name.p + name.n - 8, "duration", 8) == 0) {
		text_object((struct bytes){object, 9}, bytes_of("duration"), utf8, out);
		return;
	}
	snprintf(text, sizeof text, "%.4g", v);
	buf_puts(out, text);
}

static void
text_head(const struct sums *s, const struct sums_shape *shape, struct grid *g)
{
	for (size_t i = 0; i < s->spec.by; i++) {
		struct bytes name = name_of(s, i);
		text_line(grid_cell(g), name.p, name.n);
		grid_done(g, false);
	}
	buf_puts(grid_cell(g), "count");
	grid_done(g, true);
	for (size_t i = 0; i < shown_numbers(s, shape); i++) {
		struct bytes name = name_of(s, s->spec.by + i);
		for (size_t k = 1; k < STATS; k++) {
			if (k == 1)
				text_line(grid_cell(g), name.p, name.n);
			buf_printf(grid_cell(g), "%s%s", k == 1 ? "." : "", stats[k].name);
			grid_done(g, true);
		}
	}
}

static void
text_row(const struct sums *s, const struct sums_shape *shape, const struct sums_group *group, struct grid *g)
{
	for (size_t i = 0; i < s->spec.by; i++) {
		struct bytes value = sums_value(s, group, i);
		if (!value.p)
			buf_putc(grid_cell(g), '-');
		grid_done(g, text_object(value, name_of(s, i), g->term->utf8, grid_cell(g)));
	}
	put_count(group->count, grid_cell(g));
	grid_done(g, true);
	for (size_t i = 0; i < shown_numbers(s, shape); i++) {
		for (size_t k = 1; k < STATS; k++) {
			if (group->hists[i].count > 0)
				put_number(stats[k].value(&group->hists[i]), name_of(s, s->spec.by + i), g->term->utf8,
				    grid_cell(g));
			else
				buf_putc(grid_cell(g), '-');
			grid_done(g, true);
		}
	}
}

static uint64_t
shown_groups(const struct sums *s, const struct sums_shape *shape)
{
	return shape->most && shape->most < s->count ? shape->most : s->count;
}

static void
text_table(const struct sums *s, const struct sums_shape *shape, const struct term *term, struct buf *out)
{
	struct grid g;
	grid_init(&g, s->spec.by + 1 + shown_numbers(s, shape) * (STATS - 1), term);
	text_head(s, shape, &g);
	for (uint64_t i = 0; i < shown_groups(s, shape); i++)
		text_row(s, shape, s->groups[i], &g);
	grid_write(&g, out);
	if (shown_groups(s, shape) < s->count)
		buf_printf(out, "%s%llu more groups%s\n", term_style(term, TERM_DIM),
		    (unsigned long long)(s->count - shape->most), term_style(term, TERM_PLAIN));
	grid_fini(&g);
}

/* ---- for people: how one number is spread ------------------------------------------------------------------------ */

enum { BARS = 40, LINES_MOST = 24 };

/* The power of two that a bucket lies in, or a part of one; neighbours are drawn as one line. */
static int
line_of(const struct hist_bucket *b, int parts)
{
	int exponent;
	double size = fabs(b->from) > fabs(b->to) ? fabs(b->to) : fabs(b->from);
	if (b->from == 0 && b->to == 0)
		return 0;
	double fraction = frexp(size, &exponent);
	int line = (exponent + 2000) * parts + (int)((fraction - 0.5) * 2 * parts) + 1;
	return b->from < 0 ? -line : line;
}

static size_t
count_lines(const struct hist *h, int parts, uint64_t *highest)
{
	struct hist_bucket b;
	uint64_t at = 0, sum = 0;
	size_t lines = 0;
	*highest = 0;
	for (int last = 0, now; hist_next(h, &at, &b); last = now) {
		now = line_of(&b, parts);
		if (lines == 0 || now != last) {
			lines++;
			sum = 0;
		}
		sum += b.count;
		if (sum > *highest)
			*highest = sum;
	}
	return lines;
}

static void
draw_line(const struct hist_bucket *b, uint64_t highest, struct bytes name, struct grid *g)
{
	put_number(b->from, name, g->term->utf8, grid_cell(g));
	grid_done(g, true);
	put_number(b->to, name, g->term->utf8, grid_cell(g));
	grid_done(g, true);
	put_count(b->count, grid_cell(g));
	grid_done(g, true);
	size_t cells = (size_t)((double)b->count / (double)highest * BARS + 0.5);
	for (size_t i = 0; i < (cells ? cells : 1); i++)
		buf_puts(grid_cell(g), g->term->utf8 ? "\xe2\x94\x81" : "=");
	grid_done(g, false);
}

static void
text_spread(const struct hist *h, struct bytes name, const struct term *term, struct buf *out)
{
	static const char *const head[] = {"from", "to", "count", ""};
	uint64_t highest, at = 0;
	int parts = 8;
	struct grid g;
	struct hist_bucket b, sum = {0};
	while (count_lines(h, parts, &highest) > LINES_MOST && parts > 1)
		parts /= 2;
	grid_init(&g, 4, term);
	for (size_t i = 0; i < 4; i++) {
		buf_puts(grid_cell(&g), head[i]);
		grid_done(&g, i < 3);
	}
	while (hist_next(h, &at, &b)) {
		if (sum.count > 0 && line_of(&b, parts) == line_of(&sum, parts)) {
			sum.to = b.to;
			sum.count += b.count;
			continue;
		}
		if (sum.count > 0)
			draw_line(&sum, highest, name, &g);
		sum = b;
	}
	if (sum.count > 0)
		draw_line(&sum, highest, name, &g);
	grid_write(&g, out);
	grid_fini(&g);
}

static void
text_spreads(const struct sums *s, const struct sums_shape *shape, const struct term *term, struct buf *out)
{
	for (uint64_t i = 0; i < shown_groups(s, shape); i++) {
		const struct sums_group *g = s->groups[i];
		if (s->spec.by > 0) {
			buf_puts(out, term_style(term, TERM_BOLD));
			for (size_t k = 0; k < s->spec.by; k++) {
				struct bytes value = sums_value(s, g, k);
				buf_puts(out, k ? "  " : "");
				if (!value.p)
					buf_putc(out, '-');
				text_object(value, name_of(s, k), term->utf8, out);
			}
			buf_printf(out, "%s\n", term_style(term, TERM_PLAIN));
		}
		text_spread(&g->hists[s->spec.numbers - 1], name_of(s, s->spec.by + s->spec.numbers - 1), term, out);
	}
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void
text_sums(const struct sums *s, const struct sums_shape *shape, const struct term *term, struct buf *out)
{
	if (s->spec.stretch > 0) {
		format_timeline(s, shape, term, out);
	} else if (shape->spread) {
		text_spreads(s, shape, term, out);
	} else if (s->spec.by == 0 && s->spec.numbers == 0) {
		put_count(s->count ? s->groups[0]->count : 0, out);
		buf_putc(out, '\n');
	} else {
		text_table(s, shape, term, out);
	}
}

void
format_sums(const struct sums *s, const struct sums_shape *shape, const struct term *term, struct buf *out)
{
	if (shape->form == SUMS_TEXT) {
		text_sums(s, shape, term, out);
		return;
	}
	if (shape->form == SUMS_CSV)
		csv_head(s, shape, out);
	for (uint64_t i = 0; i < shown_groups(s, shape); i++)
		(shape->form == SUMS_CSV ? csv_rows : json_rows)(s, shape, s->groups[i], out);
}
