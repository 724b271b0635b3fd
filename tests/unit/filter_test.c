/* SPDX-License-Identifier: ISC */
/* filter: what each condition says about one event with everything in it, and where each mistake is pointed at. */
#include "libbx/core/filter.h"

#include "libbx/core/mp.h"
#include "tests/unit/unit.h"

static const int64_t now_ns = 1795000000000000000; /* 2026-11-18 */

static struct buf event;

static void
key(const char *name)
{
	mp_add_strz(&event, name);
}

static void
text(const char *name, const char *value)
{
	key(name);
	mp_add_strz(&event, value);
}

/* Everything that a filter may meet; start is 2026-11-22 10:00:00, a quarter of a second before end. */
static int
make_event(void **state)
{
	(void)state;
	mp_add_map(&event, 8);
	text("id", "0123456789abcdef0123456789abcdef");
	text("type", "request.sql");
	text("host", "web1");
	key("pid");
	mp_add_uint(&event, 4242);
	key("start");
	mp_add_double(&event, 1795341600.0);
	key("end");
	mp_add_double(&event, 1795341600.25);
	key("body");
	mp_add_map(&event, 15);
	key("response");
	mp_add_map(&event, 3);
	key("status");
	mp_add_uint(&event, 503);
	key("size");
	mp_add_uint(&event, 65536);
	text("User-Agent", "curl/7.88");
	text("user_agent", "curl/7.88.1 (x86_64)");
	key("slow");
	mp_add_bool(&event, true);
	key("cached");
	mp_add_bool(&event, false);
	key("nothing");
	mp_add_nil(&event);
	key("big");
	mp_add_uint(&event, UINT64_MAX);
	key("low");
	mp_add_int(&event, INT64_MIN);
	key("ratio");
	mp_add_double(&event, 0.2);
	key("nan");
	mp_add_double(&event, (double)__builtin_nan(""));
	key("raw");
	mp_add_bin(&event, "\xff\x00z", 3);
	key("list");
	mp_add_array(&event, 2);
	mp_add_strz(&event, "a");
	mp_add_map(&event, 1);
	key("b");
	mp_add_uint(&event, 7);
	key("twice");
	mp_add_uint(&event, 1);
	key("twice");
	mp_add_uint(&event, 2);
	text("host", "body's own");
	mp_add_map(&event, 0); /* a key that is a map */
	mp_add_uint(&event, 1);
	text("span", "0123456789abcdef");
	return event.err == BX_OK ? 0 : -1;
}

static int
drop_event(void **state)
{
	(void)state;
	buf_fini(&event);
	return 0;
}

static struct filter *
parse(const char *condition)
{
	struct filter_error err;
	struct filter *f = filter_parse(condition, strlen(condition), now_ns, &err);
	if (!f)
		fail_msg("%s: column %u: %s", condition, err.column, err.text);
	return f;
}

static void
assert_says(const char *condition, bool expected)
{
	struct filter *f = parse(condition);
	if (filter_match(f, event.data, event.len) != expected)
		fail_msg("%s is %s", condition, expected ? "false" : "true");
	filter_free(&f);
}

