/* SPDX-License-Identifier: ISC */
/* mp: every kind at its borders, compared with msgpack-c, and what must be refused. */
#include "libbx/core/mp.h"

#include <msgpack.h>

#include "tests/unit/unit.h"

/* msgpack-c asks for room for every item that a header claims; it must be told no, not be killed. */
#define TOLD_NO(sanitizer)                                                                                             \
	const char *__##sanitizer##_default_options(void);                                                             \
	const char *__##sanitizer##_default_options(void)                                                              \
	{                                                                                                              \
		return "allocator_may_return_null=1";                                                                  \
	}
TOLD_NO(asan)
TOLD_NO(tsan)

static msgpack_sbuffer theirs;
static struct buf ours;

static void
same_bytes(const char *what)
{
	if (ours.len != theirs.size || memcmp(ours.data, theirs.data, ours.len) != 0)
		fail_msg("%s: we write %zu bytes, msgpack-c %zu, or others", what, ours.len, theirs.size);
	assert_int_equal(ours.err, BX_OK);
}

static msgpack_packer *
both_empty(void)
{
	static msgpack_packer packer;
	buf_clear(&ours);
	msgpack_sbuffer_clear(&theirs);
	msgpack_packer_init(&packer, &theirs, msgpack_sbuffer_write);
	return &packer;
}

/* Reads one token that must be all there is. */
static struct mp_token
only_token(void)
{
	struct cursor c;
	struct mp_token t;
	cursor_init(&c, ours.data, ours.len);
	assert_true(mp_next(&c, &t));
	assert_int_equal(cursor_left(&c), 0);
	return t;
}

static const uint64_t unsigned_borders[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
    0xffffffff, 0x100000000, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
static const int64_t signed_borders[] = {-1, -32, -33, -127, -128, -129, -32767, -32768, -32769, INT32_MIN + 1LL,
    INT32_MIN, INT32_MIN - 1LL, INT64_MIN + 1, INT64_MIN, 0, 1, 127, 128, INT64_MAX};

static void
integers_are_written_as_msgpack_c_does_and_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(unsigned_borders); i++) {
		msgpack_pack_uint64(both_empty(), unsigned_borders[i]);
		mp_add_uint(&ours, unsigned_borders[i]);
		same_bytes("uint");
		struct mp_token t = only_token();
		assert_int_equal(t.kind, MP_UINT);
		assert_int_equal(t.u, unsigned_borders[i]);
	}
	for (size_t i = 0; i < COUNT_OF(signed_borders); i++) {
		msgpack_pack_int64(both_empty(), signed_borders[i]);
		mp_add_int(&ours, signed_borders[i]);
		same_bytes("int");
		struct mp_token t = only_token();
		assert_int_equal(t.kind, signed_borders[i] < 0 ? MP_INT : MP_UINT);
		assert_int_equal(t.i, signed_borders[i]);
	}
}

static void
a_longer_form_than_needed_reads_the_same(void **state)
{
	(void)state;
	static const uint8_t five[][9] = {{0x05}, {0xcc, 5}, {0xcd, 0, 5}, {0xce, 0, 0, 0, 5},
	    {0xcf, 0, 0, 0, 0, 0, 0, 0, 5}, {0xd0, 5}, {0xd1, 0, 5}, {0xd2, 0, 0, 0, 5},
	    {0xd3, 0, 0, 0, 0, 0, 0, 0, 5}};
	static const size_t sizes[] = {1, 2, 3, 5, 9, 2, 3, 5, 9};
	for (size_t i = 0; i < COUNT_OF(five); i++) {
		struct cursor c;
		struct mp_token t;
		cursor_init(&c, five[i], sizes[i]);
		assert_true(mp_next(&c, &t));
		assert_int_equal(t.kind, MP_UINT);
		assert_int_equal(t.u, 5);
		assert_int_equal(cursor_left(&c), 0);
	}
}

