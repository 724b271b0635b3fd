/* SPDX-License-Identifier: ISC */
/* relay: both ends of a session without a socket between them: the rules S1 to S4 and T1 to T3 one by one. */
/* LIBS: -Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=pwrite */
#include "tests/unit/oxd_world.h"

#include "libbx/core/rand.h"
#include "oxd/forward_session.h"
#include "oxd/relay.h"

static const int64_t second_ns = 1000000000;

/* A receiver; the test is its socket and its ingest thread. */
struct bench {
	struct world w;
	struct doorbell bell;
	struct relay_queue queue;
	struct relay relay;
	int run_fd;
	struct buf said; /* the newest message */
	struct relay_msg last;
	unsigned count;
	enum relay_sent answer; /* of the socket */
};

static enum relay_sent
listen(void *arg, const struct relay_from *to, struct bytes message)
{
	struct bench *b = arg;
	(void)to;
	if (b->answer != RELAY_SENT)
		return b->answer;
	buf_clear(&b->said);
	buf_put(&b->said, message.p, message.n);
	assert_int_equal(relaymsg_read(b->said.data, b->said.len, &b->last), BX_OK);
	b->count++;
	return RELAY_SENT;
}

static void
bench_init(struct bench *b)
{
	memset(b, 0, sizeof *b);
	world_init(&b->w, 64 * 1024);
	world_open(&b->w);
	b->run_fd = open(b->w.dir, O_RDONLY | O_DIRECTORY);
	assert_true(doorbell_open(&b->bell, b->run_fd));
	assert_true(relay_queue_init(&b->queue, &b->bell));
	b->relay = (struct relay){.queue = &b->queue,
	    .journal = b->w.journal,
	    .stats = &b->w.stats,
	    .send = listen,
	    .arg = b,
	    .node = "here"};
	b->answer = RELAY_SENT;
}

static void
bench_fini(struct bench *b)
{
	relay_fini(&b->relay);
	relay_queue_fini(&b->queue);
	doorbell_close(&b->bell);
	close(b->run_fd);
	buf_fini(&b->said);
	world_fini(&b->w);
}

static struct relay_from
connection(unsigned n)
{
	struct relay_from from = {.n = 5};
	memcpy(from.id, &n, sizeof n);
	return from;
}

static void
hand(struct bench *b, unsigned from, const struct buf *message, int64_t now_ns)
{
	struct relay_from f = connection(from);
	relay_take(&b->relay, &f, "10.0.0.1", (struct bytes){message->data, message->len}, now_ns);
}

/* A sender that has been welcomed. */
static void
begin(struct bench *b, unsigned from, struct forward_session *s, uint64_t cursor)
{
	struct buf hello = {0}, none = {0};
	forward_session_begin(s, cursor, "there", 0, &hello);
	hand(b, from, &hello, 0);
	assert_int_equal(b->last.kind, RELAY_WELCOME);
	forward_session_take(s, (struct bytes){b->said.data, b->said.len}, 0, &none);
	assert_int_equal(s->state, FORWARD_OPEN);
	buf_fini(&hello);
	buf_fini(&none);
}

/* Sends frames first .. last as one message; `spoil` flips a bit of that one. */
static void
send_frames(struct bench *b, unsigned from, struct forward_session *s, uint64_t first, uint64_t last, uint64_t spoil)
{
	struct buf frame = {0}, out = {0};
	struct relaypack pack = {0};
	for (uint64_t n = first; n <= last; n++) {
		world_frame(&frame, "t", n);
		if (n == spoil)
			frame.data[FRAME_HEADER + 3] ^= 1;
		assert_true(forward_session_put(s, n, (struct bytes){frame.data, frame.len}));
	}
	assert_int_equal(forward_session_pack(s, &pack, &out, 0), BX_OK);
	hand(b, from, &out, 0);
	relaypack_fini(&pack);
	buf_fini(&frame);
	buf_fini(&out);
}