static const char *const true_ones[] = {
    /* the example of the manual */
    "response.status >= 500 && duration > 0.2 && user_agent ~ \"curl\"",
    /* numbers */
    "response.status == 503",
    "response.status == 503.0",
    "response.status != 500",
    "response.status < 504",
    "response.status <= 503",
    "response.status > -1",
    "response.status >= 5.03e2",
    "ratio == 0.2",
    "ratio == 200ms",
    "big == 18446744073709551615",
    "big > 18446744073709551614",
    "low == -9223372036854775808",
    "low < -9223372036854775807",
    "response.size == 64k",
    "response.size >= 64KiB",
    "response.size < 1M",
    "pid==4242",
    /* durations and dates */
    "duration == 250ms",
    "duration < 1s and duration > 249ms",
    ".duration == 0.25",
    "end > 2026-11-21",
    "not end > 2026-11-22T11:00",
    "start == 2026-11-22T10:00:00Z",
    "start == date(\"20261122\")",
    "start >= date(\"2026-11-22 09:00\")",
    "start > now",
    "start > date(\"-2h\")",
    /* text */
    "type == 'request.sql'",
    "type != \"request\"",
    "type ^= \"request.\"",
    "user_agent ~ \"^curl/\\d+\\.\"",
    "user_agent ~ '(?i)CURL'",
    "user_agent !~ 'wget'",
    "user_agent < 'd'",
    "user_agent >= 'curl'",
    "response.User-Agent == 'curl/7.88'",
    "response.\"User-Agent\" exists",
    "raw == '\\xff\\x00z'",
    "raw ~ 'z'",
    "id ^= '0123'",
    /* bool, nil, exists */
    "slow",
    "slow == true",
    "!cached",
    "cached == false",
    "cached != true",
    "nothing == nil",
    "nothing exists",
    "exists nothing",
    "exists(response.status)",
    "slow != nil",
    "missing not exists",
    "!exists missing",
    /* in */
    "response.status in (404, 503)",
    "response.status in (500, 'x', nil, 502.5, 503)",
    "type in ('a', 'request.sql')",
    "response.status not in (200, 204)",
    "start in (2026-11-22)",
    /* where a path is looked for */
    "host == \"body's own\"",
    ".host == 'web1'",
    "body.host == \"body's own\"",
    ".body.response.status == 503",
    "list.0 == 'a'",
    "list.1.b == 7",
    "list.2 not exists",
    "twice == 2",
    "!(twice == 1)",
    /* logic */
    "missing || slow",
    "false_one or slow and slow",
    "slow || missing && missing",
    "!(slow && cached)",
    "not not slow",
    "((((slow))))",
};

static const char *const false_ones[] = {
    "missing == 1",
    "missing != 1",
    "missing.deeper.still == 1",
    "response == 503",
    "response.status.deeper == 503",
    "response.status == '503'",
    "response.status != '503'",
    "response.status ~ '503'",
    "response.status !~ '503'",
    "response.status == true",
    "response.status",
    "user_agent == 5",
    "user_agent != 5",
    "user_agent < 5",
    "user_agent > 5",
    "slow == 1",
    "slow != 'x'",
    "missing == nil",
    "missing != nil",
    "slow == nil",
    "nan < 1 || nan > 1 || nan == 0",
    "nan != 0",
    "big == 18446744073709551614",
    "big == 18446744073709551616.0e3",
    "ratio == 0.20000001",
    "list == 'a'",
    "type == 'request.sql.'",
    "user_agent ^= 'url'",
    "(slow || missing) && missing",
    "slow && cached",
    "host == 'web1'",
    ".response exists",
    ".user_agent exists",
    "start < 2026-11-22",
    "start > 2026-11-22",
    "start != 2026-11-22",
};

static void
each_condition_says_what_its_words_mean(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(true_ones); i++)
		assert_says(true_ones[i], true);
	for (size_t i = 0; i < COUNT_OF(false_ones); i++)
		assert_says(false_ones[i], false);
}

static const struct {
	const char *condition;
	unsigned column;
	const char *says;
} mistakes[] = {
    {"", 1, "ends where"},
    {"   ", 4, "ends where"},
    {"status = 5", 8, "'=='"},
    {"status == ", 11, "ends where a value"},
    {"status == abc", 11, "quotes"},
    {"status == 5 &", 13, "'&&'"},
    {"status == 5 &&", 15, "ends where"},
    {"status == 5 5", 13, "'&&'"},
    {"(status == 5", 13, "')'"},
    {"status == 5)", 12, "the end"},
    {"status == \"abc", 11, "not closed"},
    {"status == 12monkeys", 11, "no number"},
    {"status == 2026-13-45", 11, "no number"},
    {"a ~ 5", 5, "quotes"},
    {"a ~ \"(\"", 7, "parenthes"},
    {"a ~ \"x(*\"", 8, "quantifier"},
    {"a in 5", 6, "'('"},
    {"a in (5", 8, "')'"},
    {"a in ()", 7, "a value"},
    {"a not 5", 7, "'in' or 'exists'"},
    {"a. == 5", 4, "name of a field"},
    {"5 == a", 1, "name of a field"},
    {"a < nil", 5, "less or greater"},
    {"a == date(5)", 11, "date"},
    {"a == date(\"soon\")", 11, "date"},
    {"a == \"\\xg0\"", 7, "hex"},
    {"a @ 5", 3, "'@'"},
    {"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q == 1", 33, "at most 16"},
};