static void
scalars_are_written_as_msgpack_c_does_and_read_back(void **state)
{
	(void)state;
	static const double doubles[] = {0.0, -0.0, 1.5, -1e300, 5e-324, 1.0 / 0.0};
	msgpack_pack_nil(both_empty());
	mp_add_nil(&ours);
	same_bytes("nil");
	assert_int_equal(only_token().kind, MP_NIL);
	for (int v = 0; v < 2; v++) {
		msgpack_packer *pk = both_empty();
		v ? msgpack_pack_true(pk) : msgpack_pack_false(pk);
		mp_add_bool(&ours, v);
		same_bytes("bool");
		assert_int_equal(only_token().kind, MP_BOOL);
		assert_int_equal(only_token().b, v);
	}
	for (size_t i = 0; i < COUNT_OF(doubles); i++) {
		msgpack_pack_double(both_empty(), doubles[i]);
		mp_add_double(&ours, doubles[i]);
		same_bytes("double");
		assert_int_equal(only_token().kind, MP_FLOAT);
		assert_false(only_token().single);
		assert_int_equal(bits_of_double(only_token().f), bits_of_double(doubles[i]));
	}
	msgpack_pack_float(both_empty(), 1.25F);
	ours.len = (size_t)(mp_put_float(buf_reserve(&ours, MP_HEADER_MAX), 1.25F) - ours.data);
	same_bytes("float");
	assert_true(only_token().single);
	assert_true(only_token().f == 1.25);
}

static const size_t lengths[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000};

static void
text_and_bytes_are_written_as_msgpack_c_does_and_read_back(void **state)
{
	(void)state;
	static char text[70000];
	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		msgpack_packer *pk = both_empty();
		msgpack_pack_str(pk, lengths[i]);
		msgpack_pack_str_body(pk, text, lengths[i]);
		mp_add_str(&ours, text, lengths[i]);
		same_bytes("str");
		struct mp_token t = only_token();
		assert_int_equal(t.kind, MP_STR);
		assert_int_equal(t.len, lengths[i]);
		assert_memory_equal(t.data, text, t.len);

		pk = both_empty();
		msgpack_pack_bin(pk, lengths[i]);
		msgpack_pack_bin_body(pk, text, lengths[i]);
		mp_add_bin(&ours, text, lengths[i]);
		same_bytes("bin");
		t = only_token();
		assert_int_equal(t.kind, MP_BIN);
		assert_int_equal(t.len, lengths[i]);
	}
}

static void
headers_are_written_as_msgpack_c_does_and_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		msgpack_pack_array(both_empty(), lengths[i]);
		mp_add_array(&ours, (uint32_t)lengths[i]);
		same_bytes("array");
		assert_int_equal(only_token().kind, MP_ARRAY);
		assert_int_equal(only_token().len, lengths[i]);

		msgpack_pack_map(both_empty(), lengths[i]);
		mp_add_map(&ours, (uint32_t)lengths[i]);
		same_bytes("map");
		assert_int_equal(only_token().kind, MP_MAP);
		assert_int_equal(only_token().len, lengths[i]);
	}
}

static void
every_form_of_ext_is_read(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 2, 3, 4, 8, 16, 17, 255, 256, 65535, 65536};
	static char data[65536];
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		msgpack_packer *pk = both_empty();
		msgpack_pack_ext(pk, sizes[i], -5);
		msgpack_pack_ext_body(pk, data, sizes[i]);
		buf_put(&ours, theirs.data, theirs.size);
		struct mp_token t = only_token();
		assert_int_equal(t.kind, MP_EXT);
		assert_int_equal(t.ext, -5);
		assert_int_equal(t.len, sizes[i]);
	}
}

/* One object of every kind and width, nested. */
static void
write_everything(struct buf *b)
{
	static const char long_text[300];
	mp_add_map(b, 5);
	mp_add_strz(b, "ints");
	mp_add_array(b, COUNT_OF(unsigned_borders) + COUNT_OF(signed_borders));
	for (size_t i = 0; i < COUNT_OF(unsigned_borders); i++)
		mp_add_uint(b, unsigned_borders[i]);
	for (size_t i = 0; i < COUNT_OF(signed_borders); i++)
		mp_add_int(b, signed_borders[i]);
	mp_add_uint(b, 5);
	mp_add_map(b, 1);
	mp_add_nil(b);
	mp_add_array(b, 0);
	mp_add_strz(b, "text");
	mp_add_str(b, long_text, 40);
	mp_add_strz(b, "long");
	mp_add_bin(b, long_text, sizeof long_text);
	mp_add_strz(b, "ext");
	buf_put(b, "\xd6\x01wxyz", 6);
}