/* What the ingest thread does: appends (or not, for duplicates) and says behind which number the ACK stands. */
static void
ingest(struct bench *b, bool append)
{
	struct relay_parcel *p = relay_queue_take(&b->queue);
	assert_non_null(p);
	if (append)
		assert_int_equal(world_append(&b->w, &world_push, "t", p->from), BX_OK);
	p->ticket = journal_last(b->w.journal);
	relay_queue_give(&b->queue, p);
}

static void
tell(struct bench *b, struct forward_session *s, struct buf *rejected)
{
	forward_session_take(s, (struct bytes){b->said.data, b->said.len}, 0, rejected);
}

static void
an_ack_waits_until_everything_then_in_the_journal_is_synced_for_duplicates_too(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0};
	bench_init(&b);
	begin(&b, 1, &s, 0);
	for (int round = 0; round < 2; round++) { /* the second brings duplicates, beside a record of somebody else's */
		unsigned before = b.count;
		send_frames(&b, 1, &s, (uint64_t)round * 3 + 1, (uint64_t)round * 3 + 3, 0);
		relay_settle(&b.relay, 0);
		assert_int_equal(b.count, before);
		uint64_t synced = journal_synced(b.w.journal);
		ingest(&b, true);
		if (journal_synced(b.w.journal) == synced) { /* else the sync thread was quicker than this test */
			relay_settle(&b.relay, 0);
			if (journal_synced(b.w.journal) == synced)
				assert_int_equal(b.count, before);
		}
		world_sync(&b.w);
		relay_settle(&b.relay, 0);
		assert_int_equal(b.last.kind, RELAY_ACK);
		assert_int_equal(b.last.ack.upto, round * 3 + 3);
	}
	assert_false(relay_owes(&b.relay));
	forward_session_fini(&s);
	bench_fini(&b);
}

static void
a_ticket_beyond_what_is_synced_is_never_paid(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0};
	bench_init(&b);
	begin(&b, 1, &s, 0);
	send_frames(&b, 1, &s, 1, 3, 0);
	struct relay_parcel *p = relay_queue_take(&b.queue);
	p->ticket = journal_last(b.w.journal) + 1;
	relay_queue_give(&b.queue, p);
	world_sync(&b.w);
	for (int i = 0; i < 10; i++) {
		relay_settle(&b.relay, i * second_ns); /* signs of life, which acknowledge nothing */
		if (b.last.kind == RELAY_ACK)
			assert_int_equal(b.last.ack.upto, 0);
	}
	assert_int_equal(b.last.kind, RELAY_ACK);
	forward_session_fini(&s);
	bench_fini(&b);
}

static void
what_is_damaged_is_rejected_by_number_and_the_rest_of_the_message_taken(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0};
	struct buf rejected = {0};
	bench_init(&b);
	begin(&b, 1, &s, 100);
	send_frames(&b, 1, &s, 101, 105, 103);
	struct relay_parcel *p = relay_queue_take(&b.queue);
	unsigned taken = 0, passed = 0;
	for (size_t at = 0; at < p->frames.len;) {
		uint32_t length = get_u32le(p->frames.data + at);
		(length & RELAY_PASS_OVER ? &passed : &taken)[0]++;
		at += RELAY_FRAME_LENGTH + (length & ~RELAY_PASS_OVER);
	}
	assert_int_equal(taken, 4);
	assert_int_equal(passed, 1);
	p->ticket = 0;
	assert_int_equal(world_append(&b.w, &world_push, "t", 1), BX_OK);
	p->ticket = journal_last(b.w.journal);
	relay_queue_give(&b.queue, p);
	world_sync(&b.w);
	relay_settle(&b.relay, 0);
	tell(&b, &s, &rejected);
	assert_int_equal(rejected.len, RELAY_REJECTED);
	assert_int_equal(get_u64le(rejected.data), 103);
	assert_int_equal(get_u32le(rejected.data + 8), RELAY_WHY_SUM);
	assert_int_equal(s.acked, 105);
	assert_int_equal(s.in_flight, 0);
	buf_fini(&rejected);
	forward_session_fini(&s);
	bench_fini(&b);
}

