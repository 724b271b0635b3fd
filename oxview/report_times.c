/* SPDX-License-Identifier: ISC */
/* report_times: a hash table of cells, and a ladder of widths in which each is a multiple of the one before. */
#include "oxview/report_times.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "oxview/report_json.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { TABLE = 2 * TIMES_CELLS, NAME_MAX_BYTES = 255 };

/* Milliseconds.  Each divides the next, so that stretches can be put together. */
static const int64_t widths[] = {1, 2, 10, 20, 100, 200, 1000, 2000, 10000, 30000, 60000, 300000, 600000, 1800000,
    3600000, 10800000, 21600000, 86400000, 604800000, 2419200000, 31449600000, 314496000000, 31449600000000,
    3144960000000000};
enum { WIDTHS = sizeof widths / sizeof *widths };

static const double time_most = 1e12; /* seconds: what is further away has no time that could be drawn */

bool
report_times_init(struct report_times *t)
{
	*t = (struct report_times){0};
	t->types = calloc(TIMES_TYPES + 1, sizeof *t->types);
	t->cells = calloc(TABLE, sizeof *t->cells);
	t->full = !t->types || !t->cells;
	return !t->full;
}

void
report_times_fini(struct report_times *t)
{
	for (size_t i = 0; t->types && i <= TIMES_TYPES; i++) {
		free(t->types[i].name);
		hist_fini(&t->types[i].durations);
	}
	free(t->types);
	free(t->cells);
	*t = (struct report_times){0};
}

/* ---- cells ------------------------------------------------------------------------------------------------------- */

