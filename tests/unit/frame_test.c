/* SPDX-License-Identifier: ISC */
/* frame: what was put in comes out; every truncation and every flipped bit is noticed. */
#include "libbx/core/frame.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"
#include "tests/unit/unit.h"

static const uint8_t origin[FRAME_ORIGIN] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct bytes
text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void
build(struct buf *b)
{
	size_t start = frame_start(b);
	frame_add(b, start, text("request"), 1.5, text("\x81\xa1k\x01"));
	frame_add(b, start, text(""), 2.5, text("\x80"));
	frame_add(b, start, text("request.sql"), -1, text("\x81\xa1k\x02"));
	assert_int_equal(frame_seal(b, start, origin, 42), BX_OK);
}

/* Makes the checksum right again after a change, so that what lies behind the checksum can be tested. */
static void
reseal(uint8_t *p, size_t n)
{
	put_u64le(p + 8, XXH3_64bits_withSeed(p + 16, n - 16, get_u64le(p)));
}

static void
what_was_added_comes_out_in_order(void **state)
{
	(void)state;
	struct buf b = {0};
	struct frame f;
	struct frame_event ev;
	build(&b);
	assert_int_equal(frame_open(b.data, b.len, &f), BX_OK);
	assert_int_equal(f.len, b.len);
	assert_int_equal(f.seq, 42);
	assert_int_equal(f.count, 3);
	assert_memory_equal(f.origin, origin, sizeof origin);
	assert_true(frame_next(&f, &ev));
	assert_true(
	    bytes_equal(ev.type, text("request")) && bytes_equal(ev.map, text("\x81\xa1k\x01")) && ev.end == 1.5);
	assert_true(frame_next(&f, &ev));
	assert_true(bytes_equal(ev.type, text("")) && bytes_equal(ev.map, text("\x80")) && ev.end == 2.5);
	assert_true(frame_next(&f, &ev));
	assert_true(bytes_equal(ev.type, text("request.sql")) && ev.end == -1);
	assert_false(frame_next(&f, &ev));
	assert_false(frame_next(&f, &ev));
	buf_fini(&b);
}

static void
a_frame_behind_other_bytes_is_the_same_frame(void **state)
{
	(void)state;
	struct buf alone = {0}, behind = {0};
	build(&alone);
	buf_puts(&behind, "seven b");
	build(&behind);
	assert_int_equal(behind.len, alone.len + 7);
	assert_memory_equal(behind.data + 7, alone.data, alone.len);
	struct frame f;
	buf_puts(&behind, "and more behind");
	assert_int_equal(frame_open(behind.data + 7, behind.len - 7, &f), BX_OK);
	assert_int_equal(f.len, alone.len);
	assert_int_equal(frame_length(behind.data + 7, 4), alone.len);
	buf_fini(&alone);
	buf_fini(&behind);
}

static void
every_truncation_is_short(void **state)
{
	(void)state;
	struct buf b = {0};
	build(&b);
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		assert_non_null(copy);
		memcpy(copy, b.data, n);
		struct frame f;
		assert_int_equal(frame_open(copy, n, &f), BX_ESHORT);
		assert_int_equal(f.len, 0);
		free(copy);
	}
	buf_fini(&b);
}

