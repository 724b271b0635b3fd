/* SPDX-License-Identifier: ISC */
/* id and rand: hex as printf would write it, ids that sort by age, and the generator as published. */
#include "libbx/core/id.h"

#include <ctype.h>
#include <errno.h>

#include "tests/unit/unit.h"

static void
hex_of_a_word_is_what_printf_writes(void **state)
{
	(void)state;
	struct rand r = {{1, 2, 3, 4}};
	for (int i = 0; i < 20000; i++) {
		uint64_t v = i < 64    ? 1ULL << i
			     : i < 128 ? ~(1ULL << (i - 64))
			     : i < 144 ? (i - 128U) * 0x1111111111111111ULL
				       : rand_u64(&r);
		char got[17] = "", expected[17];
		hex_u64(got, v);
		snprintf(expected, sizeof expected, "%016llx", (unsigned long long)v);
		assert_string_equal(got, expected);
	}
}

static void
every_byte_goes_round_in_either_case(void **state)
{
	(void)state;
	uint8_t all[256], back[256];
	char hex[513];
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	hex_encode(hex, all, sizeof all);
	assert_int_equal(strlen(hex), 512);
	assert_int_equal(hex_decode(back, hex, sizeof back), 0);
	assert_memory_equal(back, all, sizeof all);
	for (char *p = hex; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	assert_int_equal(hex_decode(back, hex, sizeof back), 0);
	assert_memory_equal(back, all, sizeof all);
}

static void
what_is_no_hex_digit_is_refused(void **state)
{
	(void)state;
	uint8_t out[2];
	for (int c = 0; c < 256; c++) {
		char first[] = {(char)c, '0', '1', '1', '\0'}, last[] = {'0', '1', '1', (char)c, '\0'};
		assert_int_equal(hex_decode(out, first, 2), isxdigit(c) ? 0 : -1);
		assert_int_equal(hex_decode(out, last, 2), isxdigit(c) ? 0 : -1);
	}
	assert_int_equal(hex_decode(out, "abc", 2), -1); /* the NUL is no digit */
}

static void
an_id_is_read_as_it_was_written_and_nothing_else_is(void **state)
{
	(void)state;
	struct rand r;
	struct id got;
	char text[ID_LEN + 1] = "";
	rand_seed(&r);
	for (int i = 0; i < 1000; i++) {
		struct id id = id_new((uint64_t)i, &r);
		id_hex(text, id);
		assert_true(id_read(text, ID_LEN, &got));
		assert_true(got.high == id.high && got.low == id.low);
	}
	for (size_t i = 0; i < ID_LEN; i++) {
		char kept = text[i];
		text[i] = 'g';
		assert_false(id_read(text, ID_LEN, &got));
		text[i] = 'A'; /* upper case is somebody else's way of writing it */
		assert_false(id_read(text, ID_LEN, &got));
		text[i] = kept;
		assert_false(id_read(text, i, &got));
	}
	assert_false(id_read("00000000000000000000000000000000", ID_LEN, &got));
}

static void
ids_begin_with_their_second_and_sort_by_age(void **state)
{
	(void)state;
	struct rand r;
	rand_seed(&r);
	char older[ID_LEN + 1] = "", newer[ID_LEN + 1] = "";
	for (uint64_t s = 0x65000000; s < 0x65000100; s++) {
		id_make(older, s, &r);
		id_make(newer, s + 1, &r);
		assert_int_equal(
		    strtoull((char[9]){older[0], older[1], older[2], older[3], older[4], older[5], older[6], older[7]},
			NULL, 16),
		    s);
		assert_int_equal(strspn(older, "0123456789abcdef"), ID_LEN);
		assert_true(strcmp(older, newer) < 0);
	}
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, ID_LEN);
}

static void
a_hundred_thousand_ids_of_one_second_differ(void **state)
{
	(void)state;
	enum { N = 100000 };
	char(*ids)[ID_LEN] = malloc((size_t)N * ID_LEN);
	assert_non_null(ids);
	struct rand r;
	rand_seed(&r);
	for (int i = 0; i < N; i++)
		id_make(ids[i], 1, &r);
	qsort(ids, N, ID_LEN, compare_ids);
	for (int i = 1; i < N; i++)
		assert_memory_not_equal(ids[i - 1], ids[i], ID_LEN);
	free(ids);
}

static void
a_span_is_hex_and_never_all_zero(void **state)
{
	(void)state;
	struct rand r = {{0, 0, 0, 1}}; /* its first words are zero or small */
	for (int i = 0; i < 1000; i++) {
		char span[SPAN_LEN + 1] = "", expected[SPAN_LEN + 1];
		uint64_t v = span_make(span, &r);
		snprintf(expected, sizeof expected, "%016llx", (unsigned long long)v);
		assert_string_equal(span, expected);
		assert_true(v != 0);
	}
}

static void
a_generator_that_gives_zeroes_only_gives_a_span_all_the_same(void **state)
{
	(void)state;
	struct rand r = {{0, 0, 0, 0}};
	assert_true(span_new(&r) != 0);
}

static void
the_generator_is_xoshiro256_plus_plus(void **state)
{
	(void)state;
	/* First outputs for the state 1, 2, 3, 4, of the authors' own code. */
	static const uint64_t expected[] = {41943041, 58720359, 3588806011781223, 3591011842654386,
	    9228616714210784205ULL, 9973669472204895162ULL, 14011001112246962877ULL, 12406186145184390807ULL,
	    15849039046786891736ULL, 10450023813501588000ULL};
	struct rand r = {{1, 2, 3, 4}};
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		assert_int_equal(rand_u64(&r), expected[i]);
}

static void
seeds_differ_and_errno_is_left_alone(void **state)
{
	(void)state;
	struct rand a = {{0}}, b = {{0}};
	errno = 4711;
	rand_seed(&a);
	rand_seed(&b);
	assert_int_equal(errno, 4711);
	assert_memory_not_equal(&a, &b, sizeof a);
}

static void
unit_numbers_lie_in_the_unit_interval_and_are_even(void **state)
{
	(void)state;
	struct rand r = {{1, 2, 3, 4}};
	int tenths[10] = {0};
	for (int i = 0; i < 100000; i++) {
		double x = rand_unit(&r);
		assert_true(x >= 0 && x < 1);
		tenths[(int)(x * 10)]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenths[i], 9500, 10500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hex_of_a_word_is_what_printf_writes),
	    cmocka_unit_test(every_byte_goes_round_in_either_case),
	    cmocka_unit_test(what_is_no_hex_digit_is_refused),
	    cmocka_unit_test(an_id_is_read_as_it_was_written_and_nothing_else_is),
	    cmocka_unit_test(ids_begin_with_their_second_and_sort_by_age),
	    cmocka_unit_test(a_hundred_thousand_ids_of_one_second_differ),
	    cmocka_unit_test(a_span_is_hex_and_never_all_zero),
	    cmocka_unit_test(a_generator_that_gives_zeroes_only_gives_a_span_all_the_same),
	    cmocka_unit_test(the_generator_is_xoshiro256_plus_plus),
	    cmocka_unit_test(seeds_differ_and_errno_is_left_alone),
	    cmocka_unit_test(unit_numbers_lie_in_the_unit_interval_and_are_even),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