static void
an_object_is_skipped_whole_and_is_short_at_every_truncation(void **state)
{
	(void)state;
	both_empty();
	write_everything(&ours);
	for (size_t len = 0; len <= ours.len; len++) {
		uint8_t *copy = malloc(len ? len : 1); /* a read past the end shows under the sanitizer */
		assert_non_null(copy);
		memcpy(copy, ours.data, len);
		struct cursor c;
		cursor_init(&c, copy, len);
		assert_int_equal(mp_skip(&c), len == ours.len);
		assert_int_equal(cursor_err(&c), len == ours.len ? BX_OK : BX_ESHORT);
		assert_int_equal(mp_is_one_map(copy, len), len == ours.len);
		free(copy);
	}
	for (size_t behind = 0; behind < 100; behind++) { /* what lies behind does not count, whatever it is */
		size_t room = ours.len + behind;
		uint8_t *copy = malloc(room);
		assert_non_null(copy);
		memcpy(copy, ours.data, ours.len);
		memset(copy + ours.len, behind % 2 ? 0xc1 : 0, behind);
		for (size_t len = 0; len <= room; len++)
			assert_int_equal(mp_is_one_map_in(copy, len, room), len == ours.len);
		free(copy);
	}
	buf_putc(&ours, 0);
	assert_false(mp_is_one_map(ours.data, ours.len)); /* something behind it */
	struct cursor c;
	cursor_init(&c, ours.data, ours.len);
	assert_true(mp_skip(&c));
	assert_int_equal(cursor_left(&c), 1);
}

static void
msgpack_c_agrees_about_every_flipped_byte(void **state)
{
	(void)state;
	both_empty();
	write_everything(&ours);
	for (size_t at = 0; at < ours.len; at++) {
		for (unsigned v = 0; v < 256; v += at < 64 ? 1 : 37) {
			uint8_t kept = ours.data[at];
			ours.data[at] = (uint8_t)v;
			struct cursor c;
			cursor_init(&c, ours.data, ours.len);
			bool whole = mp_skip(&c);
			msgpack_unpacked result;
			msgpack_unpacked_init(&result);
			size_t end = 0;
			int theirs_says = msgpack_unpack_next(&result, (const char *)ours.data, ours.len, &end);
			bool theirs_whole =
			    theirs_says == MSGPACK_UNPACK_SUCCESS || theirs_says == MSGPACK_UNPACK_EXTRA_BYTES;
			msgpack_unpacked_destroy(&result);
			if (whole != theirs_whole || (whole && end != cursor_offset(&c)))
				fail_msg("byte %zu as 0x%02x: we end at %zu (%s), msgpack-c at %zu (%d)", at, v,
				    cursor_offset(&c), bx_err_text(c.err), end, theirs_says);
			ours.data[at] = kept;
		}
	}
}

static void
nesting_is_bounded_and_says_so(void **state)
{
	(void)state;
	uint8_t deep[MP_DEPTH_MAX + 2];
	memset(deep, 0x91, sizeof deep); /* arrays of one item */
	deep[MP_DEPTH_MAX] = 0xc0;
	struct cursor c;
	cursor_init(&c, deep, MP_DEPTH_MAX + 1);
	assert_true(mp_skip(&c));
	deep[MP_DEPTH_MAX] = 0x91;
	deep[MP_DEPTH_MAX + 1] = 0xc0;
	cursor_init(&c, deep, sizeof deep);
	assert_false(mp_skip(&c));
	assert_int_equal(cursor_err(&c), BX_ELIMIT);
}

static void
the_reserved_byte_is_malformed_wherever_it_stands(void **state)
{
	(void)state;
	static const uint8_t alone[] = {0xc1}, inside[] = {0x81, 0xa1, 'k', 0xc1}, as_key[] = {0x81, 0xc1, 0xc0};
	static const struct {
		const uint8_t *p;
		size_t n;
	} cases[] = {{alone, 1}, {inside, 4}, {as_key, 3}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct cursor c;
		cursor_init(&c, cases[i].p, cases[i].n);
		assert_false(mp_skip(&c));
		assert_int_equal(cursor_err(&c), BX_EBAD);
		assert_false(mp_is_one_map(cases[i].p, cases[i].n));
	}
}

static void
huge_lengths_are_short_and_cost_nothing(void **state)
{
	(void)state;
	static const uint8_t first_bytes[] = {0xc6, 0xc9, 0xdb, 0xdd, 0xdf};
	for (size_t i = 0; i < COUNT_OF(first_bytes); i++) {
		uint8_t b[16] = {first_bytes[i], 0xff, 0xff, 0xff, 0xff, 1};
		struct cursor c;
		cursor_init(&c, b, sizeof b);
		assert_false(mp_skip(&c));
		assert_int_equal(cursor_err(&c), BX_ESHORT);
	}
}

