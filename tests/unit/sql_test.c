/* SPDX-License-Identifier: ISC */
/* sql_test: what PostgreSQL takes for a constant, and what of a query is left without its constants. */
#include "tests/unit/unit.h"

#include "preload/sql.h"

static uint64_t
strip(const char *query, bool backslashes, char *out, size_t cap)
{
	uint64_t print;
	size_t n = sql_strip(query, strlen(query), backslashes, out, cap - 1, &print);
	assert_true(n <= strlen(query));
	out[n < cap ? n : cap - 1] = '\0';
	return print;
}

static void
constants_are_gone_and_the_rest_stays(void **state)
{
	static const struct {
		const char *query, *stripped;
	} rows[] = {
	    {"SELECT 1", "select ?"},
	    {"select * from t where id = 42", "select * from t where id = ?"},
	    {"select * from T1 where Name='it''s' and x=-1", "select * from t1 where name=? and x=?"},
	    {"select a -1, a - 1, -1, (-1), +.5e-3", "select a -?, a - ?, ?, (?), ?"},
	    {"select 3-2, 3--2\n+4", "select ?-?, ? +?"},
	    {"select x=-1, x=- 1, x<-1, x@-1", "select x=?, x=- ?, x<?, x@-?"},
	    {"limit -1 offset -5", "limit ? offset ?"},
	    {"select 1.5, .5, 1., 1e10, 1e+10, 1E-5, 0x1F, 0b101, 0o17, 1_000", "select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"},
	    {"select 1..10", "select ?.?"},
	    {"select col_2, t3.c4, \"Col 5\", \"a\"\"6\"", "select col_2, t3.c4, \"Col 5\", \"a\"\"6\""},
	    {"select 'a\\', 'b'", "select ?, ?"},
	    {"select E'a\\'b', e'\\\\', x'1F', B'01', N'n', U&'d\\0061' uescape '!'",
		"select ?, ?, ?, ?, ?, ? uescape ?"},
	    {"select U&\"d\\0061t\" from u & 'x'", "select U&\"d\\0061t\" from u & ?"},
	    {"select 'one'\n  -- and\n 'two', 'three' 'four'", "select ?, ? ?"},
	    {"select E'one'\n'it\\'s' , 5", "select ? , ?"},
	    {"select $$it's$$, $tag$ $$ $tag$, $1, $22, a$b$c", "select ?, ?, $1, $22, a$b$c"},
	    {"select $1$2", "select $1$2"},
	    {"select 1 /* a /* nested */ 'comment' */ + 2 -- the 'end'", "select ? + ?"},
	    {"  select\n\t1 ;  ", "select ? ;"},
	    {"/* only */ -- this", ""},
	    {"select '5'::int, 5::numeric(10,2), interval '1 day'", "select ?::int, ?::numeric(?,?), interval ?"},
	    {"select * from t where id in (1, 2,3)", "select * from t where id in (?)"},
	    {"where id IN ('a' , 'b') and x in ($1,$2)", "where id in (?) and x in (?)"},
	    {"where id in (-1, -2)", "where id in (?)"},
	    {"where id in (1, f(2), 3)", "where id in (?, f(?), ?)"},
	    {"where id in (1 ,f(2))", "where id in (? ,f(?))"},
	    {"where id in (select 1, 2)", "where id in (select ?, ?)"},
	    {"where id in (1 + 2, 3)", "where id in (? + ?, ?)"},
	    {"where (a, b) in ((1, 2), (3, 4))", "where (a, b) in ((?, ?), (?, ?))"},
	    {"where id in (1,", "where id in (?,"},
	    {"values (1, 'x'), (2, 'y')", "values (?, ?), (?, ?)"},
	    {"select j ? 'key', j ?| array['a']", "select j ? ?, j ?| array[?]"},
	    {"select 'never closed, 5", "select ?"},
	    {"select \"never closed, 'x'", "select ?"},
	    {"select $x$ never closed", "select ?"},
	    {"select /* never closed 5", "select"},
	    {"select 123abc, 1e'a\\'b'", "select ?, ??"},
	    {"select \xc3\x84pfel, \xff\xfe", "select \xc3\x84pfel, \xff\xfe"},
	    {"ALTER USER bob PASSWORD 'hunter2'", "alter user bob password ?"},
	    {"", ""},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char out[200], again[200];
		uint64_t print = strip(rows[i].query, false, out, sizeof out);
		assert_string_equal(out, rows[i].stripped);
		assert_true(print == strip(out, false, again, sizeof again));
		assert_string_equal(out, again);
	}
}