static void
data_of_an_unknown_session_or_behind_a_gap_ends_it_and_asks_for_a_new_one(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0};
	struct buf none = {0};
	bench_init(&b);
	begin(&b, 1, &s, 0);
	send_frames(&b, 2, &s, 1, 1, 0); /* the same session on another connection */
	assert_int_equal(b.last.kind, RELAY_NOPE);
	assert_int_equal(b.last.nope.reason, RELAY_NO_SESSION);
	assert_true(b.last.nope.again);
	s.id[0] ^= 1; /* another session on the same one */
	send_frames(&b, 1, &s, 1, 1, 0);
	assert_int_equal(b.last.nope.reason, RELAY_NO_SESSION);
	s.id[0] ^= 1;
	send_frames(&b, 1, &s, 2, 2, 0); /* message 1 went elsewhere */
	assert_int_equal(b.last.nope.reason, RELAY_GAP);
	tell(&b, &s, &none);
	assert_int_equal(s.state, FORWARD_AGAIN);
	begin(&b, 1, &s, 0);
	send_frames(&b, 1, &s, 1, 2, 0);
	assert_int_equal(b.last.kind, RELAY_WELCOME); /* nothing to complain about */
	buf_fini(&none);
	forward_session_fini(&s);
	bench_fini(&b);
}

static void
a_receiver_that_takes_nothing_says_busy_and_in_the_end_asks_to_begin_again(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0};
	struct buf none = {0};
	bench_init(&b);
	begin(&b, 1, &s, 0);
	relay_queue_tell_blocked(&b.queue, true);
	for (uint64_t n = 1; n <= RELAY_PARCELS; n++)
		send_frames(&b, 1, &s, n, n, 0);
	assert_int_equal(b.last.kind, RELAY_WELCOME);
	send_frames(&b, 1, &s, 50, 50, 0); /* no parcel is left */
	assert_int_equal(b.last.kind, RELAY_BUSY);
	tell(&b, &s, &none);
	assert_int_equal(s.state, FORWARD_OPEN); /* S4 */
	assert_false(forward_session_may_send(&s, 1));
	assert_true(forward_session_may_send(&s, second_ns));
	unsigned count = b.count;
	for (int i = 1; i <= 5; i++)
		relay_settle(&b.relay, i * second_ns);
	assert_int_equal(b.count, count + 5);
	assert_int_equal(b.last.kind, RELAY_BUSY);
	for (int i = 0; i < RELAY_PARCELS; i++)
		ingest(&b, true);
	relay_queue_tell_blocked(&b.queue, false);
	world_sync(&b.w);
	relay_settle(&b.relay, 6 * second_ns);
	assert_int_equal(b.last.kind, RELAY_NOPE);
	assert_int_equal(b.last.nope.reason, RELAY_GAP);
	assert_true(b.last.nope.again);
	buf_fini(&none);
	forward_session_fini(&s);
	bench_fini(&b);
}

static void
beyond_the_most_sessions_the_silent_go_and_one_address_has_only_its_share(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0};
	bench_init(&b);
	b.relay.max_sessions = 40;
	struct buf hello = {0};
	for (unsigned n = 0; n < 100; n++) {
		char address[32];
		struct relay_from from = connection(n);
		snprintf(address, sizeof address, n < 5 ? "10.0.0.%u" : "10.9.9.9", n);
		forward_session_begin(&s, 0, "x", 0, &hello);
		relay_take(&b.relay, &from, address, (struct bytes){hello.data, hello.len}, (int64_t)n);
		assert_int_equal(b.last.kind, RELAY_WELCOME);
	}
	assert_int_equal(relay_sessions(&b.relay), 15);
	struct buf peers = {0};
	relay_encode(&b.relay, 100, &peers);
	for (int n = 0; n < 5; n++) {
		char address[32];
		snprintf(address, sizeof address, "10.0.0.%d", n);
		assert_non_null(memmem(peers.data, peers.len, address, strlen(address)));
	}
	relay_settle(&b.relay, (int64_t)RELAY_FORGET_MS * 2000000);
	assert_int_equal(relay_sessions(&b.relay), 0);
	buf_fini(&peers);
	buf_fini(&hello);
	forward_session_fini(&s);
	bench_fini(&b);
}

