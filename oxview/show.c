/* SPDX-License-Identifier: ISC */
/* show: a style is one line in show_one(). */
#include "oxview/show.h"

#include <stdlib.h>
#include <unistd.h>

#include "oxview/format_fields.h"
#include "oxview/format_json.h"
#include "oxview/format_pretty.h"
#include "oxview/format_sums.h"
#include "oxview/format_tree.h"

void
show_init(struct show *s, const struct conf *conf, struct out *out, struct trouble *trouble)
{
	*s = (struct show){.conf = conf, .out = out, .trouble = trouble};
	s->holds = conf->sort || conf->style == STYLE_TREE;
	term_init(&s->term, out->terminal);
	/* A limit on trees is no limit on events. */
	if (!conf->all && !repeats_init(&s->repeats, conf->remember))
		trouble_add(trouble, "out of memory for repeats: they are shown");
	if (conf->sums && !sums_init(&s->sums, &conf->sums_spec))
		s->sums.full = true;
	if (conf->style == STYLE_TABLE) {
		grid_init(&s->grid, paths_count(conf->columns), &s->term);
		format_table_head(conf->columns, &s->grid);
	}
	if (conf->style == STYLE_CSV && !conf->sums)
		format_csv_head(conf->columns, &out->buf);
	sorter_init(&s->held, conf->style == STYLE_TREE ? NULL : conf->sort_by, conf->reverse,
	    conf->style == STYLE_TREE ? 0 : conf->limit, conf->memory_bytes);
}

void
show_fini(struct show *s)
{
	sorter_fini(&s->held);
	sums_fini(&s->sums);
	repeats_fini(&s->repeats);
	grid_fini(&s->grid);
	symbolizer_free(&s->symbols);
}

void
show_restart(struct show *s)
{
	const struct conf *conf = s->conf;
	struct out *out = s->out;
	struct trouble *trouble = s->trouble;
	show_fini(s);
	show_init(s, conf, out, trouble);
}

void
show_text(const struct conf *conf, struct paths *columns, const struct event *ev, struct buf *out)
{
	if (conf->style == STYLE_MSGPACK)
		buf_put(out, ev->raw.p, ev->raw.n);
	else if (conf->style == STYLE_CSV)
		format_csv(columns, ev, out);
	else if (columns)
		format_fields_json(columns, ev, out);
	else
		format_json(ev, out);
}

static bool
show_one(struct show *s, const struct event *ev)
{
	switch (s->conf->style) {
	case STYLE_PRETTY:
		if (!s->symbols)
			s->symbols = symbolizer_new(s->conf->symbols_wait_ns);
		format_pretty(ev, &s->term, s->symbols, &s->out->buf);
		break;
	case STYLE_TABLE:
		format_table(s->conf->columns, ev, &s->grid);
		if (grid_rows(&s->grid) >= GRID_ROWS)
			grid_write(&s->grid, &s->out->buf);
		break;
	default:
		show_text(s->conf, s->conf->columns, ev, &s->out->buf);
		break;
	}
	s->shown++;
	return out_done(s->out) && !(s->conf->limit && s->shown >= s->conf->limit);
}

static bool
add_to_sums(struct show *s, const struct event *ev)
{
	if (!s->sums.full && sums_add(&s->sums, ev))
		return true;
	trouble_add(s->trouble, "more than %llu bytes of groups: ask for less, or set --memory",
	    (unsigned long long)s->conf->memory_bytes);
	s->gave_up = true;
	return false;
}

static void
show_sums(struct show *s)
{
	struct sums_shape shape = {
	    .form = s->conf->style == STYLE_PRETTY ? SUMS_TEXT
		    : s->conf->style == STYLE_CSV  ? SUMS_CSV
						   : SUMS_JSON,
	    .spread = s->conf->histogram != NULL,
	    .most = s->conf->top ? s->conf->top : s->conf->limit,
	};
	sums_finish(&s->sums);
	format_sums(&s->sums, &shape, &s->term, &s->out->buf);
	out_done(s->out);
}

