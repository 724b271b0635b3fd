/* SPDX-License-Identifier: ISC */
/*
 * golden: the files in tests/golden are what released programs have written, and stay for ever.
 *
 * Each is read with today's code and built again, byte for byte.  After adding one, run this program once with
 * BLUEOX_GOLDEN_WRITE=1: it writes the files that do not exist yet, and never touches one that does.
 */
#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include "libbx/core/bytes.h"
#include "libbx/core/event.h"
#include "libbx/core/frame.h"
#include "libbx/core/index.h"
#include "libbx/core/mp.h"
#include "libbx/core/relaymsg.h"
#include "libbx/core/relaypack.h"
#include "libbx/core/ringfile.h"
#include "oxd/wire3.h"
#include "tests/unit/unit.h"

static const char id[] = "65a0f2c3000102030405060708090a0b";

static struct bytes
text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static bool
text_is(struct bytes b, const char *s)
{
	return bytes_equal(b, text(s));
}

static struct buf
read_golden(const char *name)
{
	char path[256];
	struct buf b = {0};
	snprintf(path, sizeof path, "tests/golden/%s", name);
	FILE *f = fopen(path, "re");
	if (!f)
		fail_msg("%s cannot be read (the test runs from the top of the tree)", path);
	while (!feof(f)) {
		uint8_t *p = buf_reserve(&b, 65536);
		assert_non_null(p);
		b.len += fread(p, 1, 65536, f);
		assert_false(ferror(f));
	}
	fclose(f);
	return b;
}