static void
a_socket_that_is_full_keeps_the_debt_and_one_that_is_gone_ends_the_session(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0};
	bench_init(&b);
	begin(&b, 1, &s, 0);
	send_frames(&b, 1, &s, 1, 3, 2);
	ingest(&b, true);
	world_sync(&b.w);
	b.answer = RELAY_SEND_LATER;
	relay_settle(&b.relay, 0);
	assert_true(relay_owes(&b.relay));
	b.answer = RELAY_SENT;
	relay_settle(&b.relay, 0);
	assert_int_equal(b.last.ack.upto, 3);
	assert_int_equal(b.last.ack.rejected_count, 1);
	send_frames(&b, 1, &s, 4, 4, 0);
	ingest(&b, true);
	world_sync(&b.w);
	b.answer = RELAY_SEND_GONE;
	relay_settle(&b.relay, 0);
	assert_int_equal(relay_sessions(&b.relay), 0);
	forward_session_fini(&s);
	bench_fini(&b);
}

static void
who_breaks_the_rules_loses_its_session_and_in_the_end_is_not_heard(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0}, good = {0};
	struct buf hello = {0};
	bench_init(&b);
	begin(&b, 1, &good, 0);
	unsigned answers = 0, most = 2 * RELAY_BILL_MAX / RELAY_PRICE_HELLO;
	for (unsigned n = 0; n < most; n++) {
		unsigned before = b.count;
		forward_session_begin(&s, 0, "x", 0, &hello);
		hand(&b, 2, &hello, 0);
		answers += b.count - before;
	}
	assert_int_equal(answers, RELAY_BILL_MAX / RELAY_PRICE_HELLO);
	assert_int_equal(stats_get(&b.w.stats, STAT_relay_shut_out), most - answers);
	send_frames(&b, 1, &good, 1, 3, 0); /* of the same address, in the session that it has */
	ingest(&b, true);
	world_sync(&b.w);
	relay_settle(&b.relay, 0);
	assert_int_equal(b.last.kind, RELAY_ACK);
	assert_int_equal(b.last.ack.upto, 3);
	unsigned before = b.count;
	hand(&b, 3, &hello, second_ns / 100); /* a hundredth of a second pays for one, and not for more than fifty */
	assert_int_equal(b.count, before + 1);
	buf_fini(&hello);
	forward_session_fini(&s);
	forward_session_fini(&good);
	bench_fini(&b);
}

static void
more_than_the_window_ends_the_session_and_who_has_many_sessions_has_small_ones(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0};
	bench_init(&b);
	for (unsigned n = 1; n <= 64; n++) {
		begin(&b, n, &s, 0);
		uint32_t window = n <= 2 ? RELAY_WINDOW : 2U * RELAY_WINDOW / n;
		assert_int_equal(s.window, window > RELAY_WINDOW_LEAST ? window : RELAY_WINDOW_LEAST);
	}
	struct buf frame = {0}, out = {0};
	struct rand rand;
	size_t sent = 0;
	rand_seed(&rand);
	for (uint64_t n = 1; b.last.kind != RELAY_NOPE; n++) { /* a sender that cares for no window */
		struct relaypack pack = {0};
		assert_true(sent < 2U * RELAY_WINDOW_LEAST);
		buf_clear(&frame);
		for (int i = 0; i < 100000; i++)
			buf_put(&frame, &(uint64_t){rand_u64(&rand)}, 8); /* no frame, and not to be packed either */
		assert_true(forward_session_put(&s, n, (struct bytes){frame.data, frame.len}));
		assert_int_equal(forward_session_pack(&s, &pack, &out, 0), BX_OK);
		sent += out.len;
		hand(&b, 64, &out, 0);
		struct relay_parcel *p = relay_queue_take(&b.queue);
		if (p) {
			p->ticket = journal_last(b.w.journal) + 1; /* not synced yet */
			relay_queue_give(&b.queue, p);
		}
		relay_settle(&b.relay, 0);
		relaypack_fini(&pack);
	}
	assert_int_equal(b.last.nope.reason, RELAY_BAD_MESSAGE);
	assert_int_equal(stats_get(&b.w.stats, STAT_relay_over_window), 1);
	assert_true(sent > RELAY_WINDOW_LEAST);
	assert_int_equal(relay_sessions(&b.relay), 63);
	buf_fini(&frame);
	buf_fini(&out);
	forward_session_fini(&s);
	bench_fini(&b);
}

