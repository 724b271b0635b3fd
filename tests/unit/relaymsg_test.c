/* SPDX-License-Identifier: ISC */
/* relaymsg: what is written is read the same; every truncation, every lie and every newer thing is told apart. */
#include "libbx/core/relaymsg.h"

#include "libbx/core/relaypack.h"
#include "tests/unit/unit.h"

static const uint8_t session[RELAY_SESSION] = {1, 2, 3, 4, 5, 6, 7, 8};

static struct bytes
text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct relay_msg
message(enum relay_kind kind)
{
	struct relay_msg m = {.kind = kind};
	memcpy(m.session, session, sizeof session);
	return m;
}

static void
write_hello(struct buf *b)
{
	struct relay_msg m = message(RELAY_HELLO);
	m.hello = (struct relay_hello){
	    .version = 1, .max_frame_version = 1, .features = RELAY_CAN_ZSTD, .node = text("web1")};
	assert_int_equal(relaymsg_write(b, &m), BX_OK);
}

static void
write_welcome(struct buf *b)
{
	struct relay_msg m = message(RELAY_WELCOME);
	m.hello = (struct relay_hello){.version = 1,
	    .max_frame_version = 2,
	    .features = 0,
	    .node = text(""),
	    .window = 32 << 20,
	    .max_msg = RELAY_MESSAGE_MAX,
	    .heartbeat_ms = 1000};
	assert_int_equal(relaymsg_write(b, &m), BX_OK);
}

static void
write_data(struct buf *b)
{
	struct relay_msg m = message(RELAY_DATA);
	struct buf frames = {0};
	relaymsg_add_frame(&frames, text("first"));
	relaymsg_add_frame(&frames, text(""));
	m.data = (struct relay_data){
	    .message = 7, .from = 1000, .count = 2, .plain = (uint32_t)frames.len, .frames = {frames.data, frames.len}};
	assert_int_equal(relaymsg_write(b, &m), BX_OK);
	buf_fini(&frames);
}

static void
write_ack(struct buf *b)
{
	struct relay_msg m = message(RELAY_ACK);
	struct buf list = {0};
	relaymsg_add_rejected(&list, 1000, RELAY_WHY_SUM);
	relaymsg_add_rejected(&list, 1001, RELAY_WHY_BAD);
	m.ack = (struct relay_ack){.upto = 1001, .rejected_count = 2, .rejected = list.data};
	assert_int_equal(relaymsg_write(b, &m), BX_OK);
	buf_fini(&list);
}

static void
write_busy(struct buf *b)
{
	struct relay_msg m = message(RELAY_BUSY);
	m.busy.retry_ms = 250;
	assert_int_equal(relaymsg_write(b, &m), BX_OK);
}

static void
write_nope(struct buf *b)
{
	struct relay_msg m = message(RELAY_NOPE);
	m.nope = (struct relay_nope){.reason = RELAY_GAP, .again = true};
	assert_int_equal(relaymsg_write(b, &m), BX_OK);
}

static void (*const writers[])(struct buf *) = {
    write_hello, write_welcome, write_data, write_ack, write_busy, write_nope};

static void
hello_and_welcome_come_out_as_they_went_in(void **state)
{
	(void)state;
	struct buf b = {0};
	struct relay_msg m;
	write_hello(&b);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_OK);
	assert_int_equal(m.kind, RELAY_HELLO);
	assert_memory_equal(m.session, session, sizeof session);
	assert_true(m.hello.version == 1 && m.hello.max_frame_version == 1 && m.hello.features == RELAY_CAN_ZSTD);
	assert_true(bytes_equal(m.hello.node, text("web1")));
	assert_true(m.hello.window == 0 && m.hello.max_msg == 0);
	buf_clear(&b);
	write_welcome(&b);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_OK);
	assert_int_equal(m.kind, RELAY_WELCOME);
	assert_true(m.hello.max_frame_version == 2 && m.hello.node.n == 0 && m.hello.window == 32 << 20);
	assert_true(m.hello.max_msg == RELAY_MESSAGE_MAX && m.hello.heartbeat_ms == 1000);
	buf_fini(&b);
}

