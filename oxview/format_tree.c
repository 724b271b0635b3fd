/* SPDX-License-Identifier: ISC */
/*
 * format_tree: lines first, then printing.
 *
 * A walk without recursion (a chain of events may be as long as it likes) makes a list of lines with their labels, so
 * that what stands behind the labels can stand in one column.
 */
#include "oxview/format_tree.h"

#include <stdlib.h>
#include <string.h>

#include "libbx/core/datetime.h"
#include "oxview/bar.h"
#include "oxview/body.h"
#include "oxview/format_json.h"
#include "oxview/summary.h"
#include "oxview/text.h"
#include "oxview/units.h"

enum {
	BAR_CELLS = 20,
	DURATION_COLUMNS = 8,
	LABEL_COLUMNS_MAX = 40, /* of those that are aligned */
	DEPTH_SHOWN = 32,       /* deeper ones stand no further to the right */
	RUN_SHOWN = 3,          /* of a long run, so many stand for all */
	RUN_MIN = 8,            /* shorter ones are shown whole */
	ID_SHOWN = 12,
};

struct line {
	const struct tree_node *node; /* of a cut run: its first that is not shown */
	size_t run;                   /* 0: the node; else how many are left out here */
	size_t label, label_len;      /* in labels */
	size_t label_columns;
	bool failed;
};

struct view {
	const struct tree_group *group;
	const struct term *term;
	bool all;
	struct buf *out;
	struct buf lines;  /* of struct line */
	struct buf labels; /* text of all labels */
	size_t label_column;
};

static bool
like(const struct tree_node *a, const struct tree_node *b)
{
	return !b->first && !b->missing && bytes_equal(a->event.type, b->event.type) && !body_has_error(&b->event);
}

/* How many siblings from here on, this one included, are much the same: leaves of one type that did not fail. */
static size_t
run_from(const struct tree_node *n)
{
	size_t count = 0;
	for (const struct tree_node *at = n; at && like(n, at); at = at->next)
		count++;
	return count;
}

/* The type, less what its parent's says already. */
static void
put_type(struct view *v, const struct tree_node *n)
{
	struct bytes type = n->event.type, outer = n->parent ? n->parent->event.type : (struct bytes){0};
	if (outer.n > 0 && type.n > outer.n && type.p[outer.n] == '.' && memcmp(type.p, outer.p, outer.n) == 0)
		type = (struct bytes){type.p + outer.n, type.n - outer.n};
	text_line(&v->labels, type.p, type.n);
}

static void
put_branches(struct view *v, const struct tree_node *n, int depth, bool last)
{
	bool utf8 = v->term->utf8;
	const struct tree_node *above[DEPTH_SHOWN];
	int count = 0;
	for (const struct tree_node *p = n->parent; p && p->parent; p = p->parent)
		if (count < DEPTH_SHOWN)
			above[count++] = p;
	if (depth == 0)
		return;
	while (count-- > 0)
		buf_puts(&v->labels, !above[count]->next ? "   " : utf8 ? "\xe2\x94\x82  " : "|  ");
	if (utf8)
		buf_puts(&v->labels, last ? "\xe2\x94\x94\xe2\x94\x80 " : "\xe2\x94\x9c\xe2\x94\x80 ");
	else
		buf_puts(&v->labels, last ? "`- " : "|- ");
}

/* Adds the line for a node, or for the `run` siblings that start with it. */
static void
add_line(struct view *v, const struct tree_node *n, int depth, size_t run, bool last)
{
	struct line l = {.node = n, .run = run, .label = v->labels.len};
	put_branches(v, n, depth, last);
	if (run) {
		char count[UNITS_TEXT];
		count_text(run, count);
		buf_printf(&v->labels, "%s %s more ", v->term->utf8 ? "\xe2\x80\xa6" : "...", count);
	}
	if (n->missing)
		buf_puts(&v->labels, "? ");
	put_type(v, n);
	l.failed = !run && body_has_error(&n->event);
	if (!buf_reserve(
		&v->labels, 0)) /* an outermost event without a type has no label, and needs a place all the same */
		return;
	l.label_len = v->labels.len - l.label;
	l.label_columns = text_columns(v->labels.data + l.label, l.label_len);
	if (l.label_columns > v->label_column && l.label_columns <= LABEL_COLUMNS_MAX)
		v->label_column = l.label_columns;
	buf_put(&v->lines, &l, sizeof l);
}