static void
a_session_that_takes_no_answer_is_forgotten_in_the_end_and_its_debts_stay_few(void **state)
{
	(void)state;
	struct bench b;
	struct forward_session s = {0};
	bench_init(&b);
	begin(&b, 1, &s, 0);
	b.answer = RELAY_SEND_LATER;
	for (uint64_t n = 1; n <= 500; n++) {
		send_frames(&b, 1, &s, n, n, 0);
		ingest(&b, n == 1);
		relay_settle(&b.relay, second_ns);
	}
	assert_int_equal(relay_sessions(&b.relay), 1);
	assert_in_range(relay_debts(&b.relay), 1, RELAY_DEBTS_MAX + RELAY_PARCELS);
	b.answer = RELAY_SENT;
	world_sync(&b.w);
	relay_settle(&b.relay, 2 * second_ns);
	assert_int_equal(b.last.ack.upto, 500);
	assert_int_equal(relay_debts(&b.relay), 0);
	b.answer = RELAY_SEND_LATER;
	send_frames(&b, 1, &s, 501, 501, 0);
	ingest(&b, true);
	world_sync(&b.w);
	relay_settle(&b.relay, 600 * second_ns);
	assert_int_equal(relay_sessions(&b.relay), 1); /* it was only idle before */
	relay_settle(&b.relay, 600 * second_ns + (int64_t)RELAY_DEAF_MS * 1000000 + 1);
	assert_int_equal(relay_sessions(&b.relay), 0);
	forward_session_fini(&s);
	bench_fini(&b);
}

/* ---- the sender alone -------------------------------------------------------------------------------------------- */

static void
open_session(struct forward_session *s, uint64_t cursor, uint32_t window)
{
	struct buf hello = {0}, none = {0};
	forward_session_begin(s, cursor, "x", 0, &hello);
	struct relay_msg m = {.kind = RELAY_WELCOME,
	    .hello = {
		.version = 1, .max_frame_version = 1, .window = window, .max_msg = 1 << 20, .heartbeat_ms = 1000}};
	memcpy(m.session, s->id, sizeof s->id);
	buf_clear(&hello);
	assert_int_equal(relaymsg_write(&hello, &m), BX_OK);
	forward_session_take(s, (struct bytes){hello.data, hello.len}, 0, &none);
	buf_fini(&hello);
}

static void
ack(struct forward_session *s, uint64_t upto, const uint8_t *id)
{
	struct buf b = {0}, none = {0};
	struct relay_msg m = {.kind = RELAY_ACK, .ack = {.upto = upto}};
	memcpy(m.session, id, sizeof s->id);
	assert_int_equal(relaymsg_write(&b, &m), BX_OK);
	forward_session_take(s, (struct bytes){b.data, b.len}, 0, &none);
	buf_fini(&b);
}

static void
put_and_pack(struct forward_session *s, uint64_t n)
{
	struct buf frame = {0}, out = {0};
	struct relaypack pack = {0};
	world_frame(&frame, "t", n);
	assert_true(forward_session_put(s, n, (struct bytes){frame.data, frame.len}));
	assert_int_equal(forward_session_pack(s, &pack, &out, 0), BX_OK);
	relaypack_fini(&pack);
	buf_fini(&frame);
	buf_fini(&out);
}

static void
an_ack_moves_on_never_back_and_never_past_what_was_sent(void **state)
{
	(void)state;
	struct forward_session s = {0};
	open_session(&s, 10, 1 << 20);
	ack(&s, 500, s.id); /* nothing was sent */
	assert_int_equal(s.acked, 10);
	for (uint64_t n = 11; n <= 13; n++)
		put_and_pack(&s, n);
	ack(&s, 12, s.id);
	assert_int_equal(s.acked, 12);
	ack(&s, 11, s.id);
	assert_int_equal(s.acked, 12);
	ack(&s, 0, s.id);
	assert_int_equal(s.acked, 12);
	static const uint8_t other[RELAY_SESSION] = "another";
	ack(&s, 13, other);
	assert_int_equal(s.acked, 12);
	ack(&s, UINT64_MAX, s.id);
	assert_int_equal(s.acked, 13);
	assert_true(forward_session_is_quiet(&s));
	forward_session_fini(&s);
}