static struct times_cell *
cell_at(struct times_cell *cells, int64_t stretch, uint32_t type, uint32_t row)
{
	uint64_t key[2] = {(uint64_t)stretch, (uint64_t)type << 32 | row};
	size_t i = XXH3_64bits(key, sizeof key) & (TABLE - 1);
	while (cells[i].count && (cells[i].stretch != stretch || cells[i].type != type || cells[i].row != row))
		i = (i + 1) & (TABLE - 1);
	cells[i].stretch = stretch;
	cells[i].type = type;
	cells[i].row = row;
	return &cells[i];
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Puts stretches together until there is room again, or, with a window, until it has at most TIMES_STRETCHES. */
static bool
widen(struct report_times *t)
{
	int64_t ratio = widths[t->width + 1] / widths[t->width];
	struct times_cell *cells = calloc(TABLE, sizeof *cells);
	if (!cells)
		return false;
	t->cell_count = 0;
	for (size_t i = 0; i < TABLE; i++) {
		const struct times_cell *old = &t->cells[i];
		if (!old->count)
			continue;
		struct times_cell *c = cell_at(cells, floor_div(old->stretch, ratio), old->type, old->row);
		t->cell_count += c->count == 0;
		c->count += old->count;
		c->errors += old->errors;
	}
	free(t->cells);
	t->cells = cells;
	t->width++;
	return true;
}

static uint32_t
row_of(double duration)
{
	if (!(duration > TIMES_LEAST))
		return 0;
	double row = floor(TIMES_PER_DECADE * log10(duration / TIMES_LEAST) + 1e-9);
	return row < TIMES_ROWS - 1 ? (uint32_t)row : TIMES_ROWS - 1;
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

/* The place of a type; a new one while there is room, else that of all others. */
static bool
type_of(struct report_times *t, struct bytes name, size_t *out)
{
	if (!name.p)
		name = (struct bytes){(const uint8_t *)"(no type)", 9};
	for (*out = 0; *out < t->type_count; ++*out)
		if (t->types[*out].name_n == name.n && memcmp(t->types[*out].name, name.p, name.n) == 0)
			return true;
	if (t->type_count == TIMES_TYPES || name.n > NAME_MAX_BYTES) {
		*out = TIMES_TYPES;
		return true;
	}
	char *copy = malloc(name.n + 1);
	if (!copy)
		return false;
	memcpy(copy, name.p, name.n);
	copy[name.n] = '\0';
	t->types[t->type_count++] = (struct times_type){.name = copy, .name_n = name.n};
	return true;
}

static double
clamped(double duration)
{
	return duration <= 0 ? 0 : fmin(fmax(duration, 1e-9), 1e9);
}

bool
report_times_add(struct report_times *t, const struct event *ev, bool error)
{
	size_t type;
	uint32_t row = TIMES_ROWS;
	if (t->full || !type_of(t, ev->type, &type)) {
		t->full = true;
		return false;
	}
	struct times_type *y = &t->types[type];
	y->count++;
	y->errors += error;
	y->bytes += ev->raw.n;
	if (ev->has_start && ev->has_end && isfinite(ev->end - ev->start)) {
		double duration = clamped(ev->end - ev->start);
		row = row_of(duration);
		if (!hist_add(&y->durations, duration)) {
			t->full = true;
			return false;
		}
	}
	double when = ev->has_end ? ev->end : ev->has_start ? ev->start : NAN;
	if (!(fabs(when) < time_most)) {
		t->untimed++;
		return true;
	}
	struct times_cell *c =
	    cell_at(t->cells, floor_div((int64_t)floor(when * 1e3), widths[t->width]), (uint32_t)type, row);
	t->cell_count += c->count == 0;
	c->count++;
	c->errors += error;
	while (t->cell_count >= TIMES_CELLS && t->width + 1 < WIDTHS)
		if (!widen(t)) {
			t->full = true;
			return false;
		}
	return true;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

struct window {
	int64_t first, last; /* stretches that are drawn */
	uint64_t outside;
};

static int
by_stretch(const void *a, const void *b)
{
	const struct times_cell *x = *(struct times_cell *const *)a, *y = *(struct times_cell *const *)b;
	return (x->stretch > y->stretch) - (x->stretch < y->stretch);
}

/*
 * All of the time, unless it would be drawn in more than TIMES_STRETCHES and leaving out the outermost thousandth at
 * either end makes it less than a tenth as long: clocks that are wrong.
 */
static struct window
choose(struct times_cell *const *cells, size_t n)
{
	struct window all = {cells[0]->stretch, cells[n - 1]->stretch, 0};
	uint64_t total = 0, before = 0, behind = 0;
	for (size_t i = 0; i < n; i++)
		total += cells[i]->count;
	size_t low = 0, high = n - 1;
	while (low < high && before + cells[low]->count <= total / 1000)
		before += cells[low++]->count;
	while (high > low && behind + cells[high]->count <= total / 1000)
		behind += cells[high--]->count;
	struct window core = {cells[low]->stretch, cells[high]->stretch, 0};
	bool worth =
	    all.last - all.first >= TIMES_STRETCHES && (core.last - core.first + 1) * 10 < all.last - all.first;
	if (!worth)
		return all;
	for (size_t i = 0; i < n; i++)
		if (cells[i]->stretch < core.first || cells[i]->stretch > core.last)
			core.outside += cells[i]->count;
	return core;
}

static int
by_count(const void *a, const void *b)
{
	const struct times_type *x = *(struct times_type *const *)a, *y = *(struct times_type *const *)b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x < y ? -1 : 1;
}

static void
write_type(struct buf *out, const char *key, const struct times_type *y, uint64_t types)
{
	const struct hist *h = &y->durations;
	buf_printf(out, "{\"name\":");
	report_text(out, (struct bytes){(const uint8_t *)key, strlen(key)});
	buf_printf(out, ",\"types\":%llu,\"count\":%llu,\"errors\":%llu,\"bytes\":%llu,\"timed\":%llu",
	    (unsigned long long)types, (unsigned long long)y->count, (unsigned long long)y->errors,
	    (unsigned long long)y->bytes, (unsigned long long)h->count);
	if (h->count > 0) {
		const double shares[] = {.5, .9, .99};
		const char *const names[] = {"p50", "p90", "p99"};
		buf_puts(out, ",\"mean\":");
		report_number(out, hist_mean(h));
		for (size_t i = 0; i < 3; i++) {
			buf_printf(out, ",\"%s\":", names[i]);
			report_number(out, hist_quantile(h, shares[i]));
		}
		buf_puts(out, ",\"max\":");
		report_number(out, h->greatest);
	}
	buf_putc(out, '}');
}

/* What of the types is shown: for each type its place among those shown, and one more line for all others. */
struct shown {
	struct times_type *lines[TIMES_SHOWN + 1];
	uint64_t types[TIMES_SHOWN + 1];
	size_t count;
	uint32_t line_of[TIMES_TYPES + 1];
	struct times_type others;
};

static bool
choose_types(struct report_times *t, struct shown *s)
{
	struct times_type *sorted[TIMES_TYPES + 1];
	size_t n = 0;
	*s = (struct shown){.count = 0};
	for (size_t i = 0; i < t->type_count; i++)
		sorted[n++] = &t->types[i];
	if (n > 1)
		qsort(sorted, n, sizeof *sorted, by_count);
	if (t->types[TIMES_TYPES].count > 0)
		sorted[n++] = &t->types[TIMES_TYPES];
	for (size_t i = 0; i < n; i++) {
		bool rest = i >= TIMES_SHOWN || sorted[i] == &t->types[TIMES_TYPES];
		size_t line = rest ? TIMES_SHOWN : i;
		s->line_of[sorted[i] - t->types] = (uint32_t)line;
		s->types[line]++;
		s->lines[line] = rest ? &s->others : sorted[i];
		if (!rest)
			continue;
		s->others.count += sorted[i]->count;
		s->others.errors += sorted[i]->errors;
		s->others.bytes += sorted[i]->bytes;
		if (!hist_merge(&s->others.durations, &sorted[i]->durations))
			return false;
	}
	return true;
}

static void
write_types(struct shown *s, uint32_t place[TIMES_SHOWN + 1], struct buf *out)
{
	buf_puts(out, "\"types\":[");
	for (size_t i = 0; i <= TIMES_SHOWN; i++) {
		if (!s->lines[i])
			continue;
		if (s->count)
			buf_putc(out, ',');
		place[i] = (uint32_t)s->count++;
		write_type(
		    out, s->lines[i] == &s->others ? "(all others)" : s->lines[i]->name, s->lines[i], s->types[i]);
	}
	buf_puts(out, "],\"shown_of_types\":");
	uint64_t types = 0;
	for (size_t i = 0; i <= TIMES_SHOWN; i++)
		types += s->types[i];
	buf_printf(out, "%llu", (unsigned long long)types);
}

/* Counts, errors and cells of one drawn stretch after the other, type by type. */
struct drawing {
	uint64_t *counts, *errors, *cells; /* [line][stretch], [line][stretch], [line][stretch][row] */
	size_t stretches;
};

static void
write_list(struct buf *out, const uint64_t *numbers, size_t n)
{
	buf_putc(out, '[');
	for (size_t i = 0; numbers && i < n; i++)
		buf_printf(out, "%s%llu", i ? "," : "", (unsigned long long)numbers[i]);
	buf_putc(out, ']');
}

static void
write_heat(struct buf *out, const struct drawing *d, size_t line)
{
	bool first = true;
	buf_putc(out, '[');
	for (size_t i = 0; i < d->stretches; i++)
		for (size_t row = 0; row < TIMES_ROWS; row++) {
			uint64_t n = d->cells[(line * d->stretches + i) * TIMES_ROWS + row];
			if (n)
				buf_printf(out, "%s%zu,%zu,%llu", first ? "" : ",", i, row, (unsigned long long)n);
			first = first && !n;
		}
	buf_putc(out, ']');
}

static void
write_drawing(struct buf *out, const struct drawing *d, size_t lines)
{
	const struct {
		const char *key;
		const uint64_t *numbers;
	} lists[] = {{"counts", d->counts}, {"errors", d->errors}};
	for (size_t k = 0; k < 2; k++) {
		buf_printf(out, ",\"%s\":[", lists[k].key);
		for (size_t line = 0; line < lines; line++) {
			buf_puts(out, line ? "," : "");
			write_list(out, lists[k].numbers + line * d->stretches, d->stretches);
		}
		buf_putc(out, ']');
	}
	buf_puts(out, ",\"heat\":[");
	for (size_t line = 0; line < lines; line++) {
		buf_puts(out, line ? "," : "");
		write_heat(out, d, line);
	}
	buf_putc(out, ']');
}

static bool
draw(struct times_cell *const *cells, size_t n, const struct window *w, const struct shown *s, const uint32_t *place,
    struct drawing *d)
{
	size_t size = s->count * d->stretches;
	d->counts = calloc(size, sizeof *d->counts);
	d->errors = calloc(size, sizeof *d->errors);
	d->cells = calloc(size * TIMES_ROWS, sizeof *d->cells);
	if (!d->counts || !d->errors || !d->cells)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct times_cell *c = cells[i];
		if (c->stretch < w->first || c->stretch > w->last)
			continue;
		size_t at = place[s->line_of[c->type]] * d->stretches + (size_t)(c->stretch - w->first);
		d->counts[at] += c->count;
		d->errors[at] += c->errors;
		if (c->row < TIMES_ROWS)
			d->cells[at * TIMES_ROWS + c->row] += c->count;
	}
	return true;
}

/* The cells in the order of time, in a piece of memory of their own. */
static struct times_cell **
sorted_cells(struct report_times *t)
{
	struct times_cell **sorted = calloc(t->cell_count + 1, sizeof(struct times_cell *));
	size_t n = 0;
	for (size_t i = 0; sorted && i < TABLE; i++)
		if (t->cells[i].count)
			sorted[n++] = &t->cells[i];
	if (n > 1)
		qsort(sorted, n, sizeof *sorted, by_stretch);
	return sorted;
}

static bool
write_times(struct report_times *t, const struct shown *s, const uint32_t *place, struct buf *out)
{
	struct times_cell **cells = sorted_cells(t);
	struct window w = {0, -1, 0};
	while (cells && t->cell_count > 0) {
		w = choose(cells, t->cell_count);
		if (w.last - w.first < TIMES_STRETCHES || t->width + 1 == WIDTHS)
			break;
		free(cells);
		cells = widen(t) ? sorted_cells(t) : NULL;
	}
	if (!cells)
		return false;
	struct drawing d = {.stretches = (size_t)(w.last - w.first + 1)};
	double width = (double)widths[t->width] / 1e3;
	buf_puts(out, ",\"times\":{\"from\":");
	report_number(out, (double)w.first * width);
	buf_puts(out, ",\"width\":");
	report_number(out, width);
	buf_printf(out, ",\"stretches\":%zu,\"outside\":%llu,\"untimed\":%llu,\"rows\":{\"least\":", d.stretches,
	    (unsigned long long)w.outside, (unsigned long long)t->untimed);
	report_number(out, TIMES_LEAST);
	buf_printf(out, ",\"per_decade\":%d,\"count\":%d}", TIMES_PER_DECADE, TIMES_ROWS);
	bool ok = d.stretches == 0 || draw(cells, t->cell_count, &w, s, place, &d);
	if (ok)
		write_drawing(out, &d, d.stretches ? s->count : 0);
	buf_putc(out, '}');
	free(d.counts);
	free(d.errors);
	free(d.cells);
	free(cells);
	return ok;
}

bool
report_times_write(struct report_times *t, struct buf *out)
{
	struct shown s;
	uint32_t place[TIMES_SHOWN + 1] = {0};
	bool ok = !t->full && choose_types(t, &s);
	if (ok) {
		write_types(&s, place, out);
		ok = write_times(t, &s, place, out);
	}
	if (!t->full)
		hist_fini(&s.others.durations);
	return ok && out->err == BX_OK;
}
