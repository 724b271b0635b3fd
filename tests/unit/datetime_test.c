/* SPDX-License-Identifier: ISC */
/* datetime: every form by table, both ends of what each means, and every text that is no date. */
#include "libbx/core/datetime.h"

#include <math.h>

#include <stdlib.h>
#include <time.h>

#include "tests/unit/unit.h"

static const int64_t second = 1000000000;
static const int64_t day = 86400 * (int64_t)1000000000;
static const int64_t now_ns = 1331634615123456789; /* 2012-03-13T10:30:15.123456789Z */
static const int64_t today = 1331596800000000000;

static void
every_form_means_what_it_says(void **state)
{
	(void)state;
	const int64_t ten_thirty = today + (10 * 3600 + 30 * 60) * second;
	const struct {
		const char *text;
		int64_t first, last;
	} table[] = {
	    {"20120313", today, today + day - 1},
	    {"2012-03-13", today, today + day - 1},
	    {"20120229", today - 13 * day, today - 12 * day - 1},
	    {"20120313 10", today + 10 * 3600 * second, today + 10 * 3600 * second},
	    {"20120313 10:30", ten_thirty, ten_thirty},
	    {"20120313T10:30:15", ten_thirty + 15 * second, ten_thirty + 15 * second},
	    {"2012-03-13T10:30:15.5Z", ten_thirty + 15 * second + second / 2, ten_thirty + 15 * second + second / 2},
	    {"2012-03-13 10:30:15.123456789012", now_ns, now_ns},
	    {"2012-03-13T12:30+02:00", ten_thirty, ten_thirty},
	    {"2012-03-13T05:00-0530", ten_thirty, ten_thirty},
	    {"2012-03-13T11:30+01", ten_thirty, ten_thirty},
	    {"1331634600", ten_thirty, ten_thirty},
	    {"1331634600.25", ten_thirty + second / 4, ten_thirty + second / 4},
	    {"now", now_ns, now_ns},
	    {"today", today, today + day - 1},
	    {"Yesterday", today - day, today - 1},
	    {"-2h", now_ns - 7200 * second, now_ns - 7200 * second},
	    {"-30m", now_ns - 1800 * second, now_ns - 1800 * second},
	    {"-1.5d", now_ns - day - day / 2, now_ns - day - day / 2},
	    {"19700101", 0, day - 1},
	    {"19691231", -day, -1},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct datetime got;
		const char *wrong = datetime_parse(table[i].text, now_ns, &got);
		if (wrong)
			fail_msg("'%s' %s", table[i].text, wrong);
		if (got.first_ns != table[i].first || got.last_ns != table[i].last)
			fail_msg("'%s' is %lld..%lld, expected %lld..%lld", table[i].text, (long long)got.first_ns,
			    (long long)got.last_ns, (long long)table[i].first, (long long)table[i].last);
	}
}

static void
what_is_no_date_is_refused_with_a_reason(void **state)
{
	(void)state;
	static const char *const table[] = {"", " ", "x", "2012", "201203", "2012031", "20120332", "20120230",
	    "20121301", "20120300", "2012-0313", "2012-03-1", "20120313 ", "20120313 1", "20120313 24",
	    "20120313 10:60", "20120313 10:3", "20120313 10:30x", "20120313x", "20120313 10:30:15.", "20120313 10:30+",
	    "20120313 10:30+19", "20120313 10:30+0275", "13316346001331634600", "1331634600.", "1331634600x",
	    "99999999999", "-", "-x", "-2q", "-2h ", "--2h", "+2h", "yesterdays", "tomorrow", "00010101", "99990101"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct datetime got;
		if (!datetime_parse(table[i], now_ns, &got))
			fail_msg(
			    "'%s' was taken for %lld..%lld", table[i], (long long)got.first_ns, (long long)got.last_ns);
	}
}

static void
today_before_the_epoch_starts_at_midnight(void **state)
{
	(void)state;
	struct datetime got;
	assert_null(datetime_parse("today", -1, &got));
	assert_int_equal(got.first_ns, -day);
}

static void
formatting_rounds_to_microseconds_and_carries(void **state)
{
	(void)state;
	const struct {
		double s;
		const char *text;
	} table[] = {
	    {0, "1970-01-01T00:00:00.000000Z"},
	    {1331634615.123456, "2012-03-13T10:30:15.123456Z"},
	    {59.9999999, "1970-01-01T00:01:00.000000Z"},
	    {-0.25, "1969-12-31T23:59:59.750000Z"},
	    {253402300798.0, "9999-12-31T23:59:58.000000Z"},
	    {-62167219200.0, "0000-01-01T00:00:00.000000Z"},
	    {1e18, "?"},
	    {-1e18, "?"},
	    {NAN, "?"},
	    {INFINITY, "?"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char got[DATETIME_TEXT];
		datetime_format(table[i].s, got);
		assert_string_equal(got, table[i].text);
	}
}

static void
what_is_formatted_reads_back_the_same(void **state)
{
	(void)state;
	for (int64_t us = -5000000000000000; us < 5000000000000000; us += 123456789012345) {
		char text[DATETIME_TEXT];
		struct datetime got;
		datetime_format((double)us / 1e6, text);
		assert_null(datetime_parse(text, now_ns, &got));
		assert_int_equal(got.first_ns, us * 1000);
	}
}

static void
local_dates_are_those_of_the_zone(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t first_s, last_s; /* of the second that the last nanosecond is in */
	} table[] = {
	    {"2026-07-01", 1782856800, 1782943199},        /* summer: two hours before UTC */
	    {"2026-01-15 10:30", 1768469400, 1768469400},  /* winter: one */
	    {"2026-03-29", 1774738800, 1774821599},        /* a day of 23 hours */
	    {"2026-10-25", 1792879200, 1792969199},        /* one of 25 */
	    {"2026-01-15T10:30Z", 1768473000, 1768473000}, /* what has an offset stays */
	    {"2026-01-15 10:30+05:00", 1768455000, 1768455000},
	    {"1768473000", 1768473000, 1768473000},
	};
	struct datetime got;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		assert_null(datetime_parse_local(table[i].text, now_ns, &got));
		if (got.first_ns / 1000000000 != table[i].first_s || got.last_ns / 1000000000 != table[i].last_s)
			fail_msg("%s: got %lld .. %lld", table[i].text, (long long)(got.first_ns / 1000000000),
			    (long long)(got.last_ns / 1000000000));
	}
	/* Half past eleven in the evening of UTC is the next day there. */
	assert_null(datetime_parse_local("today", 1782948600 * (int64_t)1000000000, &got));
	assert_int_equal(got.first_ns / 1000000000, 1782943200);
	unsetenv("TZ");
	tzset();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_form_means_what_it_says),
	    cmocka_unit_test(what_is_no_date_is_refused_with_a_reason),
	    cmocka_unit_test(today_before_the_epoch_starts_at_midnight),
	    cmocka_unit_test(formatting_rounds_to_microseconds_and_carries),
	    cmocka_unit_test(what_is_formatted_reads_back_the_same),
	    cmocka_unit_test(local_dates_are_those_of_the_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
