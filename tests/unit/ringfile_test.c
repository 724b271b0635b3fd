/* SPDX-License-Identifier: ISC */
/* ringfile: the reader's checks against a writer that died, lied or scribbled. */
#include "libbx/core/ringfile.h"

#include "libbx/core/frame.h"
#include "tests/unit/unit.h"

enum { CAPACITY = RING_CAPACITY_MIN };

/* A record as a writer lays it down; returns its size. */
static size_t
lay_record(uint8_t *at, uint64_t pos, const char *type, const char *map)
{
	struct ring_record r = {.map_len = (uint32_t)strlen(map), .type_len = (uint16_t)strlen(type), .end = 12.5};
	r.pos = pos;
	memcpy(at, &r, sizeof r);
	memcpy(at + sizeof r, type, r.type_len);
	memcpy(at + sizeof r + r.type_len, map, r.map_len);
	return ring_record_size(r.type_len, r.map_len);
}

static struct ring_header
good_header(void)
{
	struct ring_header h = {.layout = RING_LAYOUT, .header_bytes = RING_HEADER_BYTES, .capacity = CAPACITY};
	memcpy(h.magic, RING_MAGIC, sizeof h.magic);
	return h;
}

static void
a_record_is_read_back(void **state)
{
	(void)state;
	uint8_t b[256] = {0};
	struct ring_view v;
	size_t n = lay_record(b, CAPACITY, "request", "\x81\xa1k\x01");
	assert_int_equal(n % 8, 0);
	assert_int_equal(ring_record_read(b, sizeof b, CAPACITY, CAPACITY, &v), BX_OK);
	assert_int_equal(v.size, n);
	assert_int_equal(v.type_len, 7);
	assert_memory_equal(v.type, "request", 7);
	assert_int_equal(v.map_len, 4);
	assert_memory_equal(v.map, "\x81\xa1k\x01", 4);
	assert_true(v.end == 12.5);
}

static void
records_follow_one_another(void **state)
{
	(void)state;
	uint8_t b[2048] = {0};
	uint64_t pos = 5 * (uint64_t)CAPACITY + 64;
	size_t at = 0;
	for (int i = 0; i < 20; i++) {
		char map[32];
		snprintf(map, sizeof map, "%.*s", i, "mmmmmmmmmmmmmmmmmmmmmmmm");
		at += lay_record(b + at, pos + at, i % 2 ? "a" : "longer.type", map);
	}
	size_t walked = 0;
	for (int i = 0; i < 20; i++) {
		struct ring_view v;
		assert_int_equal(ring_record_read(b + walked, at - walked, pos + walked, CAPACITY, &v), BX_OK);
		assert_int_equal(v.map_len, i);
		walked += v.size;
	}
	assert_int_equal(walked, at);
}

static void
a_copy_that_ends_inside_is_short_at_every_length(void **state)
{
	(void)state;
	uint8_t b[256] = {0};
	size_t n = lay_record(b, CAPACITY, "request", "0123456789");
	for (size_t len = 0; len <= n; len++) {
		uint8_t *copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, b, len);
		struct ring_view v;
		assert_int_equal(ring_record_read(copy, len, CAPACITY, CAPACITY, &v), len == n ? BX_OK : BX_ESHORT);
		free(copy);
	}
}

static void
every_wrong_bit_of_the_position_word_is_noticed(void **state)
{
	(void)state;
	uint8_t b[64] = {0};
	lay_record(b, CAPACITY, "t", "\x80");
	for (int bit = 0; bit < 64; bit++) {
		struct ring_view v;
		assert_int_equal(ring_record_read(b, sizeof b, CAPACITY ^ (1ULL << bit), CAPACITY, &v), BX_EBAD);
	}
}

static void
zeroed_memory_is_never_a_record(void **state)
{
	(void)state;
	uint8_t b[64] = {0};
	struct ring_view v;
	for (uint64_t pos = CAPACITY; pos < 4 * CAPACITY; pos += 8)
		assert_int_equal(ring_record_read(b, sizeof b, pos, CAPACITY, &v), BX_EBAD);
}

static void
lengths_that_no_writer_writes_are_damage(void **state)
{
	(void)state;
	static uint8_t b[CAPACITY];
	static const uint32_t lies[] = {
	    CAPACITY / 4 - RING_RECORD_HEADER + 1, CAPACITY, 0x7fffffff, 0xffffffe8, 0xffffffff};
	struct ring_view v;
	for (size_t i = 0; i < COUNT_OF(lies); i++) {
		lay_record(b, CAPACITY, "", "");
		memcpy(b + offsetof(struct ring_record, map_len), &lies[i], 4);
		assert_int_equal(ring_record_read(b, sizeof b, CAPACITY, CAPACITY, &v), BX_EBAD);
	}
	uint32_t most = CAPACITY / 4 - RING_RECORD_HEADER;
	memcpy(b + offsetof(struct ring_record, map_len), &most, 4);
	assert_int_equal(ring_record_read(b, sizeof b, CAPACITY, CAPACITY, &v), BX_OK);
	uint16_t long_type = FRAME_TYPE_MAX + 1;
	lay_record(b, CAPACITY, "", "");
	memcpy(b + offsetof(struct ring_record, type_len), &long_type, 2);
	assert_int_equal(ring_record_read(b, sizeof b, CAPACITY, CAPACITY, &v), BX_EBAD);
	uint16_t flags = 1;
	lay_record(b, CAPACITY, "t", "\x80");
	memcpy(b + offsetof(struct ring_record, flags), &flags, 2);
	assert_int_equal(ring_record_read(b, sizeof b, CAPACITY, CAPACITY, &v), BX_EBAD);
}