static void
data_comes_out_as_it_went_in(void **state)
{
	(void)state;
	struct buf b = {0};
	struct relay_msg m;
	write_data(&b);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_OK);
	assert_true(m.kind == RELAY_DATA && m.data.message == 7 && m.data.from == 1000 && m.data.count == 2);
	assert_false(m.data.zstd);
	struct cursor c;
	struct bytes frame;
	cursor_init(&c, m.data.frames.p, m.data.frames.n);
	assert_true(relaymsg_next_frame(&c, &frame) && bytes_equal(frame, text("first")));
	assert_true(relaymsg_next_frame(&c, &frame) && frame.n == 0);
	assert_false(relaymsg_next_frame(&c, &frame));
	assert_int_equal(cursor_err(&c), BX_OK);
	buf_fini(&b);
}

static void
answers_come_out_as_they_went_in(void **state)
{
	(void)state;
	struct buf b = {0};
	struct relay_msg m;
	write_ack(&b);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_OK);
	assert_true(m.kind == RELAY_ACK && m.ack.upto == 1001 && m.ack.rejected_count == 2);
	struct relay_rejected first = relaymsg_rejected(&m.ack, 0), second = relaymsg_rejected(&m.ack, 1);
	assert_true(first.n == 1000 && first.why == RELAY_WHY_SUM);
	assert_true(second.n == 1001 && second.why == RELAY_WHY_BAD);
	buf_clear(&b);
	write_busy(&b);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_OK);
	assert_true(m.kind == RELAY_BUSY && m.busy.retry_ms == 250);
	buf_clear(&b);
	write_nope(&b);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_OK);
	assert_true(m.kind == RELAY_NOPE && m.nope.reason == RELAY_GAP && m.nope.again);
	buf_fini(&b);
}

/* DATA has no length of its own: ZeroMQ keeps a message whole, and `plain` says how long it must be. */
static void
every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t w = 0; w < COUNT_OF(writers); w++) {
		struct buf b = {0};
		writers[w](&b);
		for (size_t n = 0; n < b.len; n++) {
			uint8_t *copy = malloc(n ? n : 1);
			assert_non_null(copy);
			memcpy(copy, b.data, n);
			struct relay_msg m;
			enum bx_err err = relaymsg_read(copy, n, &m);
			if (err != BX_ESHORT && !(writers[w] == write_data && n >= RELAY_DATA_HEADER && err == BX_EBAD))
				fail_msg("kind %zu cut to %zu bytes: %s", w + 1, n, bx_err_text(err));
			free(copy);
		}
		buf_fini(&b);
	}
}

static void
what_a_newer_program_adds_to_a_message_is_passed_over(void **state)
{
	(void)state;
	for (size_t w = 0; w < COUNT_OF(writers); w++) {
		struct buf b = {0};
		struct relay_msg m;
		writers[w](&b);
		buf_puts(&b, "more");
		assert_int_equal(relaymsg_read(b.data, b.len, &m), writers[w] == write_data ? BX_EBAD : BX_OK);
		buf_fini(&b);
	}
}

static void
an_unknown_kind_or_flag_is_a_newer_programs(void **state)
{
	(void)state;
	for (size_t w = 0; w < COUNT_OF(writers); w++) {
		struct buf b = {0};
		struct relay_msg m;
		writers[w](&b);
		b.data[5] = 2;
		assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_EVERSION);
		assert_memory_equal(m.session, session, sizeof session);
		b.data[5] = 0;
		b.data[4] = RELAY_NOPE + 1;
		assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_EVERSION);
		b.data[4] = 0;
		assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_EBAD);
		b.data[4] = (uint8_t)(w + 1);
		b.data[6] = 1;
		assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_EBAD);
		b.data[6] = 0;
		b.data[0] ^= 1;
		assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_EBAD);
		buf_fini(&b);
	}
}

static void
the_session_is_found_in_what_else_cannot_be_read(void **state)
{
	(void)state;
	struct buf b = {0};
	uint8_t found[RELAY_SESSION];
	write_data(&b);
	b.data[4] = 99;
	for (size_t n = 0; n <= b.len; n++)
		assert_int_equal(relaymsg_session(b.data, n, found), n >= RELAY_HEADER);
	assert_memory_equal(found, session, sizeof session);
	b.data[3] = 'X';
	assert_false(relaymsg_session(b.data, b.len, found));
	buf_fini(&b);
}

