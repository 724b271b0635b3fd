/* SPDX-License-Identifier: ISC */
#include "tests/unit/unit.h"

#include "libbx/core/traceparent.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

static bool
reads(const char *text)
{
	struct traceparent t;
	return traceparent_read(text, strlen(text), &t);
}

static void
a_header_gives_trace_id_span_and_flag(void **state)
{
	struct traceparent t;
	(void)state;
	assert_true(traceparent_read("00-" TRACE "-" SPAN "-01", 55, &t));
	assert_string_equal(t.trace_id, TRACE);
	assert_string_equal(t.span, SPAN);
	assert_true(t.sampled);
	assert_true(traceparent_read("00-" TRACE "-" SPAN "-02", 55, &t));
	assert_false(t.sampled);
	assert_true(traceparent_read("00-" TRACE "-" SPAN "-ff", 55, &t));
	assert_true(t.sampled);
}

static void
a_later_version_may_go_on_behind_a_dash(void **state)
{
	(void)state;
	assert_true(reads("01-" TRACE "-" SPAN "-01"));
	assert_true(reads("cc-" TRACE "-" SPAN "-01-what-the-future-brings"));
	assert_true(reads("fe-" TRACE "-" SPAN "-01-"));
}

static void
every_malformed_form_is_refused_and_leaves_the_result_alone(void **state)
{
	static const char *const malformed[] = {
	    "", "00", "ff-" TRACE "-" SPAN "-01",              /* a version that is none */
	    "0g-" TRACE "-" SPAN "-01",                        /* no hex digit */
	    "0-" TRACE "-" SPAN "-01",                         /* a version of one digit */
	    "00-" TRACE "-" SPAN "-01-more",                   /* version 00 ends there */
	    "00-" TRACE "-" SPAN "-01 ",                       /* a blank */
	    " 00-" TRACE "-" SPAN "-01",                       /* before it */
	    "01-" TRACE "-" SPAN "-01more",                    /* a later version, no dash */
	    "00-" TRACE "-" SPAN "-1",                         /* flags of one digit */
	    "00-" TRACE "-" SPAN "-0x",                        /* flags that are no hex */
	    "00-" TRACE "-" SPAN "-0A",                        /* upper case */
	    "00-00000000000000000000000000000000-" SPAN "-01", /* no trace */
	    "00-" TRACE "-0000000000000000-01",                /* no span */
	    "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", /* upper case */
	    "00-" TRACE "-B7AD6B7169203331-01", "00-0af7651916cd43dd8448eb211c80319g-" SPAN "-01",
	    "00-" TRACE "-b7ad6b716920333z-01", "00_" TRACE "-" SPAN "-01", "00-" TRACE "_" SPAN "-01",
	    "00-" TRACE "-" SPAN "_01", "00-0af7651916cd43dd8448eb211c80319-" SPAN "-001", /* a digit short */
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(malformed); i++) {
		struct traceparent t = {.trace_id = "untouched", .span = "so", .sampled = true};
		if (traceparent_read(malformed[i], strlen(malformed[i]), &t))
			fail_msg("taken: '%s'", malformed[i]);
		assert_string_equal(t.trace_id, "untouched");
		assert_string_equal(t.span, "so");
		assert_true(t.sampled);
	}
}

static void
a_header_is_refused_at_every_shorter_length(void **state)
{
	static const char whole[] = "00-" TRACE "-" SPAN "-01";
	struct traceparent t;
	(void)state;
	for (size_t n = 0; n < TRACEPARENT_LEN; n++)
		assert_false(traceparent_read(whole, n, &t));
	assert_true(traceparent_read(whole, TRACEPARENT_LEN, &t));
}

static void
what_is_written_can_be_read(void **state)
{
	char out[TRACEPARENT_LEN + 1];
	struct id id;
	uint64_t span = 0;
	(void)state;
	assert_true(id_read(TRACE, 32, &id) && hex_read_u64(SPAN, &span));
	traceparent_write(out, id, span, true);
	assert_string_equal(out, "00-" TRACE "-" SPAN "-01");
	assert_true(reads(out));
	traceparent_write(out, id, span, false);
	assert_string_equal(out, "00-" TRACE "-" SPAN "-00");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_header_gives_trace_id_span_and_flag),
	    cmocka_unit_test(a_later_version_may_go_on_behind_a_dash),
	    cmocka_unit_test(every_malformed_form_is_refused_and_leaves_the_result_alone),
	    cmocka_unit_test(a_header_is_refused_at_every_shorter_length),
	    cmocka_unit_test(what_is_written_can_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
