/* SPDX-License-Identifier: ISC */
/* logname: no type leaves its directory, every name reads back, and nothing else does. */
#include "libbx/core/logname.h"

#include "tests/unit/unit.h"

static const int64_t second_ns = 1000000000;
static const int64_t morning_s = 1331638200; /* 2012-03-13 11:30:00 UTC */

static struct bytes
text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static const struct {
	const char *type;
	bool hourly;
	unsigned part;
	const char *file;
} names[] = {
    {"request", false, 0, "request.120313.log"},
    {"request", true, 0, "request.12031311.log"},
    {"request", false, 1, "request.120313.1.log"},
    {"request", true, 9999, "request.12031311.9999.log"},
    {"request.sql", false, 0, "request.sql.120313.log"},
    {"a.260101", false, 0, "a.260101.120313.log"},
    {"a.260101.7", false, 7, "a.260101.7.120313.7.log"},
    {"A-b_9.z", false, 0, "A-b_9.z.120313.log"},
    {"../../x", false, 0, "%2E.%2F..%2Fx.120313.log"},
    {"/etc/passwd", false, 0, "%2Fetc%2Fpasswd.120313.log"},
    {".", false, 0, "%2E.120313.log"},
    {"..", false, 0, "%2E..120313.log"},
    {".hidden", false, 0, "%2Ehidden.120313.log"},
    {"a b%c~", false, 0, "a%20b%25c%7E.120313.log"},
    {"caf\xc3\xa9", false, 0, "caf%C3%A9.120313.log"},
    {"x.log", false, 0, "x.log.120313.log"},
    {"", false, 0, "%.120313.log"},
};

static void
types_become_names_and_names_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char file[LOGNAME_MAX];
		struct logname back;
		logname_make(
		    text(names[i].type), morning_s * second_ns + 999999999, names[i].hourly, names[i].part, file);
		assert_string_equal(file, names[i].file);
		assert_null(strchr(file, '/'));
		assert_true(file[0] != '.');
		if (!logname_parse(file, &back))
			fail_msg("'%s' does not read back", file);
		assert_int_equal(back.type_len, strlen(names[i].type));
		assert_string_equal(back.type, names[i].type);
		assert_int_equal(back.hourly, names[i].hourly);
		assert_int_equal(back.part, names[i].part);
		assert_int_equal(back.day_start, names[i].hourly ? morning_s - 1800 : morning_s - 41400);
	}
}

static void
every_byte_is_safe_in_any_place(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		for (size_t at = 0; at < 3; at++) {
			uint8_t type[3] = {'a', 'b', 'c'};
			char file[LOGNAME_MAX];
			struct logname back;
			type[at] = (uint8_t)c;
			logname_make((struct bytes){type, 3}, 0, false, 0, file);
			assert_int_equal(
			    strspn(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%._-"),
			    strlen(file));
			assert_true(file[0] != '.');
			assert_true(logname_parse(file, &back));
			assert_int_equal(back.type_len, 3);
			assert_memory_equal(back.type, type, 3);
		}
	}
}

static void
a_long_type_is_cut_and_still_has_a_name_of_its_own(void **state)
{
	(void)state;
	uint8_t type[4096];
	char file[LOGNAME_MAX], other[LOGNAME_MAX];
	struct logname back;
	for (int fill = 0; fill < 2; fill++) { /* bytes that are kept, bytes that are encoded */
		memset(type, fill ? '/' : 't', sizeof type);
		for (size_t n = 1; n < sizeof type; n = n < 300 ? n + 1 : n * 2) {
			logname_make((struct bytes){type, n}, 0, true, 9999, file);
			assert_true(
			    strlen(file) < 255 - strlen(".idx.new")); /* a file beside it has room in NAME_MAX */
			type[n - 1] ^= 1;
			logname_make((struct bytes){type, n}, 0, true, 9999, other);
			type[n - 1] ^= 1;
			assert_string_not_equal(file, other);
			assert_true(logname_parse(file, &back));
		}
	}
}

static void
a_type_that_looks_like_a_cut_one_is_not_taken_for_it(void **state)
{
	(void)state;
	uint8_t type[300];
	char cut[LOGNAME_MAX], lookalike[LOGNAME_MAX];
	memset(type, 't', sizeof type);
	logname_make((struct bytes){type, sizeof type}, 0, false, 0, cut);
	size_t n = strlen(cut) - strlen(".700101.log");
	logname_make((struct bytes){(const uint8_t *)cut, n}, 0, false, 0, lookalike);
	assert_string_not_equal(cut, lookalike);
}