static void
a_backslash_escapes_where_the_session_says_so(void **state)
{
	char out[100];
	(void)state;
	strip("select 'a\\', 'b', 5", true, out, sizeof out);
	assert_string_equal(out, "select ??"); /* 'a\', ' is one constant; ', 5 is another, never closed */
	strip("select 'a\\'b', 5", true, out, sizeof out);
	assert_string_equal(out, "select ?, ?");
	strip("select 'a\\'", true, out, sizeof out);
	assert_string_equal(out, "select ?");
}

static void
queries_that_differ_in_constants_only_have_one_fingerprint(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"select * from t where id = 1", "SELECT *\nFROM t -- why\nWHERE id = 'x'", true},
	    {"select * from t where id in (1)", "select * from t where id in (1,2,3)", true},
	    {"select x = 5", "select x = -5", true},
	    {"select * from \"T\"", "select * from \"t\"", false},
	    {"select a from t", "select b from t", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char out[100];
		bool same = strip(rows[i].a, false, out, sizeof out) == strip(rows[i].b, false, out, sizeof out);
		assert_int_equal(same, rows[i].same);
	}
	char out[100];
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* anybody can compute it: FNV-1a of the stripped text */
	for (const char *s = "select ?"; *s; s++)
		hash = (hash ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	assert_true(strip("SELECT  1", false, out, sizeof out) == hash);
}

static void
a_cut_text_has_the_length_and_the_fingerprint_of_the_whole(void **state)
{
	static const char query[] = "select a, b, 'constant' from t where x in (1, 2, 3)";
	uint64_t whole, print;
	char full[100];
	(void)state;
	size_t len = sql_strip(query, strlen(query), false, full, sizeof full, &whole);
	for (size_t cap = 0; cap <= len; cap++) {
		char *out = malloc(cap + 1);
		out[cap] = '#';
		assert_int_equal(sql_strip(query, strlen(query), false, out, cap, &print), len);
		assert_true(print == whole);
		assert_memory_equal(out, full, cap);
		assert_int_equal(out[cap], '#');
		free(out);
	}
}

static void
passwords_are_suspected_where_one_may_be_set(void **state)
{
	static const struct {
		const char *query;
		bool may;
	} rows[] = {
	    {"ALTER USER bob PASSWORD 'x'", true},
	    {"\n create role r login PassWord 'x'", true},
	    {"/* x */ alter role r password 'x'", true},
	    {"do $$ begin execute 'alter role r password ...'; end $$", true},
	    {"select 1; alter user u password 'x'", true},
	    {"select password from users", false},
	    {"create table t(a int)", false},
	    {"", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(sql_may_tell_password(rows[i].query, strlen(rows[i].query)), rows[i].may);
}

static void
a_name_is_folded_or_freed_of_its_quotes(void **state)
{
	static const struct {
		const char *text, *name; /* NULL: none */
	} rows[] = {{"Abc", "abc"}, {"\"Abc\"", "Abc"}, {"\"a\"\"b\"", "a\"b"}, {"U&\"x\"", NULL}, {"'x'", NULL},
	    {"toolong", NULL}};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sql_lexer lexer = {rows[i].text, rows[i].text + strlen(rows[i].text), false};
		struct sql_token t;
		char name[6];
		assert_true(sql_next_word(&lexer, &t));
		bool good = sql_name(&t, name, sizeof name);
		assert_int_equal(good, rows[i].name != NULL);
		if (good)
			assert_string_equal(name, rows[i].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(constants_are_gone_and_the_rest_stays),
	    cmocka_unit_test(a_backslash_escapes_where_the_session_says_so),
	    cmocka_unit_test(queries_that_differ_in_constants_only_have_one_fingerprint),
	    cmocka_unit_test(a_cut_text_has_the_length_and_the_fingerprint_of_the_whole),
	    cmocka_unit_test(passwords_are_suspected_where_one_may_be_set),
	    cmocka_unit_test(a_name_is_folded_or_freed_of_its_quotes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