static void
numbers_that_cannot_be_are_malformed(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint64_t value;
		enum bx_err err;
	} lies[] = {
	    {16, 0, BX_EBAD},                       /* message 0 */
	    {24, 0, BX_EBAD},                       /* from 0 */
	    {24, UINT64_MAX, BX_EBAD},              /* from + count wraps */
	    {32, 0x0000000d00000000ULL, BX_EBAD},   /* no frame */
	    {32, 0x0000000dffffffffULL, BX_EBAD},   /* more frames than lengths have room */
	    {32, 0x0000000e00000002ULL, BX_EBAD},   /* plain is not what came */
	    {32, 0x0100000100000002ULL, BX_ELIMIT}, /* plain over the limit */
	    {40, 1, BX_EBAD},                       /* must be zero */
	};
	for (size_t i = 0; i < COUNT_OF(lies); i++) {
		struct buf b = {0};
		struct relay_msg m;
		write_data(&b);
		put_u64le(b.data + lies[i].at, lies[i].value);
		if (relaymsg_read(b.data, b.len, &m) != lies[i].err)
			fail_msg("lie %zu: %s", i, bx_err_text(relaymsg_read(b.data, b.len, &m)));
		buf_fini(&b);
	}
	struct buf b = {0};
	struct relay_msg m;
	write_ack(&b);
	for (uint32_t n = 3; n < 40; n++) {
		put_u32le(b.data + 24, n);
		assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_ESHORT);
	}
	put_u32le(b.data + 24, RELAY_REJECTED_MAX + 1);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_ELIMIT);
	buf_clear(&b);
	write_nope(&b);
	b.data[18] = 2;
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_EBAD);
	buf_clear(&b);
	write_hello(&b);
	put_u16le(b.data + 24, RELAY_NODE_MAX + 1);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_EBAD);
	put_u16le(b.data + 24, 4);
	put_u16le(b.data + 16, 0);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_EBAD);
	buf_fini(&b);
}

static void
what_a_reader_would_refuse_cannot_be_written(void **state)
{
	(void)state;
	static uint8_t big[RELAY_PLAIN_MAX + 1];
	struct buf b = {0};
	struct relay_msg m = message(RELAY_HELLO);
	m.hello = (struct relay_hello){.version = 1, .node = {big, RELAY_NODE_MAX + 1}};
	assert_int_equal(relaymsg_write(&b, &m), BX_ELIMIT);
	m = message(RELAY_DATA);
	m.data = (struct relay_data){
	    .message = 1, .from = 1, .count = 1, .plain = RELAY_PLAIN_MAX + 1, .frames = {big, sizeof big}};
	assert_int_equal(relaymsg_write(&b, &m), BX_ELIMIT);
	m.data.plain = 8;
	m.data.frames.n = 8;
	m.data.count = 0;
	assert_int_equal(relaymsg_write(&b, &m), BX_EBAD);
	m.data.count = 1;
	m.data.message = 0;
	assert_int_equal(relaymsg_write(&b, &m), BX_EBAD);
	m = message(RELAY_ACK);
	m.ack = (struct relay_ack){.rejected_count = RELAY_REJECTED_MAX + 1, .rejected = big};
	assert_int_equal(relaymsg_write(&b, &m), BX_ELIMIT);
	m = message((enum relay_kind)(RELAY_NOPE + 1));
	assert_int_equal(relaymsg_write(&b, &m), BX_EBAD);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

/* ---- packing ---- */

static struct relay_msg
data_of(const struct buf *frames, uint32_t count)
{
	struct relay_msg m = message(RELAY_DATA);
	m.data = (struct relay_data){.message = 1, .from = 1, .count = count, .frames = {frames->data, frames->len}};
	return m;
}

static void
fill_frames(struct buf *frames, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		relaymsg_add_frame(
		    frames, text("a frame that is much like the one before it, and the one before that"));
}

static void
packed_frames_come_out_as_they_went_in(void **state)
{
	(void)state;
	struct relaypack pack = {0};
	struct buf frames = {0}, b = {0}, out = {0};
	for (uint32_t count = 1; count < 20000; count = count * 3 + 1) {
		struct relay_msg m;
		struct bytes got;
		buf_clear(&frames);
		buf_clear(&b);
		fill_frames(&frames, count);
		m = data_of(&frames, count);
		assert_int_equal(relaypack_write(&pack, &b, &m, true), BX_OK);
		assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_OK);
		assert_int_equal(m.data.zstd, count > 1);
		assert_int_equal(m.data.plain, frames.len);
		assert_int_equal(relaypack_read(&pack, &m.data, &out, &got), BX_OK);
		assert_int_equal(got.n, frames.len);
		assert_memory_equal(got.p, frames.data, frames.len);
	}
	buf_fini(&frames);
	buf_fini(&b);
	buf_fini(&out);
	relaypack_fini(&pack);
}

