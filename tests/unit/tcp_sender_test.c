/* SPDX-License-Identifier: ISC */
/* tcp_sender: the parts of the sender that need no peer: what waits in the queue, ZeroMQ's wire, addresses. */
#include "libbx/core/bytes.h"
#include "libbx/core/rand.h"
#include "libbx/tcp/plugin.h"
#include "libbx/tcp/queue.h"
#include "libbx/tcp/zmtp.h"
#include "tests/unit/unit.h"

/* ---- queue ---- */

static uint8_t content[70000];

static void
fill(uint64_t number, size_t n)
{
	for (size_t i = 0; i < n; i++)
		content[i] = (uint8_t)(number * 7 + i);
}

static size_t
length_of(uint64_t number)
{
	return 48 + number * 7919 % 60000;
}

/* What the queue holds, held against what was put into it. */
static void
check_queue(const struct queue *q, uint64_t first, uint64_t next)
{
	struct queue_at at = queue_start(q);
	struct bytes frame;
	uint32_t events;
	uint64_t number = first;
	assert_int_equal(at.number, first);
	while (queue_read(q, &at, &frame, &events)) {
		assert_int_equal(frame.n, length_of(number));
		assert_int_equal(events, number & 0xff);
		fill(number, frame.n);
		assert_memory_equal(frame.p, content, frame.n);
		number++;
	}
	assert_int_equal(number, next);
	assert_int_equal(queue_empty(q), first == next);
}

static void
a_queue_gives_back_what_was_put_in_whatever_the_order_of_puts_and_drops(void **state)
{
	(void)state;
	struct queue q;
	struct rand r;
	rand_seed(&r);
	uint64_t first = 5, next = 5, full = 0, wrapped = 0;
	assert_true(queue_init(&q, 1 << 19, first));
	for (int i = 0; i < 20000; i++) {
		if (rand_u64(&r) % 9 < 5 || first == next) {
			if (!queue_has_room(&q, length_of(next))) {
				full++;
				continue;
			}
			fill(next, length_of(next));
			queue_put(&q, (struct bytes){content, length_of(next)}, (uint32_t)(next & 0xff));
			next++;
			wrapped += q.next < q.first;
		} else {
			first += 1 + (next - first > 1 && rand_u64(&r) % 2);
			queue_drop_upto(&q, first - 1);
		}
		if (i % 16 == 0)
			check_queue(&q, first, next);
	}
	assert_true(full > 100 && wrapped > 100);
	queue_drop_upto(&q, UINT64_MAX);
	check_queue(&q, next, next);
	assert_int_equal(q.next, 0);
	queue_fini(&q);
}

static void
a_place_in_a_queue_stays_right_when_more_is_put_behind_it(void **state)
{
	(void)state;
	struct queue q;
	assert_true(queue_init(&q, 1 << 18, 1));
	struct queue_at at = queue_start(&q);
	for (uint64_t number = 1; number < 2000; number++) {
		struct bytes frame;
		uint32_t events;
		assert_true(queue_has_room(&q, length_of(number)));
		fill(number, length_of(number));
		queue_put(&q, (struct bytes){content, length_of(number)}, 1);
		assert_true(queue_read(&q, &at, &frame, &events));
		assert_int_equal(frame.n, length_of(number));
		assert_memory_equal(frame.p, content, frame.n);
		assert_false(queue_read(&q, &at, &frame, &events));
		if (number > 1)
			queue_drop_upto(&q, number - 1); /* all but the one just read */
	}
	queue_fini(&q);
}

static void
a_full_queue_says_so_and_empties_again(void **state)
{
	(void)state;
	struct queue q;
	assert_true(queue_init(&q, 1 << 16, 1));
	static const uint8_t frame[1016];
	for (int round = 0; round < 3; round++) {
		int n = 0;
		for (; queue_has_room(&q, sizeof frame); n++)
			queue_put(&q, (struct bytes){frame, sizeof frame}, 1);
		assert_int_equal(n, 64); /* 1024 bytes each */
		queue_drop_upto(&q, q.first_number);
		assert_true(queue_has_room(&q, sizeof frame));
		queue_put(&q, (struct bytes){frame, sizeof frame}, 1);
		assert_false(queue_has_room(&q, sizeof frame));
		queue_drop_upto(&q, q.next_number - 1);
		assert_true(queue_empty(&q));
	}
	assert_false(queue_has_room(&q, 1 << 16));
	queue_fini(&q);
}

