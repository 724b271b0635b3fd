/* SPDX-License-Identifier: ISC */
/* format_json: each kind of value at its borders, against what interfaces.md settled. */
#include "oxview/format_json.h"

#include <math.h>
#include <stdlib.h>

#include "libbx/core/mp.h"
#include "oxview/double.h"
#include "oxview/json_quick.h"
#include "tests/unit/unit.h"

static void
assert_json(const void *object, size_t n, const char *expected)
{
	struct buf out = {0};
	json_object((struct bytes){object, n}, &out);
	buf_putc(&out, '\0');
	assert_int_equal(out.err, BX_OK);
	assert_string_equal((const char *)out.data, expected);
	buf_fini(&out);
}

#define JSON(bytes, expected) assert_json(bytes, sizeof bytes - 1, expected)

static void
scalars_and_integers_of_64_bits_are_exact(void **state)
{
	(void)state;
	JSON("\xc0", "null");
	JSON("\xc2", "false");
	JSON("\xc3", "true");
	JSON("\x00", "0");
	JSON("\x7f", "127");
	JSON("\xe0", "-32");
	JSON("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
	JSON("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
	JSON("\xcf\x00\x20\x00\x00\x00\x00\x00\x01", "9007199254740993"); /* 2^53 + 1: no double has it */
}

static void
floats_are_short_and_stay_floats(void **state)
{
	(void)state;
	const struct {
		double v;
		const char *text;
	} table[] = {{0.1, "0.1"}, {1, "1.0"}, {-0.0, "-0.0"}, {0.0009, "0.0009"}, {1e-5, "0.00001"}, {1e-7, "1e-07"},
	    {1e300, "1e+300"}, {1763826000.002, "1763826000.002"}, {5e-324, "5e-324"}, {1e15, "1e+15"},
	    {123456789012345.0, "123456789012345.0"}, {NAN, "{\"$num\":\"nan\"}"}, {INFINITY, "{\"$num\":\"inf\"}"},
	    {-INFINITY, "{\"$num\":\"-inf\"}"}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint8_t bytes[9];
		mp_put_double(bytes, table[i].v);
		assert_json(bytes, 9, table[i].text);
	}
	JSON("\xca\x3d\xcc\xcc\xcd", "0.1"); /* 32 bits: their own shortest text */
}

static void
every_double_reads_back_bit_by_bit(void **state)
{
	(void)state;
	uint64_t bits = 88172645463325252ULL;
	for (int i = 0; i < 200000; i++) {
		bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
		double v = double_of_bits(bits);
		if (i % 2) /* every second one of a size that people write without an exponent */
			v = (double)(int64_t)(bits >> 20) / 1e6;
		if (!isfinite(v))
			continue;
		char text[DOUBLE_TEXT + 1];
		size_t n = double_text(text, v);
		assert_true(n <= DOUBLE_TEXT - 2); /* `.0` still fits where it is put behind */
		text[n] = '\0';
		if (bits_of_double(strtod(text, NULL)) != bits_of_double(v))
			fail_msg("%.17g is written '%s'", v, text);
	}
}

/* Digits that count: without sign, point, zeroes at either end and exponent. */
static int
digits_in(const char *text)
{
	int digits = 0, zeroes = 0;
	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (*text == '0' && digits == 0))
			continue;
		digits++;
		zeroes = *text == '0' ? zeroes + 1 : 0;
	}
	return digits - zeroes;
}

static void
no_double_has_a_shorter_text(void **state)
{
	(void)state;
	uint64_t bits = 88172645463325252ULL;
	for (int i = 0; i < 50000; i++) {
		bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
		double v = i % 3 == 0   ? 1795000000 + (double)(bits >> 40) / 1e7
			   : i % 3 == 1 ? (double)(bits >> 11) * 0x1p-53
					: (double)(bits >> 44) / 1000;
		char text[DOUBLE_TEXT + 1], other[64];
		text[double_text(text, v)] = '\0';
		int least = 1;
		while (snprintf(other, sizeof other, "%.*e", least - 1, v) > 0 && strtod(other, NULL) != v)
			least++;
		if (strtod(text, NULL) != v || digits_in(text) > least)
			fail_msg("%.17g is written '%s', and %d digits would do", v, text, least);
	}
}