static const struct tree_node *
forward(const struct tree_node *n, size_t count)
{
	while (count-- > 0)
		n = n->next;
	return n;
}

/* The node behind this one and all below it, in the order of printing; depth follows. */
static const struct tree_node *
next_up(const struct tree_node *n, int *depth)
{
	while (n && !n->next) {
		n = n->parent;
		(*depth)--;
	}
	return n ? n->next : NULL;
}

static void
list_lines(struct view *v)
{
	int depth = 0;
	size_t shown_of_run = 0; /* nodes of a long run that are still to be shown one by one */
	bool in_run = false;
	for (const struct tree_node *n = v->group->top.first; n;) {
		size_t run = in_run || v->all ? 0 : run_from(n);
		if (run >= RUN_MIN) {
			in_run = true;
			shown_of_run = RUN_SHOWN;
		}
		if (in_run && shown_of_run == 0) {
			size_t rest = run_from(n);
			const struct tree_node *end = forward(n, rest - 1);
			add_line(v, n, depth, rest, !end->next);
			in_run = false;
			n = next_up(end, &depth);
			continue;
		}
		if (in_run)
			shown_of_run--;
		add_line(v, n, depth, 0, !n->next);
		if (n->first) {
			n = n->first;
			depth++;
		} else {
			n = next_up(n, &depth);
		}
	}
}

struct stretch {
	double from, to;
	double sum, least, most; /* of the durations */
};

static struct stretch
stretch_of(const struct line *l)
{
	struct stretch s = {.from = tree_node_start(l->node)};
	const struct tree_node *n = l->node;
	size_t count = l->run ? l->run : 1;
	for (size_t i = 0; i < count; i++, n = n->next) {
		double duration = tree_node_end(n) - tree_node_start(n);
		s.sum += duration;
		if (i == 0 || duration < s.least)
			s.least = duration;
		if (i == 0 || duration > s.most)
			s.most = duration;
		if (i == 0 || tree_node_end(n) > s.to)
			s.to = tree_node_end(n);
	}
	return s;
}

static void
put_bar(struct view *v, const struct line *l, const struct stretch *s)
{
	double whole = v->group->end - v->group->start;
	double from = whole > 0 ? (s->from - v->group->start) / whole : 0;
	double to = whole > 0 ? (s->to - v->group->start) / whole : 1;
	buf_puts(v->out, "  ");
	buf_puts(v->out, term_style(v->term, l->failed ? TERM_ERROR : l->node->missing ? TERM_DIM : TERM_BAR));
	bar_draw(from, to, BAR_CELLS, v->term->utf8, v->out);
	buf_puts(v->out, term_style(v->term, TERM_PLAIN));
}

static void
put_right(struct buf *out, const char *text, size_t columns)
{
	size_t n = strlen(text), taken = text_columns(text, n);
	buf_printf(out, "%*s", (int)(taken < columns ? columns - taken : 0), "");
	buf_put(out, text, n);
}

static void
put_label(struct view *v, const struct line *l)
{
	enum term_style style = l->failed ? TERM_ERROR : l->run || l->node->missing ? TERM_DIM : TERM_TYPE;
	buf_puts(v->out, term_style(v->term, style));
	buf_put(v->out, v->labels.data + l->label, l->label_len);
	buf_puts(v->out, term_style(v->term, TERM_PLAIN));
}

/* A log line that is an error has one text in two places. */
static bool
error_tells_all(const struct event *ev)
{
	struct bytes msg = ev->body_is_map ? object_text(map_get(ev->body, "msg", 3)) : (struct bytes){0};
	return msg.p && bytes_equal(msg, object_text(map_get(body_error(ev), "message", 7)));
}