static void
every_flipped_bit_is_noticed(void **state)
{
	(void)state;
	struct buf b = {0};
	build(&b);
	for (size_t bit = 0; bit < 8 * b.len; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		struct frame f;
		if (frame_open(b.data, b.len, &f) == BX_OK)
			fail_msg("bit %zu flipped and nobody noticed", bit);
		b.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	buf_fini(&b);
}

static void
lengths_that_lie_under_a_right_checksum_are_malformed(void **state)
{
	(void)state;
	static const uint32_t lies[] = {0, 1, 2, 3, 5, 100, 0x7fffffff, 0xfffffff0, 0xffffffff};
	struct buf b = {0};
	struct frame f;
	build(&b);
	for (size_t i = 0; i < COUNT_OF(lies); i++) {
		uint8_t kept[8];
		memcpy(kept, b.data + FRAME_HEADER, 8);
		put_u32le(b.data + FRAME_HEADER + 4, lies[i]); /* of the first map */
		reseal(b.data, b.len);
		assert_int_equal(frame_open(b.data, b.len, &f), BX_EBAD);
		memcpy(b.data + FRAME_HEADER, kept, 8);
		put_u16le(b.data + FRAME_HEADER, (uint16_t)(lies[i] | 0x800)); /* of the first type */
		reseal(b.data, b.len);
		assert_int_equal(frame_open(b.data, b.len, &f), BX_EBAD);
		memcpy(b.data + FRAME_HEADER, kept, 8);
	}
	for (unsigned n = 1; n <= FRAME_TYPE_MAX;
	     n++) { /* the second type: past the end, where a third event would be */
		uint8_t *copy = malloc(b.len), *second = copy + FRAME_HEADER + FRAME_EVENT_HEADER + 11;
		assert_non_null(copy);
		memcpy(copy, b.data, b.len);
		put_u16le(second, (uint16_t)n);
		reseal(copy, b.len);
		assert_int_equal(frame_open(copy, b.len, &f), BX_EBAD);
		free(copy);
	}
	for (uint32_t count = 0; count < 6; count++) {
		put_u32le(b.data + 40, count);
		reseal(b.data, b.len);
		assert_int_equal(frame_open(b.data, b.len, &f), count == 3 ? BX_OK : BX_EBAD);
	}
	put_u32le(b.data + 40, UINT32_MAX);
	reseal(b.data, b.len);
	assert_int_equal(frame_open(b.data, b.len, &f), BX_EBAD);
	buf_fini(&b);
}

static void
a_newer_version_or_an_unknown_flag_is_no_damage(void **state)
{
	(void)state;
	struct buf b = {0};
	struct frame f;
	build(&b);
	b.data[4] = FRAME_VERSION + 1;
	assert_int_equal(frame_open(b.data, b.len, &f), BX_EVERSION);
	b.data[4] = FRAME_VERSION;
	b.data[5] = 1;
	reseal(b.data, b.len);
	assert_int_equal(frame_open(b.data, b.len, &f), BX_EVERSION);
	b.data[5] = 0;
	b.data[4] = 0;
	reseal(b.data, b.len);
	assert_int_equal(frame_open(b.data, b.len, &f), BX_EBAD);
	buf_fini(&b);
}

static void
bytes_that_must_be_zero_are(void **state)
{
	(void)state;
	static const size_t reserved[] = {6, 7, 44, 45, 46, 47, FRAME_HEADER + 2, FRAME_HEADER + 3};
	struct buf b = {0};
	build(&b);
	for (size_t i = 0; i < COUNT_OF(reserved); i++) {
		struct frame f;
		b.data[reserved[i]] = 1;
		reseal(b.data, b.len);
		if (frame_open(b.data, b.len, &f) != BX_EBAD)
			fail_msg("byte %zu is 1 and that was taken", reserved[i]);
		b.data[reserved[i]] = 0;
	}
	buf_fini(&b);
}

static void
lengths_out_of_bounds_are_no_frame(void **state)
{
	(void)state;
	uint8_t p[4];
	static const uint32_t bad[] = {0, 1, FRAME_HEADER - 1, FRAME_MAX + 1, UINT32_MAX};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		put_u32le(p, bad[i]);
		assert_int_equal(frame_length(p, 4), 0);
	}
	put_u32le(p, FRAME_HEADER);
	assert_int_equal(frame_length(p, 4), FRAME_HEADER);
	assert_int_equal(frame_length(p, 3), 0);
	put_u32le(p, FRAME_MAX);
	assert_int_equal(frame_length(p, 4), FRAME_MAX);
}

static void
a_frame_of_no_events_is_a_frame(void **state)
{
	(void)state;
	struct buf b = {0};
	struct frame f;
	struct frame_event ev;
	assert_int_equal(frame_seal(&b, frame_start(&b), origin, 1), BX_OK);
	assert_int_equal(b.len, FRAME_HEADER);
	assert_int_equal(frame_open(b.data, b.len, &f), BX_OK);
	assert_false(frame_next(&f, &ev));
	buf_fini(&b);
}

static void
what_a_reader_would_refuse_cannot_be_written(void **state)
{
	(void)state;
	static uint8_t big[FRAME_MAX];
	struct buf b = {0};
	size_t start = frame_start(&b);
	frame_add(&b, start, (struct bytes){big, FRAME_TYPE_MAX}, 0, text("\x80"));
	assert_int_equal(b.err, BX_OK);
	frame_add(&b, start, (struct bytes){big, FRAME_TYPE_MAX + 1}, 0, text("\x80"));
	assert_int_equal(b.err, BX_ELIMIT);
	assert_int_equal(frame_seal(&b, start, origin, 1), BX_ELIMIT);
	buf_fini(&b);
	start = frame_start(&b);
	frame_add(&b, start, text("t"), 0, (struct bytes){big, sizeof big});
	assert_int_equal(frame_seal(&b, start, origin, 1), BX_ELIMIT);
	buf_fini(&b);
	start = frame_start(&b);
	frame_add(&b, start, text("t"), 0, (struct bytes){big, 0});
	assert_int_equal(frame_seal(&b, start, origin, 1), BX_EBAD);
	buf_fini(&b);
}

static void
the_greatest_frame_is_taken(void **state)
{
	(void)state;
	static uint8_t big[FRAME_MAX];
	struct buf b = {0};
	struct frame f;
	size_t start = frame_start(&b);
	frame_add(&b, start, text("t"), 0, (struct bytes){big, FRAME_MAX - FRAME_HEADER - FRAME_EVENT_HEADER - 1});
	assert_int_equal(frame_seal(&b, start, origin, UINT64_MAX), BX_OK);
	assert_int_equal(b.len, FRAME_MAX);
	assert_int_equal(frame_open(b.data, b.len, &f), BX_OK);
	assert_int_equal(f.seq, UINT64_MAX);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_added_comes_out_in_order),
	    cmocka_unit_test(a_frame_behind_other_bytes_is_the_same_frame),
	    cmocka_unit_test(every_truncation_is_short),
	    cmocka_unit_test(every_flipped_bit_is_noticed),
	    cmocka_unit_test(lengths_that_lie_under_a_right_checksum_are_malformed),
	    cmocka_unit_test(a_newer_version_or_an_unknown_flag_is_no_damage),
	    cmocka_unit_test(bytes_that_must_be_zero_are),
	    cmocka_unit_test(lengths_out_of_bounds_are_no_frame),
	    cmocka_unit_test(a_frame_of_no_events_is_a_frame),
	    cmocka_unit_test(what_a_reader_would_refuse_cannot_be_written),
	    cmocka_unit_test(the_greatest_frame_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