void
show_flush(struct show *s)
{
	if (s->conf->style == STYLE_TABLE)
		grid_write(&s->grid, &s->out->buf);
	out_flush(s->out);
}

bool
show_event(struct show *s, const struct event *ev)
{
	if (s->repeats.lines && repeats_seen(&s->repeats, ev))
		return true;
	if (s->conf->sums)
		return add_to_sums(s, ev);
	if (!s->holds)
		return show_one(s, ev);
	if (sorter_add(&s->held, ev))
		return true;
	trouble_add(s->trouble, "more than %llu bytes of events to hold for %s: ask for less, or set --memory",
	    (unsigned long long)s->conf->memory_bytes, s->conf->style == STYLE_TREE ? "--tree" : "--sort");
	s->gave_up = true;
	return false;
}

struct filter *
show_finder(const struct show *s)
{
	if (s->conf->filter)
		return s->conf->filter;
	struct paths *paths = s->conf->sums ? s->sums.paths : s->conf->sort_by ? s->conf->sort_by : s->conf->columns;
	return paths && s->conf->source == FROM_FILES ? paths_filter(paths) : NULL;
}

struct ordered_group {
	const struct tree_group *group;
	struct sort_key key;
	bool reverse;
};

static int
by_key(const void *a, const void *b)
{
	const struct ordered_group *x = a, *y = b;
	int order = sort_compare(&x->key, &y->key, x->reverse);
	return order ? order : (x->group > y->group) - (x->group < y->group);
}

/* Trees by what --sort names in their head; by start without it. */
static bool
order_groups(const struct show *s, const struct tree *t, struct ordered_group *ordered)
{
	for (size_t i = 0; i < t->group_count; i++) {
		ordered[i] = (struct ordered_group){&t->groups[i], {.kind = SORT_MISSING}, s->conf->reverse};
		if (s->conf->sort)
			ordered[i].key = sort_key_of(t->groups[i].head, s->conf->sort_by);
	}
	if (s->conf->sort && t->group_count > 1)
		qsort(ordered, t->group_count, sizeof *ordered, by_key);
	return true;
}

static void
show_trees(struct show *s)
{
	struct tree t = {0};
	struct event *events = calloc(s->held.count + 1, sizeof *events);
	for (size_t i = 0; events && i < s->held.count; i++)
		sorter_get(&s->held, i, &events[i]);
	bool ok = events && tree_build(&t, events, s->held.count, s->conf->all);
	free(events);
	struct ordered_group *ordered = ok ? calloc(t.group_count + 1, sizeof *ordered) : NULL;
	if (!ordered) {
		trouble_add(s->trouble, "out of memory for --tree");
		tree_fini(&t);
		return;
	}
	order_groups(s, &t, ordered);
	bool more = true;
	for (size_t i = 0; i < t.group_count && more; i++) {
		format_tree(ordered[i].group, &s->term, s->conf->verbose > 0, &s->out->buf);
		s->shown++;
		more = out_done(s->out) && !(s->conf->limit && s->shown >= s->conf->limit);
	}
	free(ordered);
	tree_fini(&t);
}

static void
show_held(struct show *s)
{
	sorter_finish(&s->held);
	if (s->conf->style == STYLE_TREE) {
		show_trees(s);
		return;
	}
	bool more = true;
	for (size_t i = 0; i < s->held.count && more; i++) {
		struct event ev;
		sorter_get(&s->held, i, &ev);
		more = show_one(s, &ev);
	}
}

void
show_end(struct show *s)
{
	uint64_t repeats = s->repeats.count;
	if (repeats > 0 && s->conf->verbose > 0)
		trouble_tell(s->trouble, "%llu events were shown already and left out; --all shows them",
		    (unsigned long long)repeats);
	if (s->gave_up)
		return;
	if (s->conf->sums) {
		show_sums(s);
		return;
	}
	if (s->holds)
		show_held(s);
	if (s->conf->style == STYLE_TABLE)
		grid_write(&s->grid, &s->out->buf);
}