static void
text_is_escaped_and_nothing_more(void **state)
{
	(void)state;
	JSON("\xa0", "\"\"");
	JSON("\xa9say \"hi\"!", "\"say \\\"hi\\\"!\"");
	JSON("\xa8"
	     "\\/\b\f\n\r\t\x01",
	    "\"\\\\/\\b\\f\\n\\r\\t\\u0001\"");
	JSON("\xa3"
	     "a\x00z",
	    "\"a\\u0000z\"");
	JSON("\xa7"
	     "na\xc3\xafve\x7f",
	    "\"na\xc3\xafve\\u007f\"");
	JSON("\xb3plain and long text", "\"plain and long text\"");
	JSON("\xb3plain and \"ong te\nt", "\"plain and \\\"ong te\\nt\"");
}

static void
every_byte_at_every_place_is_escaped_the_same(void **state)
{
	(void)state;
	for (int c = 0; c < 128; c++) {
		struct buf alone = {0};
		uint8_t one[2] = {0xa1, (uint8_t)c};
		json_object((struct bytes){one, 2}, &alone);
		for (size_t at = 0; at < 24; at++) {
			uint8_t text[26] = {0xd9, 24};
			memset(text + 2, 'x', 24);
			text[2 + at] = (uint8_t)c;
			struct buf out = {0}, expected = {0};
			json_object((struct bytes){text, 26}, &out);
			buf_printf(&expected, "\"%.*s%.*s%.*s\"", (int)at, "xxxxxxxxxxxxxxxxxxxxxxxx",
			    (int)alone.len - 2, (char *)alone.data + 1, (int)(23 - at), "xxxxxxxxxxxxxxxxxxxxxxxx");
			assert_int_equal(out.len, expected.len);
			assert_memory_equal(out.data, expected.data, out.len);
			buf_fini(&out);
			buf_fini(&expected);
		}
		buf_fini(&alone);
	}
}

static void
bytes_and_text_that_is_not_utf8_are_base64(void **state)
{
	(void)state;
	JSON("\xc4\x00", "{\"$bin\":\"\"}");
	JSON("\xc4\x01"
	     "f",
	    "{\"$bin\":\"Zg==\"}");
	JSON("\xc4\x02"
	     "fo",
	    "{\"$bin\":\"Zm8=\"}");
	JSON("\xc4\x03"
	     "foo",
	    "{\"$bin\":\"Zm9v\"}");
	JSON("\xc4\x06"
	     "foobar",
	    "{\"$bin\":\"Zm9vYmFy\"}");
	JSON("\xa2\xff\xfe", "{\"$bin\":\"//4=\"}");
	JSON("\xd4\x05"
	     "a",
	    "{\"$ext\":[5,\"YQ==\"]}");
	JSON("\xd4\xff"
	     "a",
	    "{\"$ext\":[-1,\"YQ==\"]}");
}

static void
maps_keep_their_order_and_odd_ones_become_lists_of_pairs(void **state)
{
	(void)state;
	JSON("\x80", "{}");
	JSON("\x82\xa1z\x01\xa1"
	     "a\x02",
	    "{\"z\":1,\"a\":2}");
	JSON("\x82\xa1z\x01\x07\x02", "{\"$map\":[[\"z\",1],[7,2]]}");
	JSON("\x81\xa4$bin\x01", "{\"$map\":[[\"$bin\",1]]}");
	JSON("\x81\xa4$num\x01", "{\"$map\":[[\"$num\",1]]}");
	JSON("\x81\xa5$nums\x01", "{\"$nums\":1}");
	JSON("\x81\xa1\xff\x01", "{\"$map\":[[{\"$bin\":\"/w==\"},1]]}");
	JSON("\x81\x81\x01\x02\x03", "{\"$map\":[[{\"$map\":[[1,2]]},3]]}");
	JSON("\x82\xa1"
	     "a\x81\x01\x02\xa1"
	     "b\x90",
	    "{\"a\":{\"$map\":[[1,2]]},\"b\":[]}");
	JSON("\x93\x01\x92\x02\x03\xc0", "[1,[2,3],null]");
}

