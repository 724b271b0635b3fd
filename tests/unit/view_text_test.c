/* SPDX-License-Identifier: ISC */
/* text, units, bar: nothing that a terminal would obey gets through, and columns are counted right. */
#include "oxview/text.h"

#include <locale.h>

#include "oxview/bar.h"
#include "oxview/units.h"
#include "tests/unit/unit.h"

static void
assert_buf(struct buf *b, const char *expected)
{
	buf_putc(b, '\0');
	assert_string_equal((char *)b->data, expected);
	buf_fini(b);
}

static void
whatever_a_terminal_obeys_is_escaped(void **state)
{
	(void)state;
	const struct {
		const char *in, *out;
	} table[] = {
	    {"plain", "plain"},
	    {"\x1b[2J", "\\x1b[2J"},
	    {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
	    {"\x7f", "\\x7f"},
	    {"na\xc3\xafve \xf0\x9f\x90\x82", "na\xc3\xafve \xf0\x9f\x90\x82"},
	    {"\xc2\x9b"
	     "31m",
		"\\u{9b}31m"},
	    {"\xe2\x80\xaegpj", "\\u{202e}gpj"}, /* NOLINT(misc-misleading-bidirectional) */
	    {"\xe2\x81\xa6", "\\u{2066}"},       /* NOLINT(misc-misleading-bidirectional) */
	    {"\xff\xc3", "\\xff\\xc3"},
	    {"\xc3(", "\\xc3("},
	    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
	    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct buf b = {0};
		text_line(&b, table[i].in, strlen(table[i].in));
		assert_buf(&b, table[i].out);
	}
}

static void
no_byte_pair_lets_a_control_through(void **state)
{
	(void)state;
	for (unsigned pair = 0; pair < 65536; pair++) {
		uint8_t in[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
		struct buf b = {0};
		text_line(&b, in, 2);
		for (size_t i = 0; i < b.len; i++)
			if (b.data[i] < 0x20 || b.data[i] == 0x7f || (b.data[i] >= 0x80 && b.data[i] < 0xa0 && i == 0))
				fail_msg("%02x %02x lets %02x through", in[0], in[1], b.data[i]);
		if (b.len == 2 && b.data[0] == 0xc2 && b.data[1] < 0xa0)
			fail_msg("C1 control %02x %02x gets through", in[0], in[1]);
		buf_fini(&b);
	}
}

static void
blocks_indent_and_folding_joins(void **state)
{
	(void)state;
	struct buf b = {0};
	text_block(&b, "a\nb\n", 4, 3);
	assert_buf(&b, "a\n   b\n   ");
	text_folded(&b, "  SELECT 1,\n\t  2 \n", 18);
	assert_buf(&b, "SELECT 1, 2");
	text_folded(&b, " \n ", 3);
	assert_buf(&b, "");
}

static void
cutting_counts_columns_not_bytes(void **state)
{
	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	const char *text = "\xe6\xbc\xa2\xe5\xad\x97 na\xc3\xafve"; /* two wide characters, a blank, five narrow ones */
	assert_int_equal(text_columns(text, strlen(text)), 10);
	static const char *const cut[] = {"", "\xe2\x80\xa6", "\xe2\x80\xa6", "\xe6\xbc\xa2\xe2\x80\xa6",
	    "\xe6\xbc\xa2\xe2\x80\xa6", "\xe6\xbc\xa2\xe5\xad\x97\xe2\x80\xa6"};
	for (size_t columns = 0; columns < COUNT_OF(cut); columns++) {
		struct buf b = {0};
		buf_puts(&b, text);
		text_cut(&b, 0, columns, true);
		assert_buf(&b, cut[columns]);
	}
	for (size_t columns = 0; columns < 12; columns++) {
		struct buf b = {0};
		buf_puts(&b, text);
		text_cut(&b, 0, columns, false);
		assert_true(text_columns(b.data, b.len) <= columns);
		buf_fini(&b);
	}
}

static void
durations_read_well_at_every_size(void **state)
{
	(void)state;
	const struct {
		double s;
		const char *text;
	} table[] = {{0, "0 us"}, {0.000412, "412 us"}, {0.0009994, "999 us"}, {0.0009996, "1.00 ms"},
	    {0.00312, "3.12 ms"}, {0.0125, "12.5 ms"}, {0.25, "250 ms"}, {0.9994, "999 ms"}, {0.9996, "1.00 s"},
	    {9.99, "9.99 s"}, {12.34, "12.3 s"}, {59.96, "1m 00s"}, {125, "2m 05s"}, {3599.6, "1h 00m"},
	    {11520, "3h 12m"}, {86399, "1d 00h"}, {367200, "4d 06h"}, {-0.5, "-500 ms"}, {1e300, "?"}};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		char got[UNITS_TEXT];
		duration_text(table[i].s, false, got);
		assert_string_equal(got, table[i].text);
	}
}

static void
counts_have_commas(void **state)
{
	(void)state;
	char got[UNITS_TEXT];
	count_text(7, got);
	assert_string_equal(got, "7");
	count_text(1234, got);
	assert_string_equal(got, "1,234");
	count_text(UINT64_MAX, got);
	assert_string_equal(got, "18,446,744,073,709,551,615");
}

static void
bars_are_never_empty_nor_too_long(void **state)
{
	(void)state;
	const struct {
		double from, to;
		const char *text;
	} table[] = {{0, 1, "===="}, {0, 0.5, "==  "}, {0.5, 1, "  =="}, {0, 0.125, "-   "}, {0.125, 0.25, "-   "},
	    {0.125, 0.375, "--  "}, {1, 1, "   -"}, {0, 0, "-   "}, {-5, 9, "===="}, {0.7, 0.2, "   -"}};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct buf b = {0};
		bar_draw(table[i].from, table[i].to, 4, false, &b);
		assert_buf(&b, table[i].text);
	}
	for (int percent = -50; percent < 150; percent++) {
		struct buf b = {0};
		double from = percent / 100.0;
		bar_draw(from, from + 0.001, 20, true, &b);
		assert_int_equal(text_columns(b.data, b.len), 20);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whatever_a_terminal_obeys_is_escaped),
	    cmocka_unit_test(no_byte_pair_lets_a_control_through),
	    cmocka_unit_test(blocks_indent_and_folding_joins),
	    cmocka_unit_test(cutting_counts_columns_not_bytes),
	    cmocka_unit_test(durations_read_well_at_every_size),
	    cmocka_unit_test(counts_have_commas),
	    cmocka_unit_test(bars_are_never_empty_nor_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
