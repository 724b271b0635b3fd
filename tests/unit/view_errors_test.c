/* SPDX-License-Identifier: ISC */
/* fault, textstack, errors, symbolize: which errors are the same, what is kept of them, and where we are ourselves. */
#include "oxview/errors.h"

#include <dlfcn.h>
#include <link.h>
#include <math.h>

#include "libbx/core/mp.h"
#include "oxview/stack.h"
#include "oxview/symbolize.h"
#include "oxview/textstack.h"
#include "tests/unit/unit.h"

/* An event whose body has one field, a text. */
static struct event
event_with(struct buf *b, const char *key, const char *text, double end)
{
	struct event ev;
	buf_clear(b);
	mp_add_map(b, 4);
	mp_pair_text(b, "type", "t");
	mp_pair_text(b, "host", "h");
	mp_pair_double(b, "end", end);
	mp_add_strz(b, "body");
	mp_add_map(b, 1);
	mp_pair_text(b, key, text);
	assert_int_equal(event_parse(b->data, b->len, &ev), BX_OK);
	return ev;
}

static void
print_of(const char *key, const char *text, char out[FAULT_PRINT_MAX + 1])
{
	struct buf b = {0};
	struct fault f;
	struct event ev = event_with(&b, key, text, 1);
	assert_true(fault_of(&ev, &f));
	memcpy(out, f.print, sizeof f.print);
	buf_fini(&b);
}

static void
equal_frames_are_the_same_error_whatever_was_said(void **state)
{
	(void)state;
	static const struct {
		const char *key, *a, *b;
		bool same;
	} table[] = {
	    {"exception", "Traceback (most recent call last):\n  File \"a\", line 1, in f\nE: x 1\n",
		"Traceback (most recent call last):\n  File \"a\", line 1, in f\nE: another\n", true},
	    {"exception", "Traceback (most recent call last):\n  File \"a\", line 1, in f\nE: x\n",
		"Traceback (most recent call last):\n  File \"a\", line 2, in f\nE: x\n", false},
	    {"exception", "Traceback (most recent call last):\n  File \"a\", line 1, in f\nE: x\n",
		"Traceback (most recent call last):\n  File \"a\", line 1, in f\nF: x\n", false},
	    {"exception", "goroutine 1 [running]:\nmain\n\t/x.go:12 +0x1d\n",
		"goroutine 77 [running]:\nmain\n\t/x.go:12 +0x2f\n", true},
	    {"exception", "#0 a.php(1): f()\n#1 {main}", "#0 a.php(2): f()\n#1 {main}", false},
	    {"error", "row 1 is locked", "row 22 is locked", true},
	    {"error", "row 1 is locked", "row 1 is gone", false},
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		char a[FAULT_PRINT_MAX + 1], b[FAULT_PRINT_MAX + 1];
		print_of(table[i].key, table[i].a, a);
		print_of(table[i].key, table[i].b, b);
		if ((strcmp(a, b) == 0) != table[i].same)
			fail_msg("row %zu: %s and %s", i, a, b);
	}
}

static void
a_text_stack_tells_class_message_and_innermost_frame(void **state)
{
	(void)state;
	static const struct {
		const char *text, *class_name, *message, *top;
	} table[] = {
	    {"Traceback (most recent call last):\n  File \"a\", line 1, in f\n    g()\n  File \"b\", line 2, in g\n"
	     "    h\nshop.Missing: no: such\n",
		"shop.Missing", "no: such", "File \"b\", line 2, in g"},
	    {"java.lang.Error: boom\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)\n", "java.lang.Error", "boom",
		"at a.B.c(B.java:1)"},
	    {"Error\n    at f (x.js:1:2)\n", "Error", "", "at f (x.js:1:2)"},
	    {"x.rb:1:in `a'\nx.rb:2:in `b'", "", "", "x.rb:1:in `a'"},
	    {"Timeout: 3 s", "Timeout", "3 s", ""},
	    {"it broke", "", "it broke", ""},
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct textstack_gist g;
		struct buf b = {0};
		mp_add_strz(&b, table[i].text);
		textstack_gist((struct bytes){b.data, b.len}, &g);
		const struct bytes got[] = {g.class_name, g.message, g.top};
		const char *expected[] = {table[i].class_name, table[i].message, table[i].top};
		for (size_t k = 0; k < 3; k++)
			if (got[k].n != strlen(expected[k]) ||
			    (got[k].n && memcmp(got[k].p, expected[k], got[k].n) != 0))
				fail_msg(
				    "row %zu: '%.*s', not '%s'", i, (int)got[k].n, (const char *)got[k].p, expected[k]);
		buf_fini(&b);
	}
}