static void
write_if_new(const char *name, const struct buf *b)
{
	char path[256];
	snprintf(path, sizeof path, "tests/golden/%s", name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	assert_int_equal(write(fd, b->data, b->len), b->len);
	close(fd);
}

/* Compares what was built with the file, and returns the file. */
static struct buf
golden(const char *name, const struct buf *built)
{
	assert_int_equal(built->err, BX_OK);
	if (getenv("BLUEOX_GOLDEN_WRITE"))
		write_if_new(name, built);
	struct buf file = read_golden(name);
	if (file.len != built->len)
		fail_msg("%s has %zu bytes, built %zu", name, file.len, built->len);
	for (size_t i = 0; i < file.len; i++)
		if (file.data[i] != built->data[i])
			fail_msg("%s: byte %zu is %02x, built %02x", name, i, file.data[i], built->data[i]);
	return file;
}

static void
add_head(struct buf *b, uint32_t keys, const char *type, double start, double end)
{
	mp_add_map(b, keys);
	mp_add_strz(b, "id");
	mp_add_strz(b, id);
	mp_add_strz(b, "type");
	mp_add_strz(b, type);
	mp_add_strz(b, "host");
	mp_add_strz(b, "web1");
	mp_add_strz(b, "pid");
	mp_add_uint(b, 4711);
	mp_add_strz(b, "start");
	mp_add_double(b, start);
	mp_add_strz(b, "end");
	mp_add_double(b, end);
	mp_add_strz(b, "body");
}

static struct buf
build_top(void)
{
	struct buf b = {0};
	add_head(&b, 8, "request", 1705046723.25, 1705046723.5);
	mp_add_map(&b, 3);
	mp_add_strz(&b, "user");
	mp_add_strz(&b, "ada");
	mp_add_strz(&b, "response");
	mp_add_map(&b, 2);
	mp_add_strz(&b, "status");
	mp_add_uint(&b, 200);
	mp_add_strz(&b, "cached");
	mp_add_bool(&b, false);
	mp_add_strz(&b, "raw");
	mp_add_bin(&b, "\xff\x00", 2);
	mp_add_strz(&b, "span");
	mp_add_strz(&b, "00f067aa0ba902b7");
	return b;
}

static struct buf
build_sub(void)
{
	struct buf b = {0};
	add_head(&b, 9, "request.sql", 1705046723.25, 1705046723.375);
	mp_add_map(&b, 2);
	mp_add_strz(&b, "query");
	mp_add_strz(&b, "SELECT 1");
	mp_add_strz(&b, "query_time");
	mp_add_double(&b, 0.125);
	mp_add_strz(&b, "span");
	mp_add_strz(&b, "00f067aa0ba902b8");
	mp_add_strz(&b, "parent");
	mp_add_strz(&b, "00f067aa0ba902b7");
	return b;
}

/* As Python 2 clients send: this key order, and raw strings for text and bytes alike. */
static struct buf
build_python2(void)
{
	static const char long_text[] = "a text of thirty-two bytes, fine";
	struct buf b = {0};
	mp_add_map(&b, 7);
	mp_add_strz(&b, "body");
	mp_add_map(&b, 2);
	mp_add_strz(&b, "latin1");
	mp_add_str(&b, "caf\xe9", 4);
	mp_add_strz(&b, "text"); /* str 16, since raw 8 did not exist */
	memcpy(buf_extend(&b, 3), "\xda\x00\x20", 3);
	buf_put(&b, long_text, 32);
	mp_add_strz(&b, "end");
	mp_add_double(&b, 1331638200.5);
	mp_add_strz(&b, "pid");
	mp_add_uint(&b, 31337);
	mp_add_strz(&b, "start");
	mp_add_double(&b, 1331638200.0);
	mp_add_strz(&b, "host");
	mp_add_strz(&b, "old1");
	mp_add_strz(&b, "type");
	mp_add_strz(&b, "request");
	mp_add_strz(&b, "id"); /* the original's ids are hex of another length */
	mp_add_strz(&b, "4f5f2f3800c0ffee");
	return b;
}

/* Nothing is as expected, and still it is an event. */
static struct buf
build_odd(void)
{
	struct buf b = {0};
	mp_add_map(&b, 7);
	mp_add_strz(&b, "id");
	mp_add_uint(&b, 7);
	mp_add_uint(&b, 99); /* a key that is no string */
	mp_add_nil(&b);
	mp_add_strz(&b, "type");
	mp_add_bin(&b, "odd", 3);
	mp_add_strz(&b, "pid");
	mp_add_int(&b, -1);
	mp_add_strz(&b, "end");
	mp_add_uint(&b, 1331638200);
	mp_add_strz(&b, "body");
	mp_add_nil(&b);
	mp_add_strz(&b, "unknown");
	mp_add_array(&b, 1);
	buf_put(&b, "\xd4\x05x", 3); /* fixext 1 */
	return b;
}

static void
a_top_event_is_read_and_built_again(void **state)
{
	(void)state;
	struct buf built = build_top(), file = golden("event_top.mp", &built);
	struct event ev;
	assert_int_equal(event_parse(file.data, file.len, &ev), BX_OK);
	assert_true(text_is(ev.id, id) && text_is(ev.type, "request") && text_is(ev.host, "web1"));
	assert_true(text_is(ev.span, "00f067aa0ba902b7") && ev.parent.p == NULL);
	assert_true(ev.has_pid && ev.pid == 4711 && ev.start == 1705046723.25 && ev.end == 1705046723.5);
	assert_true(ev.body_is_map);
	buf_fini(&built);
	buf_fini(&file);
}

static void
a_sub_event_names_its_parent(void **state)
{
	(void)state;
	struct buf built = build_sub(), file = golden("event_sub.mp", &built);
	struct event ev;
	assert_int_equal(event_parse(file.data, file.len, &ev), BX_OK);
	assert_true(text_is(ev.parent, "00f067aa0ba902b7") && text_is(ev.span, "00f067aa0ba902b8"));
	buf_fini(&built);
	buf_fini(&file);
}

static void
a_python_2_clients_event_is_understood(void **state)
{
	(void)state;
	struct buf built = build_python2(), file = golden("event_python2.mp", &built);
	struct event ev;
	assert_int_equal(event_parse(file.data, file.len, &ev), BX_OK);
	assert_true(text_is(ev.id, "4f5f2f3800c0ffee") && text_is(ev.type, "request") && text_is(ev.host, "old1"));
	assert_true(ev.pid == 31337 && ev.start == 1331638200.0 && ev.end == 1331638200.5 && ev.body_is_map);
	assert_true(ev.span.p == NULL && ev.parent.p == NULL);
	buf_fini(&built);
	buf_fini(&file);
}

static void
an_odd_event_is_understood_as_far_as_it_goes(void **state)
{
	(void)state;
	struct buf built = build_odd(), file = golden("event_odd.mp", &built);
	struct event ev;
	assert_int_equal(event_parse(file.data, file.len, &ev), BX_OK);
	assert_true(ev.id.p == NULL && ev.id_raw.n == 1 && *ev.id_raw.p == 7);
	assert_true(text_is(ev.type, "odd") && !ev.has_pid && !ev.has_start && ev.has_end && ev.end == 1331638200.0);
	assert_true(!ev.body_is_map && ev.body.n == 1);
	buf_fini(&built);
	buf_fini(&file);
}

static void
a_frame_is_read_and_built_again(void **state)
{
	(void)state;
	static const uint8_t origin[FRAME_ORIGIN] = {
	    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
	struct buf built = {0};
	size_t start = frame_start(&built);
	frame_add(&built, start, text("request"), 1705046723.5, text("\x81\xa1k\x01"));
	frame_add(&built, start, text("request.sql"), 1705046723.375, text("\x81\xa1k\xc3"));
	assert_int_equal(frame_seal(&built, start, origin, 258), BX_OK);
	struct buf file = golden("frame_v1.bin", &built);
	struct frame f;
	struct frame_event ev;
	assert_int_equal(frame_open(file.data, file.len, &f), BX_OK);
	assert_int_equal(f.seq, 258);
	assert_memory_equal(f.origin, origin, sizeof origin);
	assert_true(frame_next(&f, &ev) && text_is(ev.type, "request") && ev.end == 1705046723.5);
	assert_true(frame_next(&f, &ev) && text_is(ev.type, "request.sql") && text_is(ev.map, "\x81\xa1k\xc3"));
	assert_false(frame_next(&f, &ev));
	buf_fini(&built);
	buf_fini(&file);
}

enum { RING_TAIL = 32728, RING_FIRST = 56, RING_SECOND = 48 }; /* the first record wraps: 40 bytes, then 16 */

static void
lay_record(uint8_t *data, uint64_t pos, const char *type, const char *map, uint64_t expected_size)
{
	uint8_t record[128] = {0};
	uint64_t size = ring_record_size((uint32_t)strlen(type), (uint32_t)strlen(map));
	assert_int_equal(size, expected_size);
	put_u64le(record, pos);
	put_u32le(record + 8, (uint32_t)strlen(map));
	put_u16le(record + 12, (uint16_t)strlen(type));
	put_u64le(record + 16, bits_of_double(1705046723.5));
	memcpy(record + 24, type, strlen(type));
	memcpy(record + 24 + strlen(type), map, strlen(map));
	for (uint64_t i = 0; i < size; i++)
		data[(pos + i) % RING_CAPACITY_MIN] = record[i];
}

static struct buf
build_ring(void)
{
	struct buf b = {0};
	uint8_t *p = buf_extend(&b, RING_HEADER_BYTES + RING_CAPACITY_MIN);
	assert_non_null(p);
	memset(p, 0, b.len);
	struct ring_header h = {
	    .magic = RING_MAGIC,
	    .layout = RING_LAYOUT,
	    .header_bytes = RING_HEADER_BYTES,
	    .capacity = RING_CAPACITY_MIN,
	    .pid = 4711,
	    .pidns = 4026531836,
	    .starttime = 1705046720000000000,
	    .program = "hello",
	    .head = RING_TAIL + RING_FIRST + RING_SECOND,
	    .events = 400,
	    .dropped_events = 3,
	    .dropped_bytes = 168,
	    .first_drop = bits_of_double(1705046722.0),
	    .last_drop = bits_of_double(1705046723.0),
	    .tail = RING_TAIL,
	    .tail_check = ~(uint64_t)RING_TAIL,
	};
	h.dropped_by[DROP_RING_FULL] = 2;
	h.dropped_by[DROP_IN_SIGNAL] = 1;
	for (int i = 0; i < 16; i++) {
		h.nonce[i] = (uint8_t)i;
		h.boot_id[i] = (uint8_t)(0xb0 + i);
	}
	memcpy(p, &h, sizeof h);
	lay_record(p + RING_HEADER_BYTES, RING_TAIL, "request",
	    "\x82\xa4user\xa3"
	    "ada\xa6status\xcc\xc8",
	    RING_FIRST);
	lay_record(p + RING_HEADER_BYTES, RING_TAIL + RING_FIRST, "request.sql", "\x81\xa3hit\xc3", RING_SECOND);
	return b;
}

static void
unpack(struct buf *packed, struct buf *out)
{
	size_t size = RING_HEADER_BYTES + RING_CAPACITY_MIN;
	uint8_t *p = buf_extend(out, size);
	assert_non_null(p);
	assert_int_equal(ZSTD_decompress(p, size, packed->data, packed->len), size);
}

static void
a_ring_is_read_and_built_again(void **state)
{
	(void)state;
	struct buf built = build_ring(), packed = {0}, file = {0};
	uint8_t *room = buf_reserve(&packed, ZSTD_compressBound(built.len));
	packed.len = ZSTD_compress(room, ZSTD_compressBound(built.len), built.data, built.len, 19);
	assert_false(ZSTD_isError(packed.len));
	if (getenv("BLUEOX_GOLDEN_WRITE"))
		write_if_new("ring_v1.ring.zst", &packed);
	buf_fini(&packed);
	packed = read_golden("ring_v1.ring.zst");
	unpack(&packed, &file);
	assert_memory_equal(file.data, built.data, built.len);

	struct ring_header h;
	memcpy(&h, file.data, sizeof h);
	assert_true(ring_header_valid(&h));
	assert_int_equal(h.tail, RING_TAIL);
	assert_int_equal(~h.tail_check, RING_TAIL);
	uint8_t copy[RING_FIRST + RING_SECOND]; /* joined, as a reader does */
	assert_int_equal(h.head - h.tail, sizeof copy);
	for (size_t i = 0; i < sizeof copy; i++)
		copy[i] = file.data[RING_HEADER_BYTES + (h.tail + i) % h.capacity];
	struct ring_view v;
	assert_int_equal(ring_record_read(copy, sizeof copy, h.tail, h.capacity, &v), BX_OK);
	assert_int_equal(v.size, RING_FIRST);
	assert_memory_equal(v.type, "request", v.type_len);
	assert_true(mp_is_one_map(v.map, v.map_len));
	assert_int_equal(ring_record_read(copy + v.size, RING_SECOND, h.tail + RING_FIRST, h.capacity, &v), BX_OK);
	assert_memory_equal(v.type, "request.sql", v.type_len);
	assert_true(v.end == 1705046723.5);
	buf_fini(&built);
	buf_fini(&packed);
	buf_fini(&file);
}

static void
pascal(struct buf *b, const char *s)
{
	uint8_t *p = buf_extend(b, 64);
	assert_non_null(p);
	memset(p, 0, 64);
	p[0] = (uint8_t)strlen(s);
	memcpy(p + 1, s, strlen(s));
}

static void
wire_version_3s_first_part_is_read_and_built_again(void **state)
{
	(void)state;
	struct buf built = {0};
	buf_putc(&built, 3);
	put_u64be(buf_extend(&built, 8), bits_of_double(1331638200.5));
	pascal(&built, "old1");
	pascal(&built, "request");
	struct buf file = golden("wire_v3_meta.bin", &built);
	assert_int_equal(file.len, 137);
	struct buf map = build_python2();
	struct wire3 message;
	assert_int_equal(
	    wire3_read((struct bytes){file.data, file.len}, (struct bytes){map.data, map.len}, &message), WIRE3_OK);
	assert_true(text_is(message.host, "old1") && text_is(message.type, "request") && message.end == 1331638200.5);
	buf_fini(&map);
	buf_fini(&built);
	buf_fini(&file);
}

/* ---- relay: one file a kind ---- */

static struct relay_msg
relay_message(enum relay_kind kind)
{
	struct relay_msg m = {.kind = kind, .session = {0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7}};
	return m;
}

static struct relay_msg
relay_golden(const char *name, const struct relay_msg *m, struct buf *file)
{
	struct buf built = {0};
	struct relay_msg read;
	assert_int_equal(relaymsg_write(&built, m), BX_OK);
	*file = golden(name, &built);
	assert_int_equal(relaymsg_read(file->data, file->len, &read), BX_OK);
	assert_int_equal(read.kind, m->kind);
	assert_memory_equal(read.session, m->session, RELAY_SESSION);
	buf_fini(&built);
	return read;
}

static void
a_relays_greetings_are_read_and_built_again(void **state)
{
	(void)state;
	struct buf file;
	struct relay_msg m = relay_message(RELAY_HELLO), read;
	m.hello = (struct relay_hello){
	    .version = 1, .max_frame_version = 1, .features = RELAY_CAN_ZSTD, .node = text("web1")};
	read = relay_golden("relay_hello_v1.bin", &m, &file);
	assert_true(read.hello.version == 1 && read.hello.max_frame_version == 1 && text_is(read.hello.node, "web1"));
	buf_fini(&file);
	m.kind = RELAY_WELCOME;
	m.hello.node = text("central");
	m.hello.window = 32 << 20;
	m.hello.max_msg = RELAY_MESSAGE_MAX;
	m.hello.heartbeat_ms = 1000;
	read = relay_golden("relay_welcome_v1.bin", &m, &file);
	assert_true(read.hello.window == 32 << 20 && read.hello.heartbeat_ms == 1000);
	assert_true(read.hello.max_msg == RELAY_MESSAGE_MAX && text_is(read.hello.node, "central"));
	buf_fini(&file);
}

static void
a_relays_frames_are_read_and_built_again(void **state)
{
	(void)state;
	struct buf frame = read_golden("frame_v1.bin"), frames = {0}, file, out = {0};
	struct relay_msg m = relay_message(RELAY_DATA), read;
	relaymsg_add_frame(&frames, (struct bytes){frame.data, frame.len});
	m.data = (struct relay_data){
	    .message = 1, .from = 4096, .count = 1, .plain = (uint32_t)frames.len, .frames = {frames.data, frames.len}};
	read = relay_golden("relay_data_v1.bin", &m, &file);
	assert_true(read.data.message == 1 && read.data.from == 4096 && read.data.count == 1);
	assert_int_equal(read.data.frames.n, frames.len);
	buf_fini(&file);

	struct relaypack pack = {0};
	struct bytes got;
	file = read_golden("relay_data_zstd_v1.bin"); /* another libzstd may pack otherwise: read only */
	assert_int_equal(relaymsg_read(file.data, file.len, &read), BX_OK);
	assert_true(read.data.zstd && read.data.count == 4);
	assert_int_equal(relaypack_read(&pack, &read.data, &out, &got), BX_OK);
	struct cursor c;
	struct bytes each;
	cursor_init(&c, got.p, got.n);
	for (int i = 0; i < 4; i++) {
		assert_true(relaymsg_next_frame(&c, &each));
		assert_true(bytes_equal(each, (struct bytes){frame.data, frame.len}));
	}
	assert_false(relaymsg_next_frame(&c, &each));
	relaypack_fini(&pack);
	buf_fini(&out);
	buf_fini(&file);
	buf_fini(&frame);
	buf_fini(&frames);
}

static void
a_relays_answers_are_read_and_built_again(void **state)
{
	(void)state;
	struct buf file, list = {0};
	struct relay_msg m = relay_message(RELAY_ACK), read;
	relaymsg_add_rejected(&list, 4097, RELAY_WHY_SUM);
	m.ack = (struct relay_ack){.upto = 4098, .rejected_count = 1, .rejected = list.data};
	read = relay_golden("relay_ack_v1.bin", &m, &file);
	assert_true(read.ack.upto == 4098 && read.ack.rejected_count == 1);
	assert_true(relaymsg_rejected(&read.ack, 0).n == 4097 && relaymsg_rejected(&read.ack, 0).why == RELAY_WHY_SUM);
	buf_fini(&file);
	buf_fini(&list);
	m = relay_message(RELAY_BUSY);
	m.busy.retry_ms = 500;
	read = relay_golden("relay_busy_v1.bin", &m, &file);
	assert_int_equal(read.busy.retry_ms, 500);
	buf_fini(&file);
	m = relay_message(RELAY_NOPE);
	m.nope = (struct relay_nope){.reason = RELAY_NO_SESSION, .again = true};
	read = relay_golden("relay_nope_v1.bin", &m, &file);
	assert_true(read.nope.reason == RELAY_NO_SESSION && read.nope.again);
	buf_fini(&file);
}

/* The index of a log that is event_top.mp and then event_python2.mp, each a block of its own. */
static void
an_index_is_read_and_built_again(void **state)
{
	(void)state;
	struct buf events[] = {build_top(), build_python2()}, built = {0};
	const char *const ids[] = {id, "4f5f2f3800c0ffee"};
	struct index_header h;
	struct index_block b = {0};
	struct event ev;
	uint64_t offset = 0;
	index_put_header(&built, events[0].data, events[0].len, &h);
	for (uint32_t i = 0; i < COUNT_OF(events); i++) {
		assert_int_equal(event_parse(events[i].data, events[i].len, &ev), BX_OK);
		index_block_clear(&b);
		index_block_add(&b, &ev);
		index_put_entry(&built, &h, &b, i, offset, events[i].data, events[i].len);
		offset += events[i].len;
	}
	struct buf file = golden("log_v1.idx", &built);
	assert_int_equal(index_read_header(file.data, file.len, &h), BX_OK);
	assert_true(index_is_of(&h, events[0].data, events[0].len));
	offset = 0;
	size_t at = INDEX_HEADER;
	for (uint32_t i = 0; i < COUNT_OF(events); i++) {
		struct index_entry e;
		size_t used;
		assert_int_equal(index_read_entry(file.data + at, file.len - at, &h, i, offset, &e, &used), BX_OK);
		assert_true(index_block_holds(&e, events[i].data));
		assert_true(e.length == events[i].len && e.count == 1 && e.untimed == 0);
		assert_true(index_may_have_id(&e, text(ids[i])) && !index_may_have_id(&e, text(ids[1 - i])));
		assert_true(e.least_start == (i == 0 ? 1705046723.25 : 1331638200.0));
		assert_true(e.least_when == e.greatest_when && e.least_when == (i == 0 ? 1705046723.5 : 1331638200.5));
		offset += e.length;
		at += used;
	}
	assert_int_equal(at, file.len);
	for (size_t i = 0; i < COUNT_OF(events); i++)
		buf_fini(&events[i]);
	index_block_fini(&b);
	buf_fini(&built);
	buf_fini(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_top_event_is_read_and_built_again),
	    cmocka_unit_test(a_sub_event_names_its_parent),
	    cmocka_unit_test(a_python_2_clients_event_is_understood),
	    cmocka_unit_test(an_odd_event_is_understood_as_far_as_it_goes),
	    cmocka_unit_test(a_frame_is_read_and_built_again),
	    cmocka_unit_test(a_ring_is_read_and_built_again),
	    cmocka_unit_test(wire_version_3s_first_part_is_read_and_built_again),
	    cmocka_unit_test(an_index_is_read_and_built_again),
	    cmocka_unit_test(a_relays_greetings_are_read_and_built_again),
	    cmocka_unit_test(a_relays_frames_are_read_and_built_again),
	    cmocka_unit_test(a_relays_answers_are_read_and_built_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