static void
only_a_map_is_one_map(void **state)
{
	(void)state;
	assert_true(mp_is_one_map("\x80", 1));
	assert_false(mp_is_one_map("\x80", 0));
	assert_false(mp_is_one_map("\x90", 1));
	assert_false(mp_is_one_map("\xc0", 1));
	assert_true(mp_is_one_map("\xde\0\0", 3));
	assert_true(mp_is_one_map("\xdf\0\0\0\0", 5));
}

static void
utf8_is_told_from_what_is_not(void **state)
{
	(void)state;
	static const char *const good[] = {"", "ascii only", "12345678", "12345678\xc3\xa9", "\xc2\x80", "\xdf\xbf",
	    "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
	    "a\xc3\xa9z\xe2\x82\xac"};
	static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf",
	    "\xed\xa0\x80", "\xe2\x82", "\xe2\x82x", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
	    "\xf0\x90\x80", "\xff", "1234567\x80", "12345678\xff", "\xf0\x90\x80z"};
	for (size_t i = 0; i < COUNT_OF(good); i++)
		if (!mp_is_utf8(good[i], strlen(good[i])))
			fail_msg("good text %zu is refused", i);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (mp_is_utf8(bad[i], strlen(bad[i])))
			fail_msg("bad text %zu is taken", i);
	assert_true(mp_is_utf8("a\0b", 3));
}

static void
the_quick_look_at_text_agrees_at_every_length(void **state)
{
	(void)state;
	uint8_t b[40];
	for (size_t n = 0; n <= sizeof b; n++) {
		memset(b, 'a', sizeof b);
		assert_true(mp_is_text(b, n));
		for (size_t at = 0; at < n; at++) {
			b[at] = 0x80;
			if (mp_is_text(b, n))
				fail_msg("a lone continuation byte at %zu of %zu is taken", at, n);
			b[at] = 'a';
			if (at + 1 == n)
				continue;
			memcpy(b + at, "\xc3\xa9", 2);
			if (!mp_is_text(b, n))
				fail_msg("a character at %zu of %zu is refused", at, n);
			memset(b + at, 'a', 2);
		}
	}
}

static void
every_code_point_is_judged_as_the_table_says(void **state)
{
	(void)state;
	for (uint32_t cp = 0x800; cp < 0x120000; cp++) {
		uint8_t b[4];
		size_t n = cp < 0x10000 ? 3 : 4;
		b[0] = (uint8_t)(n == 3 ? 0xe0 | cp >> 12 : 0xf0 | cp >> 18);
		for (size_t i = 1; i < n; i++)
			b[i] = (uint8_t)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3f));
		bool expected = cp <= 0x10ffff && !(cp >= 0xd800 && cp <= 0xdfff);
		if (mp_is_utf8(b, n) != expected)
			fail_msg("U+%04X is judged wrong", cp);
		if (mp_is_utf8(b, n - 1))
			fail_msg("U+%04X cut short is taken", cp);
	}
}

static int
free_both(void **state)
{
	(void)state;
	buf_fini(&ours);
	msgpack_sbuffer_destroy(&theirs);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(integers_are_written_as_msgpack_c_does_and_read_back),
	    cmocka_unit_test(a_longer_form_than_needed_reads_the_same),
	    cmocka_unit_test(scalars_are_written_as_msgpack_c_does_and_read_back),
	    cmocka_unit_test(text_and_bytes_are_written_as_msgpack_c_does_and_read_back),
	    cmocka_unit_test(headers_are_written_as_msgpack_c_does_and_read_back),
	    cmocka_unit_test(every_form_of_ext_is_read),
	    cmocka_unit_test(an_object_is_skipped_whole_and_is_short_at_every_truncation),
	    cmocka_unit_test(msgpack_c_agrees_about_every_flipped_byte),
	    cmocka_unit_test(nesting_is_bounded_and_says_so),
	    cmocka_unit_test(the_reserved_byte_is_malformed_wherever_it_stands),
	    cmocka_unit_test(huge_lengths_are_short_and_cost_nothing),
	    cmocka_unit_test(only_a_map_is_one_map),
	    cmocka_unit_test(utf8_is_told_from_what_is_not),
	    cmocka_unit_test(the_quick_look_at_text_agrees_at_every_length),
	    cmocka_unit_test(every_code_point_is_judged_as_the_table_says),
	};
	return cmocka_run_group_tests(tests, NULL, free_both);
}