/* ---- wire ---- */

static void
a_greeting_is_as_the_specification_has_it(void **state)
{
	(void)state;
	uint8_t out[ZMTP_GREETING];
	zmtp_put_greeting(out, &zmtp_null);
	assert_memory_equal(out, "\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL\0", 17);
	assert_true(zmtp_greeting_fits(out, &zmtp_null));
	out[11] = 0; /* an older minor version, a newer major one */
	assert_true(zmtp_greeting_fits(out, &zmtp_null));
	out[10] = 4;
	assert_true(zmtp_greeting_fits(out, &zmtp_null));
	for (size_t i = 0; i < 32; i++) {
		static const uint8_t must[] = {0, 9, 12, 13, 14, 15, 16, 31};
		for (size_t j = 0; j < COUNT_OF(must); j++) {
			zmtp_put_greeting(out, &zmtp_null);
			out[must[j]] ^= 0x40;
			assert_false(zmtp_greeting_fits(out, &zmtp_null));
		}
	}
	zmtp_put_greeting(out, &zmtp_null);
	out[10] = 1; /* ZMTP 1 and 2 had other greetings */
	assert_false(zmtp_greeting_fits(out, &zmtp_null));
}

static void
frames_come_apart_at_every_cut(void **state)
{
	(void)state;
	static const char stream[] = "\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06ROUTER\x08Identity\0\0\0\0"
				     "\x00\x05hello"
				     "\x04\x0b\x04PING\0\x0a"
				     "ctxt"
				     "\x02\0\0\0\0\0\0\0\x03"
				     "abc"
				     "\x01\x01x";
	static const enum zmtp_kind kinds[] = {ZMTP_READY, ZMTP_MESSAGE, ZMTP_PING, ZMTP_MESSAGE, ZMTP_PART};
	for (size_t cut = 0; cut < sizeof stream; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		assert_non_null(copy);
		memcpy(copy, stream, cut);
		size_t at = 0, seen = 0;
		for (struct zmtp_frame f; (f = zmtp_read(copy + at, cut - at)).kind != ZMTP_NEED_MORE; at += f.size) {
			assert_int_equal(f.kind, kinds[seen++]);
			if (f.kind == ZMTP_READY)
				assert_true(zmtp_ready_fits(f.body));
		}
		if (cut == sizeof stream - 1)
			assert_int_equal(seen, COUNT_OF(kinds));
		free(copy);
	}
}

static void
what_is_no_frame_is_bad_and_not_waited_for(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
	    {"\x08\x00", 2}, {"\x80", 1}, {"\xff", 1},                      /* flags */
	    {"\x02\x80\0\0\0\0\0\0\0", 9}, {"\x02\0\0\0\0\0\x01\0\x01", 9}, /* longer than anything awaited */
	    {"\x04\x00", 2}, {"\x04\x01\x05", 3}, {"\x04\x03\x09xx", 5},    /* commands without their name */
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (zmtp_read((const uint8_t *)bad[i].bytes, bad[i].n).kind != ZMTP_BAD)
			fail_msg("number %zu is taken for a frame", i);
}

static void
only_a_router_will_do(void **state)
{
	(void)state;
	static const char dealer[] = "\x0bSocket-Type\0\0\0\x06"
				     "DEALER";
	static const char other_first[] = "\x01X\0\0\0\x02yz\x0bSocket-Type\0\0\0\x06ROUTER";
	assert_false(zmtp_ready_fits((struct bytes){(const uint8_t *)dealer, sizeof dealer - 1}));
	assert_true(zmtp_ready_fits((struct bytes){(const uint8_t *)other_first, sizeof other_first - 1}));
	for (size_t n = 0; n < sizeof other_first - 1; n++)
		assert_false(zmtp_ready_fits((struct bytes){(const uint8_t *)other_first, n}));
}

