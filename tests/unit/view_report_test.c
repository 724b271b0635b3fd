/* SPDX-License-Identifier: ISC */
/* report: what stands in a page cannot end it, and what is capped is counted. */
#include "oxview/report.h"

#include <math.h>

#include "libbx/core/mp.h"
#include "oxview/report_json.h"
#include "oxview/serve.h"
#include "tests/unit/unit.h"

static struct bytes
text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void
assert_buf(struct buf *b, const char *expected)
{
	buf_putc(b, '\0');
	assert_string_equal((char *)b->data, expected);
	buf_fini(b);
}

static void
what_means_something_to_html_is_escaped(void **state)
{
	(void)state;
	static const struct {
		const char *json, *embedded;
	} rows[] = {
	    {"\"</script>\"", "\"\\u003c/script\\u003e\""},
	    {"\"<!--\"", "\"\\u003c!--\""},
	    {"\"a&amp;b\"", "\"a\\u0026amp;b\""},
	    {"\"\xe2\x80\xa8\xe2\x80\xa9\"", "\"\\u2028\\u2029\""},
	    {"\"\xe2\x80\xa7\xe2\x80\xaa\xe2\x81\xa8\"", "\"\xe2\x80\xa7\xe2\x80\xaa\xe2\x81\xa8\""},
	    {"{\"a\":[1,2.5,null]}", "{\"a\":[1,2.5,null]}"},
	    {"\xe2\x80", "\xe2\x80"},
	    {"", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf b = {0};
		report_embed(&b, rows[i].json, strlen(rows[i].json));
		assert_buf(&b, rows[i].embedded);
	}
}

static void
texts_are_texts_whatever_they_hold(void **state)
{
	(void)state;
	static const struct {
		const char *text, *json;
	} rows[] = {
	    {"plain", "\"plain\""},
	    {"q\"b\\n\n", "\"q\\\"b\\\\n\\n\""},
	    {"\xff\xc3", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	    {"\xc3\xa4\xed\xa0\x80", "\"\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	    {"", "\"\""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf b = {0};
		report_text(&b, text(rows[i].text));
		assert_buf(&b, rows[i].json);
	}
	char long_text[3 * REPORT_TEXT];
	memset(long_text, 'x', sizeof long_text);
	struct buf b = {0};
	report_text(&b, (struct bytes){(uint8_t *)long_text, sizeof long_text});
	assert_int_equal(b.len, REPORT_TEXT + 2 + 3);
	buf_fini(&b);
}

static void
numbers_that_are_none_are_null(void **state)
{
	(void)state;
	const double none[] = {NAN, INFINITY, -INFINITY};
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		struct buf b = {0};
		report_number(&b, none[i]);
		assert_buf(&b, "null");
	}
}

/* Builds an event in `b`, which keeps its bytes. */
static struct event
make(struct buf *b, const char *id, const char *type, double start, double end, size_t filling)
{
	struct event ev;
	buf_clear(b);
	mp_add_map(b, 5);
	mp_add_strz(b, "id");
	mp_add_strz(b, id);
	mp_add_strz(b, "type");
	mp_add_strz(b, type);
	mp_pair_double(b, "start", start);
	mp_pair_double(b, "end", end);
	mp_add_strz(b, "body");
	mp_add_map(b, 1);
	mp_add_strz(b, "f");
	char *fill = calloc(filling + 1, 1);
	memset(fill, 'f', filling);
	mp_add_str(b, fill, filling);
	free(fill);
	assert_int_equal(event_parse(b->data, b->len, &ev), BX_OK);
	return ev;
}

static void
an_event_is_whole_or_says_that_it_is_not(void **state)
{
	(void)state;
	struct buf bytes = {0}, out = {0};
	struct event ev = make(&bytes, "i", "t", 1, 2.5, 10);
	report_event(&out, &ev);
	assert_buf(&out, "\"{\\\"id\\\":\\\"i\\\",\\\"type\\\":\\\"t\\\",\\\"start\\\":1.0,\\\"end\\\":2.5,"
			 "\\\"body\\\":{\\\"f\\\":\\\"ffffffffff\\\"}}\"");
	out = (struct buf){0};
	ev = make(&bytes, "i", "t", 1, 2.5, REPORT_EVENT);
	report_event(&out, &ev);
	buf_putc(&out, '\0');
	assert_non_null(strstr((char *)out.data, "$cut"));
	assert_true(out.len < 200);
	buf_fini(&out);
	buf_fini(&bytes);
}

/* The data as a text, to be freed with buf_fini(). */
static struct buf
data_of(struct report *r)
{
	struct report_head head = {.source = "s"};
	struct out out;
	out_init(&out, -1, false); /* so little that nothing is written */
	assert_true(report_write_data(r, &head, &out));
	buf_putc(&out.buf, '\0');
	return out.buf;
}

static void
types_past_the_bound_are_counted_as_one(void **state)
{
	(void)state;
	struct report r;
	struct buf bytes = {0};
	char type[32], expected[64];
	enum { TYPES = TIMES_TYPES + 30 };
	assert_true(report_init(&r));
	for (int i = 0; i < TYPES; i++) {
		snprintf(type, sizeof type, "t%03d", i);
		for (int k = 0; k <= (i == 7); k++) {
			struct event ev = make(&bytes, "i", type, 1, 2, 0);
			assert_true(report_add(&r, &ev));
		}
	}
	struct buf data = data_of(&r);
	assert_non_null(strstr((char *)data.data, "\"types\":[{\"name\":\"t007\",\"types\":1,\"count\":2,"));
	snprintf(expected, sizeof expected, "{\"name\":\"(all others)\",\"types\":%d,\"count\":%d,",
	    TIMES_TYPES - TIMES_SHOWN + 1, TYPES - TIMES_SHOWN);
	assert_non_null(strstr((char *)data.data, expected));
	buf_fini(&data);
	buf_fini(&bytes);
	report_fini(&r);
}

static void
one_event_with_a_wrong_clock_spoils_nothing(void **state)
{
	(void)state;
	struct report r;
	struct buf bytes = {0};
	assert_true(report_init(&r));
	for (int i = 0; i < 5000; i++) {
		double end = i == 1000 ? 0 : i == 2000 ? 4e9 : i == 3000 ? 1e300 : i == 4000 ? NAN : 1.7e9 + i * 0.01;
		struct event ev = make(&bytes, "i", "t", end - 0.001, end, 0);
		assert_true(report_add(&r, &ev));
	}
	struct buf data = data_of(&r);
	assert_non_null(strstr((char *)data.data, "\"width\":1,\"stretches\":50,\"outside\":2,\"untimed\":2,"));
	buf_fini(&data);
	buf_fini(&bytes);
	report_fini(&r);
}

static void
cells_grow_longer_and_lose_nothing(void **state)
{
	(void)state;
	struct report_times *t = calloc(1, sizeof *t);
	struct buf bytes = {0};
	uint64_t counted = 0;
	assert_true(report_times_init(t));
	for (int i = 0; i < 200000; i++) {
		struct event ev = make(&bytes, "i", i % 2 ? "a" : "b", i, i + (double)(i % 1000) / 1e3, 0);
		assert_true(report_times_add(t, &ev, false));
		assert_true(t->cell_count <= TIMES_CELLS);
	}
	for (size_t i = 0; i < 2 * TIMES_CELLS; i++)
		counted += t->cells[i].count;
	assert_int_equal(counted, 200000);
	report_times_fini(t);
	free(t);
	buf_fini(&bytes);
}

static void
the_slowest_groups_stay_while_others_are_let_go(void **state)
{
	(void)state;
	struct report_groups g;
	struct buf bytes = {0};
	char id[40];
	assert_true(report_groups_init(&g));
	for (int i = 0; i < 30000; i++) {
		snprintf(id, sizeof id, "id%d", i);
		struct event ev = make(&bytes, id, "t", 0, i < 25 ? 100 + i : 1, 1000);
		assert_true(report_groups_add(&g, &ev, false));
		assert_true(g.bytes <= GROUPS_HELD + 2048);
	}
	assert_true(g.let_go > 0);
	assert_int_equal(g.slowest_count, GROUPS_SLOWEST);
	assert_true(report_groups_again(&g));
	assert_int_equal(g.groups, GROUPS_SLOWEST);
	report_groups_fini(&g);
	buf_fini(&bytes);
}

static void
of_a_group_only_so_much_is_held(void **state)
{
	(void)state;
	struct report r;
	struct buf bytes = {0};
	char expected[80];
	assert_true(report_init(&r));
	for (int i = 0; i < 1000; i++) {
		struct event ev = make(&bytes, "one", "t", i, i + 1, 0);
		assert_true(report_add(&r, &ev));
	}
	struct buf data = data_of(&r);
	snprintf(expected, sizeof expected, "{\"id\":\"one\",\"events\":1000,\"errors\":0,\"held\":%d,", GROUP_EVENTS);
	assert_non_null(strstr((char *)data.data, expected));
	buf_fini(&data);
	buf_fini(&bytes);
	report_fini(&r);
}

static void
each_event_is_as_likely_a_sample_as_any_other(void **state)
{
	(void)state;
	struct report_samples s;
	struct buf bytes = {0};
	enum { EVENTS = 100 * SAMPLES };
	double sum = 0;
	assert_true(report_samples_init(&s));
	for (int i = 0; i < EVENTS; i++) {
		struct event ev = make(&bytes, "i", "t", i, i, 0);
		assert_true(report_samples_add(&s, &ev));
	}
	assert_int_equal(s.count, SAMPLES);
	for (size_t i = 0; i < s.count; i++)
		sum += (double)s.samples[i].number;
	/* The mean of so many is within five of its standard deviations of the middle. */
	double deviation = EVENTS / sqrt(12.0) / sqrt(SAMPLES);
	assert_true(fabs(sum / SAMPLES - EVENTS / 2.0) < 5 * deviation);
	report_samples_fini(&s);
	buf_fini(&bytes);
}

static void
only_addresses_and_localhost_are_hosts(void **state)
{
	(void)state;
	static const char *const fine[] = {
	    "localhost", "localhost:8513", "127.0.0.1", "127.0.0.1:1", "[::1]:8513", "10.1.2.3:80"};
	static const char *const not_fine[] = {"", "evil.example", "evil.example:8513", "localhost.evil.example",
	    "127.0.0.1.nip.io", "127.0.0.1:99999999", "ipc:///tmp/x", "*", "*:80", "localhost:", "0x7f000001",
	    "2130706433", "a b", "[::1", "[evil]:1"};
	for (size_t i = 0; i < COUNT_OF(fine); i++)
		if (!serve_host_is_fine(fine[i]))
			fail_msg("%s was refused", fine[i]);
	for (size_t i = 0; i < COUNT_OF(not_fine); i++)
		if (serve_host_is_fine(not_fine[i]))
			fail_msg("%s was taken", not_fine[i]);
	assert_false(serve_host_is_fine(NULL));
}

static void
it_listens_on_this_host_unless_told_otherwise(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host;
		uint16_t port;
	} rows[] = {{"8513", "127.0.0.1", 8513}, {"localhost:1", "127.0.0.1", 1}, {"[::1]:2", "::1", 2},
	    {"*:3", "0.0.0.0", 3}, {"192.0.2.1:4", "192.0.2.1", 4}, {"127.0.0.1", "127.0.0.1", 8513}};
	struct addr at;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_null(serve_where(rows[i].text, &at));
		assert_string_equal(at.host, rows[i].host);
		assert_int_equal(at.port, rows[i].port);
	}
	assert_non_null(serve_where("example.com:1", &at));
	assert_non_null(serve_where("ipc:///tmp/x", &at));
	assert_non_null(serve_where("", &at));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_means_something_to_html_is_escaped),
	    cmocka_unit_test(texts_are_texts_whatever_they_hold),
	    cmocka_unit_test(numbers_that_are_none_are_null),
	    cmocka_unit_test(an_event_is_whole_or_says_that_it_is_not),
	    cmocka_unit_test(types_past_the_bound_are_counted_as_one),
	    cmocka_unit_test(one_event_with_a_wrong_clock_spoils_nothing),
	    cmocka_unit_test(cells_grow_longer_and_lose_nothing),
	    cmocka_unit_test(the_slowest_groups_stay_while_others_are_let_go),
	    cmocka_unit_test(of_a_group_only_so_much_is_held),
	    cmocka_unit_test(only_addresses_and_localhost_are_hosts),
	    cmocka_unit_test(it_listens_on_this_host_unless_told_otherwise),
	    cmocka_unit_test(each_event_is_as_likely_a_sample_as_any_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
