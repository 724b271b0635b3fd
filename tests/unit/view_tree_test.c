/* SPDX-License-Identifier: ISC */
/* tree: small groups written as tables, and the tree they make written as one line of text. */
#include "oxview/tree.h"

#include "libbx/core/mp.h"
#include "oxview/format_tree.h"
#include "tests/unit/unit.h"

struct row {
	const char *type, *span, *parent;
	double start, end;
};

enum { ROWS_MAX = 64 };

static struct bytes
text(const char *s)
{
	return s ? (struct bytes){(const uint8_t *)s, strlen(s)} : (struct bytes){0};
}

/* `a(b c(d)) e`: types, the last part of each, children in brackets; a missing event has a `?` before it. */
static void
write_children(const struct tree_node *parent, struct buf *out)
{
	for (const struct tree_node *n = parent->first; n; n = n->next) {
		if (n != parent->first)
			buf_putc(out, ' ');
		if (n->missing)
			buf_putc(out, '?');
		buf_put(out, n->event.type.p, n->event.type.n);
		if (!n->first)
			continue;
		buf_putc(out, '(');
		write_children(n, out);
		buf_putc(out, ')');
	}
}

static void
assert_tree(const struct row *rows, size_t count, const char *expected)
{
	struct event events[ROWS_MAX] = {{.raw = {0}}};
	struct tree t;
	struct buf out = {0};
	for (size_t i = 0; i < count; i++)
		events[i] = (struct event){.type = text(rows[i].type),
		    .span = text(rows[i].span),
		    .parent = text(rows[i].parent),
		    .id_raw = text("id"),
		    .has_start = true,
		    .has_end = true,
		    .start = rows[i].start,
		    .end = rows[i].end};
	assert_true(tree_build(&t, events, count, false));
	assert_int_equal(t.group_count, count > 0);
	if (count)
		write_children(&t.groups[0].top, &out);
	buf_putc(&out, '\0');
	assert_string_equal((char *)out.data, expected);
	buf_fini(&out);
	tree_fini(&t);
}

#define TREE(expected, ...)                                                                                            \
	do {                                                                                                           \
		const struct row rows[] = {__VA_ARGS__};                                                               \
		assert_tree(rows, COUNT_OF(rows), expected);                                                           \
	} while (0)

static void
children_lie_under_their_parents_span_by_start(void **state)
{
	(void)state;
	assert_tree(NULL, 0, "");
	TREE("a", {"a", "1", NULL, 0, 9});
	TREE("a(a.b(a.b.x) a.c)", {"a.c", "3", "1", 5, 6}, {"a.b.x", "4", "2", 3, 4}, {"a.b", "2", "1", 2, 4},
	    {"a", "1", NULL, 0, 9});
	TREE("a b", {"b", "2", NULL, 1, 2}, {"a", "1", NULL, 0, 9});
}

static void
a_missing_parent_has_a_place_named_after_its_children(void **state)
{
	(void)state;
	TREE("?p(p.sql p.log)", {"p.log", "3", "9", 2, 2}, {"p.sql", "2", "9", 1, 2});
	TREE("?p.job(p.job.a.x p.job.b)", {"p.job.a.x", "3", "9", 1, 2}, {"p.job.b", "2", "9", 2, 3});
	TREE("a ?p(p.sql) b", {"a", "1", NULL, 0, 1}, {"p.sql", "2", "9", 1, 2}, {"b", "3", NULL, 5, 6});
	/* Of the parent of outermost types nothing is known: it is somebody else's span, as oxrun gives its children one. */
	TREE("psql(psql.sql)", {"psql", "1", "9", 0, 3}, {"psql.sql", "2", "1", 1, 2});
	TREE("a.x b.y", {"a.x", "1", "9", 0, 3}, {"b.y", "2", "9", 1, 2});
}

static void
events_without_spans_lie_under_prefix_and_time(void **state)
{
	(void)state;
	TREE("r(r.sql r.cache(r.cache.get)) r", {"r.sql", NULL, NULL, 1, 2}, {"r.cache.get", NULL, NULL, 3, 4},
	    {"r.cache", NULL, NULL, 3, 5}, {"r", NULL, NULL, 0, 6}, {"r", NULL, NULL, 7, 8});
	TREE("r(r.a) rx.a r.b", {"r", NULL, NULL, 0, 5}, {"r.a", NULL, NULL, 1, 2}, {"rx.a", NULL, NULL, 1, 3},
	    {"r.b", NULL, NULL, 6, 7});
}