static void
a_pong_brings_back_what_the_ping_brought(void **state)
{
	(void)state;
	struct buf b = {0};
	zmtp_add_pong(&b, (struct bytes){(const uint8_t *)"\0\x0a"
							  "context",
			      9});
	assert_int_equal(b.len, 14);
	assert_memory_equal(b.data, "\x04\x0c\x04PONGcontext", 14);
	for (size_t n = 0; n < 2; n++) { /* cut: nothing to bring back */
		buf_clear(&b);
		zmtp_add_pong(&b, (struct bytes){(const uint8_t *)"\0", n});
		assert_int_equal(b.len, 7);
	}
	buf_fini(&b);
}

static void
headers_are_as_long_as_need_be(void **state)
{
	(void)state;
	static const uint64_t lengths[] = {0, 1, 255, 256, 65535, 65536};
	static uint8_t message[ZMTP_HEADER_MAX + 65536];
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		size_t n = zmtp_put_header(message, lengths[i]);
		assert_int_equal(n, lengths[i] < 256 ? 2 : 9);
		struct zmtp_frame f = zmtp_read(message, n + lengths[i]);
		assert_int_equal(f.kind, ZMTP_MESSAGE);
		assert_int_equal(f.body.n, lengths[i]);
		assert_int_equal(f.size, n + lengths[i]);
	}
}

/* ---- addresses ---- */

static void
addresses_lead_to_the_relays_port(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int port;
		const char *host;
		uint16_t to; /* 0: no address */
	} cases[] = {
	    {"web", 0, "web", 3515},
	    {"web", 4000, "web", 4001},
	    {"web:5000", 4000, "web", 5001},
	    {"5000", 0, "127.0.0.1", 5001},
	    {"::1", 0, "::1", 3515},
	    {"fe80::1", 77, "fe80::1", 78},
	    {"[::1]", 0, "::1", 3515},
	    {"[::1]:9", 0, "::1", 10},
	    {"relay://web", 0, "web", 3515},
	    {"relay://web:9", 0, "web", 9},
	    {"relay://[::1]:9", 0, "::1", 9},
	    {"tcp://web:9", 0, "web", 10},
	    {"relay://web:65535", 0, "web", 65535},
	    {"web:65535", 0, NULL, 0},
	    {"web:0", 0, NULL, 0},
	    {"*:3514", 0, NULL, 0},
	    {"", 0, NULL, 0},
	    {"a:b:c", 0, NULL, 0},
	    {"web", 65536, NULL, 0},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct addr to;
		bool taken = bx_tcp_plugin.parse(cases[i].text, cases[i].port, &to);
		if (taken != (cases[i].to != 0))
			fail_msg("'%s' with port %d: %s", cases[i].text, cases[i].port, taken ? "taken" : "refused");
		if (taken && (strcmp(to.host, cases[i].host) != 0 || to.port != cases[i].to))
			fail_msg("'%s' with port %d: %s port %u", cases[i].text, cases[i].port, to.host, to.port);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_queue_gives_back_what_was_put_in_whatever_the_order_of_puts_and_drops),
	    cmocka_unit_test(a_place_in_a_queue_stays_right_when_more_is_put_behind_it),
	    cmocka_unit_test(a_full_queue_says_so_and_empties_again),
	    cmocka_unit_test(a_greeting_is_as_the_specification_has_it),
	    cmocka_unit_test(frames_come_apart_at_every_cut),
	    cmocka_unit_test(what_is_no_frame_is_bad_and_not_waited_for),
	    cmocka_unit_test(only_a_router_will_do),
	    cmocka_unit_test(a_pong_brings_back_what_the_ping_brought),
	    cmocka_unit_test(headers_are_as_long_as_need_be),
	    cmocka_unit_test(addresses_lead_to_the_relays_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