/* An odd key at the bottom of maps in maps must not make each level be written again. */
static void
deep_odd_maps_take_no_longer_than_deep_ones(void **state)
{
	(void)state;
	struct buf in = {0}, out = {0};
	for (int depth = 0; depth < MP_DEPTH_MAX - 1; depth++) {
		mp_add_map(&in, 1);
		mp_add_strz(&in, "k");
	}
	mp_add_map(&in, 1);
	mp_add_uint(&in, 1);
	mp_add_nil(&in);
	json_object((struct bytes){in.data, in.len}, &out); /* 2^63 rewrites would not end */
	assert_true(out.len > 6 * (MP_DEPTH_MAX - 1));
	buf_fini(&in);
	buf_fini(&out);
}

/* An object of any kinds that the quick way writes, and perhaps of some that it does not. */
static void
add_any(struct buf *b, uint64_t *seed, int depth)
{
	static const char *const texts[] = {"", "a", "sixteen bytes, 1", "seventeen bytes 17", "say \"hi\" and go\n",
	    "na\xc3\xafve", "long enough for three steps, and \\ in it", "\x7f", "$bin", "$", "not \xff UTF-8"};
	uint64_t r = *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	uint32_t n = (uint32_t)(r >> 40) % 4;
	const char *text = texts[(r >> 20) % (sizeof texts / sizeof *texts)];
	switch (depth > 3 ? (r >> 33) % 7 : (r >> 33) % 9) {
	case 0:
		mp_add_uint(b, r >> (r >> 8) % 64);
		break;
	case 1:
		mp_add_int(b, (int64_t)r >> (r >> 8) % 64);
		break;
	case 2:
		mp_add_double(b, (double)(int64_t)r / 1e9);
		break;
	case 3:
		mp_add_bool(b, r & 64);
		break;
	case 4:
		mp_add_bin(b, text, strlen(text));
		break;
	case 5:
	case 6:
		mp_add_str(b, text, strlen(text));
		break;
	case 7:
		mp_add_array(b, n);
		for (uint32_t i = 0; i < n; i++)
			add_any(b, seed, depth + 1);
		break;
	default:
		mp_add_map(b, n);
		for (uint32_t i = 0; i < n; i++) {
			mp_add_strz(b, texts[(r >> (8 + i)) % 9]);
			add_any(b, seed, depth + 1);
		}
	}
}

/* What stands beside an ext is written the slow way, and must come out the same. */
static void
the_quick_way_and_the_slow_way_write_the_same(void **state)
{
	static const uint8_t ext[] = {0xd4, 5, 1};
	uint64_t seed = 1;
	int quick = 0;
	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct buf object = {0}, pair = {0}, one = {0}, both = {0};
		add_any(&object, &seed, 0);
		mp_add_array(&pair, 2);
		buf_put(&pair, object.data, object.len);
		buf_put(&pair, ext, sizeof ext);
		quick += json_quick((struct bytes){object.data, object.len}, &one);
		if (one.len == 0)
			json_object((struct bytes){object.data, object.len}, &one);
		json_object((struct bytes){pair.data, pair.len}, &both);
		static const char behind[] = ",{\"$ext\":[5,\"AQ==\"]}]";
		assert_int_equal(both.len, one.len + 1 + sizeof behind - 1);
		assert_memory_equal(both.data + 1, one.data, one.len);
		buf_fini(&object);
		buf_fini(&pair);
		buf_fini(&one);
		buf_fini(&both);
	}
	assert_in_range(quick, 10000, 19900); /* both ways were gone */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scalars_and_integers_of_64_bits_are_exact),
	    cmocka_unit_test(floats_are_short_and_stay_floats),
	    cmocka_unit_test(every_double_reads_back_bit_by_bit),
	    cmocka_unit_test(no_double_has_a_shorter_text),
	    cmocka_unit_test(the_quick_way_and_the_slow_way_write_the_same),
	    cmocka_unit_test(text_is_escaped_and_nothing_more),
	    cmocka_unit_test(every_byte_at_every_place_is_escaped_the_same),
	    cmocka_unit_test(bytes_and_text_that_is_not_utf8_are_base64),
	    cmocka_unit_test(maps_keep_their_order_and_odd_ones_become_lists_of_pairs),
	    cmocka_unit_test(deep_odd_maps_take_no_longer_than_deep_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