static void
rings_and_self_parents_do_not_hang_or_hide_anything(void **state)
{
	(void)state;
	TREE("a", {"a", "1", "1", 0, 1});
	TREE("a(b)", {"a", "1", "2", 0, 1}, {"b", "2", "1", 1, 2});
	TREE("a(c(b(d)))", {"a", "1", "2", 0, 1}, {"b", "2", "3", 1, 2}, {"c", "3", "1", 2, 3}, {"d", "4", "2", 3, 4});
}

static void
an_event_that_came_twice_is_shown_once(void **state)
{
	(void)state;
	TREE(
	    "a(a.b)", {"a", "1", NULL, 0, 9}, {"a.b", "2", "1", 1, 2}, {"a", "1", NULL, 0, 9}, {"a.b", "2", "1", 1, 2});
	TREE(
	    "a(a.b) a.c", {"a", "1", NULL, 0, 9}, {"a.b", "2", "1", 1, 2}, {"a.c", "1", NULL, 3, 4}); /* not the same */
}

static void
a_chain_of_any_length_is_built_and_printed(void **state)
{
	(void)state;
	enum { LONG = 20000 };
	struct event *events = calloc(LONG, sizeof *events);
	char(*spans)[8] = calloc(LONG, sizeof *spans);
	for (int i = 0; i < LONG; i++) {
		snprintf(spans[i], sizeof spans[i], "%07d", i);
		events[i] = (struct event){.type = text("x"),
		    .span = text(spans[i]),
		    .id_raw = text("id"),
		    .has_start = true,
		    .start = i,
		    .parent = i ? text(spans[i - 1]) : (struct bytes){0}};
	}
	struct tree t;
	struct buf out = {0};
	struct term term = {.columns = 120};
	assert_true(tree_build(&t, events, LONG, false));
	assert_int_equal(t.groups[0].events, LONG);
	format_tree(&t.groups[0], &term, true, &out);
	size_t lines = 0;
	for (size_t i = 0; i < out.len; i++)
		lines += out.data[i] == '\n';
	assert_int_equal(lines, LONG + 2);
	buf_fini(&out);
	tree_fini(&t);
	free(events);
	free(spans);
}

static void
a_log_line_that_is_an_error_says_its_text_once(void **state)
{
	(void)state;
	struct buf body = {0}, out = {0};
	mp_add_map(&body, 2);
	mp_add_strz(&body, "msg");
	mp_add_strz(&body, "cannot open it");
	mp_add_strz(&body, "error");
	mp_add_map(&body, 2);
	mp_add_strz(&body, "class");
	mp_add_strz(&body, "log");
	mp_add_strz(&body, "message");
	mp_add_strz(&body, "cannot open it");
	struct event ev = {
	    .type = text("p.log"), .id_raw = text("i"), .body = {body.data, body.len}, .body_is_map = true};
	struct term term = {.columns = 0};
	struct tree t;
	assert_true(tree_build(&t, &ev, 1, false));
	format_tree(&t.groups[0], &term, false, &out);
	buf_putc(&out, '\0');
	char *first = strstr((char *)out.data, "! log: cannot open it\n");
	assert_non_null(first);
	assert_null(strstr(first + 8, "cannot open it"));
	tree_fini(&t);
	buf_fini(&body);
	buf_fini(&out);
}

static void
groups_are_split_by_id_and_come_by_start(void **state)
{
	(void)state;
	struct event events[3] = {
	    {.type = text("late"), .id_raw = text("b"), .has_start = true, .start = 5},
	    {.type = text("early"), .id_raw = text("z"), .has_start = true, .start = 1},
	    {.type = text("late.too"), .id_raw = text("b"), .has_start = true, .start = 6},
	};
	struct tree t;
	assert_true(tree_build(&t, events, 3, false));
	assert_int_equal(t.group_count, 2);
	assert_memory_equal(t.groups[0].head->type.p, "early", 5);
	assert_int_equal(t.groups[1].events, 2);
	tree_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(children_lie_under_their_parents_span_by_start),
	    cmocka_unit_test(a_missing_parent_has_a_place_named_after_its_children),
	    cmocka_unit_test(events_without_spans_lie_under_prefix_and_time),
	    cmocka_unit_test(rings_and_self_parents_do_not_hang_or_hide_anything),
	    cmocka_unit_test(an_event_that_came_twice_is_shown_once),
	    cmocka_unit_test(a_chain_of_any_length_is_built_and_printed),
	    cmocka_unit_test(a_log_line_that_is_an_error_says_its_text_once),
	    cmocka_unit_test(groups_are_split_by_id_and_come_by_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