static void
the_three_latest_events_are_kept_in_whatever_order_they_come(void **state)
{
	(void)state;
	static const double ends[] = {5, 1, 9, NAN, 7, 8, 2};
	struct errors e;
	struct buf b = {0};
	assert_true(errors_init(&e, "", 1 << 20));
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		struct event ev = event_with(&b, "error", "broken", ends[i]);
		errors_add(&e, &ev);
	}
	const struct fault_group *g = errors_one(&e);
	assert_non_null(g);
	assert_int_equal(g->count, COUNT_OF(ends));
	assert_int_equal(g->sample_count, FAULT_SAMPLES);
	assert_true(g->first == 1 && g->last == 9);
	for (size_t i = 0; i < FAULT_SAMPLES; i++)
		if (g->samples[i].when != 9.0 - (double)i)
			fail_msg("sample %zu is of %g", i, g->samples[i].when);
	errors_fini(&e);
	buf_fini(&b);
}

/* ---- ourselves --------------------------------------------------------------------------------------------------- */

static int here_line;

/* Where its caller goes on, less one: in the call, as in an event. */
static __attribute__((noinline)) void *
return_address(void)
{
	return (uint8_t *)__builtin_return_address(0) - 1;
}

static __attribute__((noinline)) void *
here(void)
{
	here_line = __LINE__ + 1;
	void *volatile at = return_address();
	return at;
}

static void
our_own_function_file_and_line_are_found_without_a_build_id(void **state)
{
	(void)state;
	Dl_info info;
	struct link_map *map;
	struct symbols found;
	char self[4096];
	void *pc = here();
	assert_true(dladdr1(pc, &info, (void **)&map, RTLD_DL_LINKMAP));
	assert_non_null(realpath("/proc/self/exe", self));
	struct symbolizer *s = symbolizer_new(0);
	struct bytes path = {(const uint8_t *)self, strlen(self)};
	uint64_t offset = (uintptr_t)pc - map->l_addr;
	symbolize(s, path, (struct bytes){0}, offset, &found);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.at[0].function, "here");
	assert_non_null(strstr(found.at[0].file, "view_errors_test.c"));
	assert_int_equal(found.at[0].line, here_line);
	struct bytes other = {(const uint8_t *)"01234567890123456789", 20};
	symbolize(s, path, other, offset, &found);
	assert_int_equal(found.count, 0);
	assert_non_null(strstr(found.why, "has changed since"));
	symbolizer_free(&s);
}

static bool
says(void *context)
{
	return *(bool *)context;
}

static void
once_it_is_late_only_what_is_known_is_told(void **state)
{
	(void)state;
	struct symbols found;
	char self[4096];
	bool late = false;
	assert_non_null(realpath("/proc/self/exe", self));
	struct symbolizer *s = symbolizer_new(0);
	struct bytes path = {(const uint8_t *)self, strlen(self)}, other = {(const uint8_t *)"/nowhere", 8};
	symbolizer_until(s, says, &late);
	symbolize(s, path, (struct bytes){0}, 1, &found);
	assert_string_equal(found.why, "has no function at that place");
	late = true;
	symbolize(s, path, (struct bytes){0}, 1, &found);
	assert_string_equal(found.why, "has no function at that place");
	symbolize(s, path, (struct bytes){0}, 2, &found);
	assert_non_null(strstr(found.why, "time was over"));
	symbolize(s, other, (struct bytes){0}, 1, &found);
	assert_non_null(strstr(found.why, "time was over"));
	symbolizer_until(s, NULL, NULL);
	symbolize(s, path, (struct bytes){0}, 2, &found);
	assert_string_equal(found.why, "has no function at that place");
	symbolize(s, other, (struct bytes){0}, 1, &found);
	assert_string_equal(found.why, "is not on this host");
	symbolizer_free(&s);
}

static void
more_modules_than_are_kept_open_are_asked_for_and_none_is_mistaken(void **state)
{
	(void)state;
	struct symbolizer *s = symbolizer_new(0);
	struct symbols found;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 200; i++) {
			char path[64];
			int n = snprintf(path, sizeof path, "/nowhere/%d", i);
			symbolize(s, (struct bytes){(const uint8_t *)path, (size_t)n}, (struct bytes){0}, 1, &found);
			assert_int_equal(found.count, 0);
			assert_string_equal(found.why, "is not on this host");
		}
	}
	symbolizer_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_frames_are_the_same_error_whatever_was_said),
	    cmocka_unit_test(a_text_stack_tells_class_message_and_innermost_frame),
	    cmocka_unit_test(the_three_latest_events_are_kept_in_whatever_order_they_come),
	    cmocka_unit_test(our_own_function_file_and_line_are_found_without_a_build_id),
	    cmocka_unit_test(once_it_is_late_only_what_is_known_is_told),
	    cmocka_unit_test(more_modules_than_are_kept_open_are_asked_for_and_none_is_mistaken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