static void
each_mistake_is_pointed_at(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
		struct filter_error err;
		struct filter *f = filter_parse(mistakes[i].condition, strlen(mistakes[i].condition), now_ns, &err);
		if (f)
			fail_msg("'%s' is taken", mistakes[i].condition);
		if (err.column != mistakes[i].column || !strstr(err.text, mistakes[i].says))
			fail_msg("'%s': column %u, expected %u: %s", mistakes[i].condition, err.column,
			    mistakes[i].column, err.text);
	}
}

static void
depth_and_length_are_bounded(void **state)
{
	(void)state;
	struct filter_error err;
	char deep[3000];
	memset(deep, '(', sizeof deep);
	assert_null(filter_parse(deep, sizeof deep, now_ns, &err));
	assert_non_null(strstr(err.text, "nested"));
	memset(deep, '!', sizeof deep);
	assert_null(filter_parse(deep, sizeof deep, now_ns, &err));
	assert_non_null(strstr(err.text, "nested"));
	struct buf longish = {0};
	for (int i = 0; i < 2000; i++)
		buf_puts(&longish, i ? " or a == 1" : "a == 1");
	assert_null(filter_parse((const char *)longish.data, longish.len, now_ns, &err));
	assert_non_null(strstr(err.text, "too"));
	buf_fini(&longish);
	size_t most = 400 * 10;
	for (int i = 0; i < 400; i++)
		buf_puts(&longish, i ? " or a == 1" : "slow     ");
	struct filter *f = filter_parse((const char *)longish.data, longish.len, now_ns, &err);
	assert_non_null(f);
	assert_true(longish.len < most);
	assert_true(filter_match(f, event.data, event.len));
	filter_free(&f);
	buf_fini(&longish);
}

static void
a_cut_or_foreign_event_never_matches(void **state)
{
	(void)state;
	struct filter *f = parse("slow || !slow");
	size_t used;
	bool match;
	assert_true(filter_match(f, event.data, event.len));
	for (size_t n = 0; n < event.len; n++) {
		uint8_t *cut = malloc(n ? n : 1);
		assert_non_null(cut);
		memcpy(cut, event.data, n);
		assert_int_equal(filter_scan(f, cut, n, &used, &match), BX_ESHORT);
		assert_false(match);
		free(cut);
	}
	buf_putc(&event, '\x01');
	assert_int_equal(filter_scan(f, event.data, event.len, &used, &match), BX_OK);
	assert_int_equal(used, event.len - 1);
	assert_true(match);
	assert_false(filter_match(f, event.data, event.len));
	event.len--;
	assert_int_equal(filter_scan(f, "\x05", 1, &used, &match), BX_EBAD);
	filter_free(&f);
}

static void
a_regular_expression_that_explodes_is_given_up(void **state)
{
	(void)state;
	struct buf own = {0}, kept = event;
	event = own;
	mp_add_map(&event, 1);
	text("a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	assert_says("a ~ '^(a+)+$'", false);
	assert_says("a ~ '^(a+)+b$'", true);
	buf_fini(&event);
	event = kept;
}

static void
the_mark_stands_under_the_mistake(void **state)
{
	(void)state;
	struct filter_error err;
	struct buf out = {0};
	const char *condition = "na\xc3\xafve = 5";
	assert_null(filter_parse(condition, strlen(condition), now_ns, &err));
	filter_error_show(&err, condition, &out);
	buf_putc(&out, '\0');
	assert_string_equal(
	    (const char *)out.data, "  na\xc3\xafve = 5\n        ^ '=' is no operator, '==' compares\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_condition_says_what_its_words_mean, make_event, drop_event),
	    cmocka_unit_test(each_mistake_is_pointed_at),
	    cmocka_unit_test_setup_teardown(depth_and_length_are_bounded, make_event, drop_event),
	    cmocka_unit_test_setup_teardown(a_cut_or_foreign_event_never_matches, make_event, drop_event),
	    cmocka_unit_test_setup_teardown(a_regular_expression_that_explodes_is_given_up, make_event, drop_event),
	    cmocka_unit_test(the_mark_stands_under_the_mistake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