static void
record_sizes_are_rounded_up_to_eight(void **state)
{
	(void)state;
	assert_int_equal(ring_record_size(0, 0), 24);
	assert_int_equal(ring_record_size(1, 0), 32);
	assert_int_equal(ring_record_size(3, 5), 32);
	assert_int_equal(ring_record_size(3, 6), 40);
	assert_int_equal(ring_record_size(UINT16_MAX, UINT32_MAX), (24 + 65535 + 4294967295ULL + 7) / 8 * 8);
}

static void
a_header_is_valid_only_as_a_whole(void **state)
{
	(void)state;
	struct ring_header h = good_header();
	assert_true(ring_header_valid(&h));
	h.magic[0] ^= 1;
	assert_false(ring_header_valid(&h));
	h = good_header();
	h.layout++;
	assert_false(ring_header_valid(&h));
	h = good_header();
	h.header_bytes = 512;
	assert_false(ring_header_valid(&h));
	static const uint64_t bad_capacities[] = {
	    0, 1, CAPACITY / 2, CAPACITY - 8, CAPACITY + 8, 3 * CAPACITY, 2 * (uint64_t)RING_CAPACITY_MAX, UINT64_MAX};
	for (size_t i = 0; i < COUNT_OF(bad_capacities); i++) {
		h = good_header();
		h.capacity = bad_capacities[i];
		assert_false(ring_header_valid(&h));
	}
	for (uint64_t capacity = RING_CAPACITY_MIN; capacity <= RING_CAPACITY_MAX; capacity *= 2) {
		h = good_header();
		h.capacity = capacity;
		assert_true(ring_header_valid(&h));
	}
}

static void
a_program_name_without_an_end_is_not_valid(void **state)
{
	(void)state;
	struct ring_header h = good_header();
	memset(h.program, 'p', sizeof h.program);
	assert_false(ring_header_valid(&h));
	h.program[sizeof h.program - 1] = '\0';
	assert_true(ring_header_valid(&h));
}

static void
the_layout_is_what_the_document_says(void **state)
{
	(void)state;
	assert_int_equal(offsetof(struct ring_header, layout), 8);
	assert_int_equal(offsetof(struct ring_header, header_bytes), 12);
	assert_int_equal(offsetof(struct ring_header, capacity), 16);
	assert_int_equal(offsetof(struct ring_header, nonce), 24);
	assert_int_equal(offsetof(struct ring_header, boot_id), 40);
	assert_int_equal(offsetof(struct ring_header, pid), 56);
	assert_int_equal(offsetof(struct ring_header, pidns), 64);
	assert_int_equal(offsetof(struct ring_header, starttime), 72);
	assert_int_equal(offsetof(struct ring_header, program), 80);
	assert_int_equal(offsetof(struct ring_header, head), 256);
	assert_int_equal(offsetof(struct ring_header, events), 264);
	assert_int_equal(offsetof(struct ring_header, dropped_events), 272);
	assert_int_equal(offsetof(struct ring_header, dropped_bytes), 280);
	assert_int_equal(offsetof(struct ring_header, first_drop), 288);
	assert_int_equal(offsetof(struct ring_header, last_drop), 296);
	assert_int_equal(offsetof(struct ring_header, dropped_by), 304);
	assert_int_equal(offsetof(struct ring_header, tail), 384);
	assert_int_equal(offsetof(struct ring_header, tail_check), 392);
	assert_int_equal(offsetof(struct ring_header, please_leave), 400);
	assert_int_equal(offsetof(struct ring_record, map_len), 8);
	assert_int_equal(offsetof(struct ring_record, type_len), 12);
	assert_int_equal(offsetof(struct ring_record, flags), 14);
	assert_int_equal(offsetof(struct ring_record, end), 16);
	assert_true((int)DROP_REASONS <= (int)RING_DROP_SLOTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_record_is_read_back),
	    cmocka_unit_test(records_follow_one_another),
	    cmocka_unit_test(a_copy_that_ends_inside_is_short_at_every_length),
	    cmocka_unit_test(every_wrong_bit_of_the_position_word_is_noticed),
	    cmocka_unit_test(zeroed_memory_is_never_a_record),
	    cmocka_unit_test(lengths_that_no_writer_writes_are_damage),
	    cmocka_unit_test(record_sizes_are_rounded_up_to_eight),
	    cmocka_unit_test(a_header_is_valid_only_as_a_whole),
	    cmocka_unit_test(a_program_name_without_an_end_is_not_valid),
	    cmocka_unit_test(the_layout_is_what_the_document_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
