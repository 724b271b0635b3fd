/* SPDX-License-Identifier: ISC */
/* cursor: each read at every length, and lengths that would wrap. */
#include "libbx/core/cursor.h"

#include "libbx/core/bytes.h"
#include "tests/unit/unit.h"

static const uint8_t bytes_1_to_29[] = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29};

static void
each_width_reads_in_its_order(void **state)
{
	(void)state;
	struct cursor c;
	cursor_init(&c, bytes_1_to_29, sizeof bytes_1_to_29);
	assert_int_equal(cursor_u8(&c), 1);
	assert_int_equal(cursor_u16be(&c), 0x0203);
	assert_int_equal(cursor_u32be(&c), 0x04050607);
	assert_int_equal(cursor_u64be(&c), 0x08090a0b0c0d0e0fULL);
	assert_int_equal(cursor_u16le(&c), 0x1110);
	assert_int_equal(cursor_u32le(&c), 0x15141312);
	assert_int_equal(cursor_u64le(&c), 0x1d1c1b1a19181716ULL);
	assert_int_equal(cursor_left(&c), 0);
	assert_int_equal(cursor_offset(&c), sizeof bytes_1_to_29);
	assert_int_equal(cursor_err(&c), BX_OK);
}

static void
a_truncated_frame_is_short_at_every_length(void **state)
{
	(void)state;
	static const uint8_t frame[] = {7, 0, 0, 0, 2, 'h', 'i'};
	for (size_t len = 0; len < sizeof frame; len++) {
		struct cursor c;
		cursor_init(&c, frame, len);
		cursor_u8(&c);
		cursor_take(&c, cursor_u32be(&c));
		assert_int_equal(cursor_err(&c), BX_ESHORT);
	}
}

static void
every_integer_is_short_at_every_length_and_reads_as_zero(void **state)
{
	(void)state;
	for (size_t len = 0; len < 8; len++) {
		struct cursor at[6];
		for (size_t i = 0; i < COUNT_OF(at); i++)
			cursor_init(&at[i], bytes_1_to_29, len);
		assert_int_equal(cursor_u16be(&at[0]) == 0, len < 2);
		assert_int_equal(cursor_u16le(&at[1]) == 0, len < 2);
		assert_int_equal(cursor_u32be(&at[2]) == 0, len < 4);
		assert_int_equal(cursor_u32le(&at[3]) == 0, len < 4);
		assert_int_equal(cursor_u64be(&at[4]), 0);
		assert_int_equal(cursor_u64le(&at[5]), 0);
		for (size_t i = 0; i < COUNT_OF(at); i++)
			assert_int_equal(cursor_err(&at[i]), len < (size_t)2 << (i / 2) ? BX_ESHORT : BX_OK);
	}
}

static void
the_first_failure_sticks(void **state)
{
	(void)state;
	struct cursor c;
	cursor_init(&c, "abc", 3);
	cursor_fail(&c, BX_EBAD);
	cursor_fail(&c, BX_ELIMIT);
	assert_null(cursor_take(&c, 1));
	assert_int_equal(cursor_u8(&c), 0);
	assert_int_equal(cursor_err(&c), BX_EBAD);
	assert_int_equal(cursor_offset(&c), 0);
}

static void
a_length_that_would_wrap_is_short(void **state)
{
	(void)state;
	struct cursor c;
	for (size_t n = SIZE_MAX; n > SIZE_MAX - 5; n--) {
		cursor_init(&c, bytes_1_to_29, 4);
		cursor_u8(&c);
		assert_null(cursor_take(&c, n));
		assert_int_equal(cursor_err(&c), BX_ESHORT);
	}
}

static void
nothing_can_be_read_from_nothing(void **state)
{
	(void)state;
	struct cursor c;
	cursor_init(&c, NULL, 0);
	assert_non_null(cursor_take(&c, 0)); /* no bytes are there */
	assert_int_equal(cursor_err(&c), BX_OK);
	assert_null(cursor_take(&c, 1));
	assert_int_equal(cursor_err(&c), BX_ESHORT);
}

static void
fixed_integers_go_round_in_both_orders(void **state)
{
	(void)state;
	uint8_t b[9];
	put_u64le(b + 1, 0x0102030405060708ULL); /* unaligned on purpose */
	assert_int_equal(b[1], 8);
	assert_int_equal(get_u64le(b + 1), 0x0102030405060708ULL);
	assert_int_equal(get_u64be(b + 1), 0x0807060504030201ULL);
	put_u32be(b + 1, 0x01020304);
	assert_int_equal(b[1], 1);
	assert_int_equal(get_u32le(b + 1), 0x04030201);
	put_u16be(b + 1, 0x0102);
	assert_int_equal(get_u16le(b + 1), 0x0201);
	assert_true(double_of_bits(bits_of_double(-1.5)) == -1.5);
	assert_int_equal(bits_of_double(1.0), 0x3ff0000000000000ULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_width_reads_in_its_order),
	    cmocka_unit_test(a_truncated_frame_is_short_at_every_length),
	    cmocka_unit_test(every_integer_is_short_at_every_length_and_reads_as_zero),
	    cmocka_unit_test(the_first_failure_sticks),
	    cmocka_unit_test(a_length_that_would_wrap_is_short),
	    cmocka_unit_test(nothing_can_be_read_from_nothing),
	    cmocka_unit_test(fixed_integers_go_round_in_both_orders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