static void
what_does_not_shrink_and_what_may_not_travels_plain(void **state)
{
	(void)state;
	struct relaypack pack = {0};
	struct buf frames = {0}, b = {0}, out = {0};
	struct relay_msg m;
	struct bytes got;
	relaymsg_add_frame(&frames, text("\x01\x92\xe3\x10\x45"));
	m = data_of(&frames, 1);
	assert_int_equal(relaypack_write(&pack, &b, &m, true), BX_OK);
	assert_int_equal(b.len, RELAY_DATA_HEADER + frames.len);
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_OK);
	assert_false(m.data.zstd);
	assert_int_equal(relaypack_read(&pack, &m.data, &out, &got), BX_OK);
	assert_ptr_equal(got.p, b.data + RELAY_DATA_HEADER);
	fill_frames(&frames, 99);
	m = data_of(&frames, 100);
	buf_clear(&b);
	assert_int_equal(relaypack_write(&pack, &b, &m, false), BX_OK);
	assert_int_equal(b.len, RELAY_DATA_HEADER + frames.len);
	buf_fini(&frames);
	buf_fini(&b);
	buf_fini(&out);
	relaypack_fini(&pack);
}

static void
a_packed_message_that_was_tampered_with_gives_no_more_than_it_states(void **state)
{
	(void)state;
	struct relaypack pack = {0};
	struct buf frames = {0}, b = {0}, out = {0};
	struct relay_msg m, whole;
	struct bytes got;
	fill_frames(&frames, 100);
	m = data_of(&frames, 100);
	assert_int_equal(relaypack_write(&pack, &b, &m, true), BX_OK);
	assert_int_equal(relaymsg_read(b.data, b.len, &whole), BX_OK);
	for (size_t n = 0; n < whole.data.frames.n; n++) { /* cut */
		m = whole;
		m.data.frames.n = n;
		assert_int_equal(relaypack_read(&pack, &m.data, &out, &got), BX_EBAD);
		assert_int_equal(got.n, 0);
	}
	m = whole;
	m.data.plain++; /* claims another size than zstd does */
	assert_int_equal(relaypack_read(&pack, &m.data, &out, &got), BX_EBAD);
	m.data.plain = RELAY_PLAIN_MAX + 1;
	assert_int_equal(relaypack_read(&pack, &m.data, &out, &got), BX_ELIMIT);
	buf_putc(&b, 0); /* more behind the zstd frame */
	assert_int_equal(relaymsg_read(b.data, b.len, &m), BX_OK);
	assert_int_equal(relaypack_read(&pack, &m.data, &out, &got), BX_EBAD);
	for (size_t i = RELAY_DATA_HEADER; i < b.len - 1; i++) { /* a flipped bit: refused, or as long as stated */
		b.data[i] ^= 0x10;
		m.data.frames = (struct bytes){b.data + RELAY_DATA_HEADER, b.len - 1 - RELAY_DATA_HEADER};
		if (relaypack_read(&pack, &m.data, &out, &got) == BX_OK)
			assert_int_equal(got.n, m.data.plain);
		b.data[i] ^= 0x10;
	}
	buf_fini(&frames);
	buf_fini(&b);
	buf_fini(&out);
	relaypack_fini(&pack);
}

static void
every_reason_has_a_sentence_and_unknown_ones_too(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		assert_true(strlen(relay_why_text(i)) > 3);
		assert_true(strlen(relay_reason_text(i)) > 3);
	}
	assert_string_equal(relay_why_text(RELAY_WHY_SUM), "checksum does not match");
	assert_string_equal(relay_reason_text(RELAY_LEAVING), "going down");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hello_and_welcome_come_out_as_they_went_in),
	    cmocka_unit_test(data_comes_out_as_it_went_in),
	    cmocka_unit_test(answers_come_out_as_they_went_in),
	    cmocka_unit_test(every_truncation_is_refused),
	    cmocka_unit_test(what_a_newer_program_adds_to_a_message_is_passed_over),
	    cmocka_unit_test(an_unknown_kind_or_flag_is_a_newer_programs),
	    cmocka_unit_test(the_session_is_found_in_what_else_cannot_be_read),
	    cmocka_unit_test(numbers_that_cannot_be_are_malformed),
	    cmocka_unit_test(what_a_reader_would_refuse_cannot_be_written),
	    cmocka_unit_test(packed_frames_come_out_as_they_went_in),
	    cmocka_unit_test(what_does_not_shrink_and_what_may_not_travels_plain),
	    cmocka_unit_test(a_packed_message_that_was_tampered_with_gives_no_more_than_it_states),
	    cmocka_unit_test(every_reason_has_a_sentence_and_unknown_ones_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