static void
days_and_hours_turn_in_utc(void **state)
{
	(void)state;
	static const struct {
		int64_t s;
		const char *day, *hour;
	} cases[] = {{0, "t.700101.log", "t.70010100.log"}, {951782399, "t.000228.log", "t.00022823.log"},
	    {951782400, "t.000229.log", "t.00022900.log"}, {1798761599, "t.261231.log", "t.26123123.log"},
	    {1798761600, "t.270101.log", "t.27010100.log"}};
	setenv("TZ", "Pacific/Kiritimati", 1);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char file[LOGNAME_MAX];
		logname_make(text("t"), cases[i].s * second_ns, false, 0, file);
		assert_string_equal(file, cases[i].day);
		logname_make(text("t"), cases[i].s * second_ns + 999999999, true, 0, file);
		assert_string_equal(file, cases[i].hour);
	}
	unsetenv("TZ");
}

static void
an_arrival_that_cannot_be_still_has_a_name(void **state)
{
	(void)state;
	char file[LOGNAME_MAX];
	logname_make(text("t"), -1, false, 0, file);
	assert_true(strlen(file) > 0 && strchr(file, '/') == NULL);
	logname_make(text("t"), INT64_MIN, true, 0, file);
	assert_true(strlen(file) > 0);
	logname_make(text("t"), INT64_MAX, true, 0, file);
	assert_true(strlen(file) > 0);
}

static void
other_files_are_not_taken(void **state)
{
	(void)state;
	static const char *const others[] = {"", ".log", "x", "x.log", ".120313.log", "120313.log", "x.120313",
	    "x.120313.log.zst", "x.120313.log.idx", "x.12031.log", "x.1203131.log", "x.120313111.log", "x.121313.log",
	    "x.120013.log", "x.120300.log", "x.120332.log", "x.120230.log", "x.110229.log", "x.12031324.log",
	    "x.120313.0.log", "x.120313.01.log", "x.120313.12345.log", "x.120313..log", "x.120313.1.2.log",
	    "x.12031a.log", "x.1.log", ".x.120313.log", "..120313.log", "...120313.log", "%2.120313.log",
	    "%.x.120313.log", "x%zz.120313.log", "x%41.120313.log", "%2e.120313.log", "x%2E.120313.log",
	    "a b.120313.log", "caf\xc3\xa9.120313.log", "x~.120313.log", "x~0123456789abcde.120313.log",
	    "x~0123456789abcdef.120313.log", "x~0123456789ABCDEF.120313.log", "x~0123456789abcdef0.120313.log",
	    "checkpoint", "oxd.lock"};
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct logname out;
		if (logname_parse(others[i], &out))
			fail_msg("'%s' is taken", others[i]);
	}
}

static void
a_type_that_should_have_been_cut_is_not_taken(void **state)
{
	(void)state;
	for (size_t n = 170; n < 220; n++) {
		char made[LOGNAME_MAX], file[LOGNAME_MAX];
		uint8_t type[220];
		struct logname out;
		memset(type, 't', sizeof type);
		logname_make((struct bytes){type, n}, 0, false, 0, made);
		snprintf(file, sizeof file, "%.*s.700101.log", (int)n, type);
		assert_int_equal(logname_parse(file, &out), strcmp(file, made) == 0);
	}
}

static void
a_name_of_any_length_is_judged_without_harm(void **state)
{
	(void)state;
	static char file[8192];
	struct logname out;
	for (size_t n = 1; n < 4000; n += 7) {
		memset(file, 'x', n);
		strcpy(file + n, ".120313.log");
		logname_parse(file, &out);
		assert_true(out.type_len < sizeof out.type);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types_become_names_and_names_types),
	    cmocka_unit_test(every_byte_is_safe_in_any_place),
	    cmocka_unit_test(a_long_type_is_cut_and_still_has_a_name_of_its_own),
	    cmocka_unit_test(a_type_that_looks_like_a_cut_one_is_not_taken_for_it),
	    cmocka_unit_test(days_and_hours_turn_in_utc),
	    cmocka_unit_test(an_arrival_that_cannot_be_still_has_a_name),
	    cmocka_unit_test(other_files_are_not_taken),
	    cmocka_unit_test(a_type_that_should_have_been_cut_is_not_taken),
	    cmocka_unit_test(a_name_of_any_length_is_judged_without_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
