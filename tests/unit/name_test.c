/* SPDX-License-Identifier: ISC */
/* name: every example of doc/SEMANTICS.md, and what must be refused. */
#include "libbx/core/name.h"

#include "tests/unit/unit.h"

enum { OPEN_MAX = 4 };

static const struct example {
	const char *open[OPEN_MAX]; /* outermost first */
	const char *given;
	const char *resolved; /* NULL: a mistake */
	int parent;
	bool repeats;
} examples[] = {
    /* a plain name is a top, unless an open one is a proper prefix of it in whole parts */
    {{NULL}, "request", "request", -1, false},
    {{"a"}, "a.b", "a.b", 0, false},
    {{"a"}, "ab", "ab", -1, false},
    {{"a"}, "b", "b", -1, false},
    {{"a.b"}, "a.bc", "a.bc", -1, false},
    {{"a", "a.b.c"}, "a.b.d", "a.b.d", 0, false},
    {{"a", "a.b", "x"}, "a.b.c", "a.b.c", 1, false},
    {{"request"}, "request.sql.cache", "request.sql.cache", 0, false},
    {{"request.sql"}, "request", "request", -1, false},
    /* the longest prefix, the innermost of equals */
    {{"a.b", "a"}, "a.b.c", "a.b.c", 0, false},
    {{"a", "a"}, "a.b", "a.b", 1, false},
    /* the name of an open one inherits from it */
    {{"a"}, "a", "a", 0, true},
    {{"a", "b"}, "a", "a", 0, true},
    {{"a", "b", "a"}, "a", "a", 2, true},
    /* `.x` under the current one */
    {{NULL}, ".sql", "sql", -1, false},
    {{"request"}, ".sql", "request.sql", 0, false},
    {{"a", "a.b", "x"}, ".c", "x.c", 2, false},
    /* `^.x` under the outermost one */
    {{NULL}, "^.sql", "sql", -1, false},
    {{"a", "a.b", "x"}, "^.c", "a.c", 0, false},
    {{"request", "request.work"}, "^.sql", "request.sql", 0, false},
    /* overlap: join at the rightmost part that equals the first new part */
    {{"a.b"}, ".b.c", "a.b.c", 0, false},
    {{"a.b"}, ".b", "a.b", 0, true},
    {{"a.b"}, ".x.b", "a.b.x.b", 0, false},
    {{"a.b.c"}, ".b.d", "a.b.d", 0, false},
    {{"a.b.c"}, ".a.d", "a.d", 0, false},
    {{"a.b.b"}, ".b.d", "a.b.b.d", 0, false},
    {{"a.b", "x"}, "^.b.c", "a.b.c", 0, false},
    /* parts, not characters */
    {{"a.bb"}, ".b", "a.bb.b", 0, false},
    {{"a.bb"}, ".bb.c", "a.bb.c", 0, false},
    {{"ab.c"}, ".b", "ab.c.b", 0, false},
    {{"ba"}, ".a", "ba.a", 0, false},
    /* mistakes */
    {{NULL}, "", NULL, 0, false},
    {{"a"}, "", NULL, 0, false},
    {{"a"}, ".", NULL, 0, false},
    {{"a"}, "..", NULL, 0, false},
    {{"a"}, "..x", NULL, 0, false},
    {{"a"}, "^", NULL, 0, false},
    {{"a"}, "^x", NULL, 0, false},
    {{"a"}, "^.", NULL, 0, false},
    {{"a"}, "^..x", NULL, 0, false},
    {{"a"}, "^^.x", NULL, 0, false},
    {{NULL}, "^", NULL, 0, false},
    {{NULL}, "^x", NULL, 0, false},
    {{NULL}, "..x", NULL, 0, false},
    {{"a"}, "x.", NULL, 0, false},
    {{"a"}, "x..y", NULL, 0, false},
    {{"a"}, ".x.", NULL, 0, false},
    {{"a"}, ".x..y", NULL, 0, false},
};

static struct name
name_of(const char *s)
{
	return (struct name){s, strlen(s)};
}

static void
every_example_resolves_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		const struct example *e = &examples[i];
		struct name open[OPEN_MAX];
		int count = 0;
		while (count < OPEN_MAX && e->open[count]) {
			open[count] = name_of(e->open[count]);
			count++;
		}
		char out[NAME_MAX_LEN + 1];
		struct name_result r;
		bool ok = name_resolve(e->given, open, count, out, &r);
		if (ok != (e->resolved != NULL))
			fail_msg("example %zu: '%s' is %s", i, e->given, ok ? "taken" : "refused");
		if (!ok || !e->resolved)
			continue;
		out[r.len] = '\0';
		if (strcmp(out, e->resolved) != 0 || r.parent != e->parent || r.repeats != e->repeats)
			fail_msg("example %zu: '%s' is '%s' under %d%s, expected '%s' under %d%s", i, e->given, out,
			    r.parent, r.repeats ? " again" : "", e->resolved, e->parent, e->repeats ? " again" : "");
	}
}

static void
a_name_is_taken_up_to_its_limit_and_not_past_it(void **state)
{
	(void)state;
	char given[NAME_MAX_LEN + 3], out[NAME_MAX_LEN + 1];
	struct name_result r;
	struct name open = name_of("abc");
	for (size_t n = NAME_MAX_LEN - 6; n <= NAME_MAX_LEN + 1; n++) {
		memset(given, 'n', sizeof given);
		given[n] = '\0';
		assert_int_equal(name_resolve(given, NULL, 0, out, &r), n <= NAME_MAX_LEN);
		given[0] = '.'; /* n - 1 bytes behind "abc." */
		assert_int_equal(name_resolve(given, &open, 1, out, &r), 4 + n - 1 <= NAME_MAX_LEN);
	}
}

static void
under_means_whole_parts(void **state)
{
	(void)state;
	assert_true(name_is_under(name_of("a.b"), name_of("a.b.c")));
	assert_true(name_is_under(name_of("a.b"), name_of("a.b")));
	assert_false(name_is_under(name_of("a.b"), name_of("a.bc")));
	assert_false(name_is_under(name_of("a.b.c"), name_of("a.b")));
	assert_false(name_is_under(name_of("b"), name_of("a.b")));
}

static const struct glob_case {
	const char *pattern, *name;
	bool matches;
} globs[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "anything.at.all", true},
    {"a", "a", true},
    {"a", "ab", false},
    {"ab", "a", false},
    {"a*", "a", true},
    {"a*", "abc", true},
    {"a*", "ba", false},
    {"*a", "bca", true},
    {"*a", "ab", false},
    {"a*b*c", "aXbYc", true},
    {"a*b*c", "abc", true},
    {"a*b*c", "acb", false},
    {"*.sql", "request.sql", true},
    {"*.sql", "sql", false},
    {"request*", "request.sql.connect", true},
    {"*aab", "aaaaaab", true},
    {"**", "x", true},
    {"a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
};

static void
a_star_stands_for_any_run_dots_included(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(globs); i++)
		if (name_glob(globs[i].pattern, globs[i].name, strlen(globs[i].name)) != globs[i].matches)
			fail_msg("'%s' against '%s'", globs[i].pattern, globs[i].name);
	assert_true(name_glob("a*", "abX", 2));
	assert_false(name_glob("abX", "abX", 2));
	assert_true(name_glob("a*b", "a\0b", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_example_resolves_as_written),
	    cmocka_unit_test(a_name_is_taken_up_to_its_limit_and_not_past_it),
	    cmocka_unit_test(under_means_whole_parts),
	    cmocka_unit_test(a_star_stands_for_any_run_dots_included),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