/* What is told behind the label, without escapes, so that it can be cut. */
static void
put_detail(struct view *v, const struct line *l, const struct stretch *s, struct buf *out)
{
	if (l->run) {
		char sum[UNITS_TEXT], least[UNITS_TEXT], most[UNITS_TEXT];
		duration_text(s->sum, v->term->utf8, sum);
		duration_text(s->least, v->term->utf8, least);
		duration_text(s->most, v->term->utf8, most);
		buf_printf(out, "%s in all, each %s to %s", sum, least, most);
	} else if (l->node->missing) {
		buf_puts(out, "its own event is not here");
	} else {
		if (l->failed) {
			buf_puts(out, v->term->utf8 ? "\xe2\x9c\x97 " : "! ");
			summary_error(body_error(&l->node->event), out);
			buf_puts(out, "  ");
		}
		if (!l->failed || !error_tells_all(&l->node->event))
			summary_body(&l->node->event, out);
	}
	while (out->err == BX_OK && out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
}

static void
put_line(struct view *v, const struct line *l)
{
	char duration[UNITS_TEXT] = "";
	struct stretch s = stretch_of(l);
	put_bar(v, l, &s);
	if (!l->run && l->node->event.has_start && l->node->event.has_end)
		duration_text(s.to - s.from, v->term->utf8, duration);
	put_right(v->out, duration, DURATION_COLUMNS + 2);
	buf_puts(v->out, "  ");
	put_label(v, l);

	struct buf detail = {0};
	put_detail(v, l, &s, &detail);
	size_t column = 2 + BAR_CELLS + 2 + DURATION_COLUMNS + 2 + l->label_columns;
	size_t pad = 2 + (l->label_columns < v->label_column ? v->label_column - l->label_columns : 0);
	if (v->term->columns)
		text_cut(
		    &detail, 0, v->term->columns > column + pad ? v->term->columns - column - pad : 0, v->term->utf8);
	if (detail.len > 0) {
		enum term_style style = l->failed ? TERM_ERROR : l->run || l->node->missing ? TERM_DIM : TERM_PLAIN;
		buf_printf(v->out, "%*s%s", (int)pad, "", style == TERM_PLAIN ? "" : term_style(v->term, style));
		buf_put(v->out, detail.data, detail.len);
		buf_puts(v->out, style == TERM_PLAIN ? "" : term_style(v->term, TERM_PLAIN));
	}
	buf_putc(v->out, '\n');
	buf_fini(&detail);
}

static void
put_count(struct buf *out, size_t n, const char *one, const char *many)
{
	char count[UNITS_TEXT];
	count_text(n, count);
	buf_printf(out, "%s %s", count, n == 1 ? one : many);
}

/* 6745a1b2c3d4  psql@host  2026-11-22 15:40:00.123  34.2 ms  3 events, 1 error */
static void
put_header(struct view *v)
{
	const struct event *head = v->group->head;
	char when[DATETIME_TEXT], duration[UNITS_TEXT];
	buf_puts(v->out, term_style(v->term, TERM_BOLD));
	if (head->id.p)
		text_line(v->out, head->id.p, head->id.n < ID_SHOWN ? head->id.n : ID_SHOWN);
	else if (head->id_raw.p)
		json_object(head->id_raw, v->out);
	else
		buf_puts(v->out, "no id");
	buf_puts(v->out, term_style(v->term, TERM_PLAIN));
	buf_puts(v->out, "  ");
	text_line(v->out, head->type.p, head->type.n);
	buf_putc(v->out, '@');
	text_line(v->out, head->host.p, head->host.n);
	if (v->group->timed) {
		datetime_format(v->group->start, when);
		duration_text(v->group->end - v->group->start, v->term->utf8, duration);
		buf_printf(v->out, "  %s%s%s  %s", term_style(v->term, TERM_DIM), when, term_style(v->term, TERM_PLAIN),
		    duration);
	}
	buf_puts(v->out, "  ");
	put_count(v->out, v->group->events, "event", "events");
	if (v->group->errors) {
		buf_printf(v->out, ", %s", term_style(v->term, TERM_ERROR));
		put_count(v->out, v->group->errors, "error", "errors");
		buf_puts(v->out, term_style(v->term, TERM_PLAIN));
	}
	buf_putc(v->out, '\n');
}

void
format_tree(const struct tree_group *g, const struct term *term, bool all, struct buf *out)
{
	struct view v = {.group = g, .term = term, .all = all, .out = out};
	list_lines(&v);
	put_header(&v);
	const struct line *lines = (const struct line *)(void *)v.lines.data;
	for (size_t i = 0; i < v.lines.len / sizeof *lines; i++)
		put_line(&v, &lines[i]);
	buf_putc(out, '\n');
	if (v.lines.err != BX_OK || v.labels.err != BX_OK)
		out->err = BX_ENOMEM;
	buf_fini(&v.lines);
	buf_fini(&v.labels);
}