static void
what_is_under_way_stays_within_the_window_but_one_message_always_may(void **state)
{
	(void)state;
	struct forward_session s = {0};
	for (uint32_t window = 0; window < 400; window += 50) {
		open_session(&s, 0, window);
		uint64_t n = 0;
		while (n < 100 && forward_session_may_send(&s, 0))
			put_and_pack(&s, ++n);
		assert_true(n >= 1 && n < 100);
		assert_true(n == 1 || s.in_flight - s.in_flight / (n ? n : 1) < window);
		ack(&s, n, s.id);
		assert_int_equal(s.in_flight, 0);
		assert_true(forward_session_may_send(&s, 0));
	}
	forward_session_fini(&s);
}

static void
numbers_in_a_message_have_no_gaps_and_newer_frames_are_held(void **state)
{
	(void)state;
	struct forward_session s = {0};
	struct buf frame = {0};
	open_session(&s, 0, 1 << 20);
	world_frame(&frame, "t", 1);
	struct bytes bytes = {frame.data, frame.len};
	assert_true(forward_session_put(&s, 2, bytes)); /* number 1 was no frame */
	assert_true(forward_session_put(&s, 3, bytes));
	assert_false(forward_session_put(&s, 5, bytes));
	assert_int_equal(s.count, 2);
	assert_false(forward_session_too_new(&s, bytes));
	frame.data[4] = FRAME_VERSION + 1;
	assert_true(forward_session_too_new(&s, bytes));
	buf_fini(&frame);
	forward_session_fini(&s);
}

static void
silence_counts_only_while_an_answer_is_owed(void **state)
{
	(void)state;
	struct forward_session s = {0};
	open_session(&s, 0, 1 << 20);
	assert_false(forward_session_is_silent(&s, 1000 * second_ns));
	put_and_pack(&s, 1);
	assert_false(forward_session_is_silent(&s, 3 * second_ns));
	assert_true(forward_session_is_silent(&s, 3 * second_ns + 1));
	ack(&s, 1, s.id);
	assert_false(forward_session_is_silent(&s, 1000 * second_ns));
	forward_session_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_ack_waits_until_everything_then_in_the_journal_is_synced_for_duplicates_too),
	    cmocka_unit_test(a_ticket_beyond_what_is_synced_is_never_paid),
	    cmocka_unit_test(what_is_damaged_is_rejected_by_number_and_the_rest_of_the_message_taken),
	    cmocka_unit_test(data_of_an_unknown_session_or_behind_a_gap_ends_it_and_asks_for_a_new_one),
	    cmocka_unit_test(a_receiver_that_takes_nothing_says_busy_and_in_the_end_asks_to_begin_again),
	    cmocka_unit_test(beyond_the_most_sessions_the_silent_go_and_one_address_has_only_its_share),
	    cmocka_unit_test(a_socket_that_is_full_keeps_the_debt_and_one_that_is_gone_ends_the_session),
	    cmocka_unit_test(who_breaks_the_rules_loses_its_session_and_in_the_end_is_not_heard),
	    cmocka_unit_test(more_than_the_window_ends_the_session_and_who_has_many_sessions_has_small_ones),
	    cmocka_unit_test(a_session_that_takes_no_answer_is_forgotten_in_the_end_and_its_debts_stay_few),
	    cmocka_unit_test(an_ack_moves_on_never_back_and_never_past_what_was_sent),
	    cmocka_unit_test(what_is_under_way_stays_within_the_window_but_one_message_always_may),
	    cmocka_unit_test(numbers_in_a_message_have_no_gaps_and_newer_frames_are_held),
	    cmocka_unit_test(silence_counts_only_while_an_answer_is_owed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
