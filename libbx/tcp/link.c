/* SPDX-License-Identifier: ISC */
/* link: a state a step; every answer of the peer is found by its kind in a table. */
#include "libbx/tcp/link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "libbx/core/clock.h"
#include "libbx/core/frame.h"
#include "libbx/tcp/own.h"

#define MS INT64_C(1000000)
#define S  (1000 * MS)

#define WAIT_LEAST (50 * MS) /* between attempts, doubled each time up to the most */
#define WAIT_MOST  (10 * S)
#define DIAL_WAIT  (5 * S) /* for connection, greeting, WELCOME: each */

enum {
	DATA_TARGET = 512 * 1024, /* frames of a message, unpacked */
	IN_ROOM = 16 * 1024,
	HEARTBEAT_LEAST_MS = 100,
	HEARTBEAT_MOST_MS = 60000,
	SILENT_HEARTBEATS = 3,
};

void
link_init(struct link *l, struct process *p, const char *node)
{
	*l = (struct link){.fd = -1, .process = p, .mechanism = &zmtp_null, .wait_ns = WAIT_LEAST};
	rand_seed(&l->rand);
	strncat(l->node, node, sizeof l->node - 1);
}

static void
hang_up(struct link *l)
{
	if (l->fd >= 0)
		own_close(l->fd);
	l->fd = -1;
	l->state = LINK_DOWN;
	l->out.len = l->out_at = l->in.len = 0;
	l->in_flight = 0;
	l->flying_bytes = 0;
	l->dial.count = l->dial.next = 0;
}

void
link_fini(struct link *l)
{
	hang_up(l);
	relaypack_fini(&l->pack);
	buf_fini(&l->plain);
	buf_fini(&l->out);
	buf_fini(&l->in);
}

/* Hangs up and waits, longer each time, and not in step with others who lost the same peer. */
static void
fail(struct link *l, int64_t now)
{
	hang_up(l);
	l->retry_at = now + l->wait_ns / 2 + (int64_t)(rand_unit(&l->rand) * (double)l->wait_ns);
	l->wait_ns = l->wait_ns * 2 < WAIT_MOST ? l->wait_ns * 2 : WAIT_MOST;
	atomic_fetch_add(&l->process->sender.failures, 1);
}

void
link_redial(struct link *l)
{
	hang_up(l);
	l->wait_ns = WAIT_LEAST;
	l->retry_at = 0;
}

/* ---- out ---- */

/* Room for `extra` bytes at most behind a ZMTP header of unknown length: written once the message is whole. */
static size_t
message_start(struct link *l)
{
	uint8_t *p = buf_extend(&l->out, ZMTP_HEADER_MAX);
	return p ? l->out.len : 0;
}

static bool
message_end(struct link *l, size_t start)
{
	if (l->out.err != BX_OK || start == 0)
		return false;
	uint8_t header[ZMTP_HEADER_MAX];
	size_t n = zmtp_put_header(header, l->out.len - start);
	uint8_t *at = l->out.data + start - ZMTP_HEADER_MAX;
	memmove(at + n, at + ZMTP_HEADER_MAX, l->out.len - start); /* only short messages have a short header */
	memcpy(at, header, n);
	l->out.len -= ZMTP_HEADER_MAX - n;
	return true;
}

/* False when the connection is of no use any more. */
static bool
write_out(struct link *l)
{
	while (l->out_at < l->out.len) {
		ssize_t n = own_send(l->fd, l->out.data + l->out_at, l->out.len - l->out_at);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		l->out_at += (size_t)n;
	}
	l->out.len = l->out_at = 0;
	return true;
}

static bool
say_hello(struct link *l, const struct queue *q, int64_t now)
{
	struct relay_msg m = {.kind = RELAY_HELLO};
	uint64_t session = rand_u64(&l->rand);
	memcpy(l->session, &session, sizeof l->session);
	memcpy(m.session, &session, sizeof m.session);
	m.hello = (struct relay_hello){
	    .version = RELAY_VERSION,
	    .max_frame_version = FRAME_VERSION,
	    .features = RELAY_CAN_ZSTD,
	    .node = {(const uint8_t *)l->node, strlen(l->node)},
	};
	l->message = 0;
	l->next = queue_start(q);
	l->in_flight = 0;
	l->flying_bytes = 0;
	l->busy_until = 0;
	l->state = LINK_HELLO;
	l->hello_at = now;
	l->give_up_at = now + DIAL_WAIT;
	size_t start = message_start(l);
	return relaymsg_write(&l->out, &m) == BX_OK && message_end(l, start);
}

static bool
may_send(const struct link *l, const struct queue *q, int64_t now)
{
	return l->state == LINK_OPEN && l->out.len == 0 && l->next.number != q->next_number && now >= l->busy_until &&
	       l->in_flight < LINK_FLYING && (l->in_flight == 0 || l->flying_bytes < l->peer.window);
}

/* Collects frames for one message: one at least, which any peer takes (take_welcome() has asked). */
static uint32_t
collect(struct link *l, const struct queue *q, size_t limit)
{
	struct queue_at at = l->next;
	struct bytes frame;
	uint32_t events, count = 0;
	buf_clear(&l->plain);
	while (queue_read(q, &at, &frame, &events)) {
		if (l->plain.len + RELAY_FRAME_LENGTH + frame.n > limit && count)
			break;
		relaymsg_add_frame(&l->plain, frame);
		l->next = at;
		count++;
	}
	return count;
}

static bool
send_data(struct link *l, const struct queue *q)
{
	struct relay_msg m = {.kind = RELAY_DATA};
	size_t most = l->peer.max_msg - RELAY_DATA_HEADER;
	memcpy(m.session, l->session, sizeof m.session);
	m.data.message = ++l->message;
	m.data.from = l->next.number;
	m.data.count = collect(l, q, most < DATA_TARGET ? most : DATA_TARGET);
	m.data.frames = (struct bytes){l->plain.data, l->plain.len};
	bool zstd = (l->peer.features & RELAY_CAN_ZSTD) && !l->dial.loopback;
	size_t start = message_start(l);
	if (l->plain.err != BX_OK || relaypack_write(&l->pack, &l->out, &m, zstd) != BX_OK)
		return false;
	uint32_t bytes = (uint32_t)(l->out.len - start);
	uint32_t i = (l->oldest + l->in_flight++) % LINK_FLYING;
	l->flying[i].upto = l->next.number - 1;
	l->flying[i].bytes = bytes;
	l->flying_bytes += bytes;
	return message_end(l, start);
}

/* ---- in ---- */

static bool
take_welcome(struct link *l, struct queue *q, const struct relay_msg *m, int64_t now)
{
	(void)now;
	if (l->state != LINK_HELLO)
		return true;
	l->peer = m->hello;
	l->peer.node = (struct bytes){0};
	if (l->peer.max_frame_version < FRAME_VERSION || l->peer.version > RELAY_VERSION ||
	    l->peer.max_msg < RELAY_DATA_HEADER + RELAY_FRAME_LENGTH + FRAME_MAX)
		return false; /* it does not take what we have: perhaps another day */
	if (l->peer.heartbeat_ms < HEARTBEAT_LEAST_MS)
		l->peer.heartbeat_ms = HEARTBEAT_LEAST_MS;
	if (l->peer.heartbeat_ms > HEARTBEAT_MOST_MS)
		l->peer.heartbeat_ms = HEARTBEAT_MOST_MS;
	l->state = LINK_OPEN;
	if (queue_empty(q))
		l->wait_ns = WAIT_LEAST;
	return true;
}

static bool
is_rejected(const struct relay_ack *a, uint64_t number)
{
	for (uint32_t i = 0; i < a->rejected_count; i++)
		if (relaymsg_rejected(a, i).n == number)
			return true;
	return false;
}

/* Counts what leaves the queue: kept by the peer, or refused. */
static void
count_acknowledged(struct link *l, const struct queue *q, const struct relay_ack *a, uint64_t upto)
{
	struct queue_at at = queue_start(q);
	struct bytes frame;
	uint32_t events;
	uint64_t kept = 0, rejected = 0;
	while (at.number <= upto && queue_read(q, &at, &frame, &events)) {
		if (is_rejected(a, at.number - 1))
			rejected += events;
		else
			kept += events;
	}
	atomic_fetch_add(&l->process->sender.acknowledged, kept);
	atomic_fetch_add(&l->process->sender.rejected, rejected);
}

static bool
take_ack(struct link *l, struct queue *q, const struct relay_msg *m, int64_t now)
{
	(void)now;
	uint64_t upto = m->ack.upto;
	if (l->state != LINK_OPEN)
		return true;
	if (upto >= l->next.number)
		upto = l->next.number - 1; /* it cannot have what this session has not sent */
	if (upto < q->first_number)
		return true;
	l->wait_ns = WAIT_LEAST; /* only now: a peer that welcomes and then refuses is not asked without pause */
	count_acknowledged(l, q, &m->ack, upto);
	queue_drop_upto(q, upto);
	if (l->next.number == q->first_number)
		l->next = queue_start(q);
	while (l->in_flight && l->flying[l->oldest].upto <= upto) {
		l->flying_bytes -= l->flying[l->oldest].bytes;
		l->oldest = (l->oldest + 1) % LINK_FLYING;
		l->in_flight--;
	}
	return true;
}

static bool
take_busy(struct link *l, struct queue *q, const struct relay_msg *m, int64_t now)
{
	(void)q;
	int64_t ms = m->busy.retry_ms < HEARTBEAT_MOST_MS ? m->busy.retry_ms : HEARTBEAT_MOST_MS;
	l->busy_until = now + ms * MS;
	return true;
}

static bool
take_nope(struct link *l, struct queue *q, const struct relay_msg *m, int64_t now)
{
	if (!m->nope.again)
		l->wait_ns = WAIT_MOST;
	if (!m->nope.again || l->state != LINK_OPEN || now - l->hello_at < WAIT_LEAST)
		return false;
	return say_hello(l, q, now);
}

static bool
take_message(struct link *l, struct queue *q, struct bytes body, int64_t now)
{
	static bool (*const takers[])(struct link *, struct queue *, const struct relay_msg *, int64_t) = {
	    [RELAY_WELCOME] = take_welcome,
	    [RELAY_ACK] = take_ack,
	    [RELAY_BUSY] = take_busy,
	    [RELAY_NOPE] = take_nope,
	};
	struct relay_msg m;
	enum bx_err err = relaymsg_read(body.p, body.n, &m);
	if (err == BX_EVERSION) /* a newer peer's */
		return true;
	if (err != BX_OK || l->state < LINK_HELLO)
		return false;
	if (memcmp(m.session, l->session, sizeof m.session) != 0)
		return true; /* of an earlier session */
	if ((size_t)m.kind >= sizeof takers / sizeof *takers || !takers[m.kind])
		return false;
	l->heard_at = now; /* not for a PING: libzmq answers these for a program that hangs */
	return takers[m.kind](l, q, &m, now);
}

static bool
take_frame(struct link *l, struct queue *q, const struct zmtp_frame *f, int64_t now)
{
	switch (f->kind) {
	case ZMTP_MESSAGE:
		return take_message(l, q, f->body, now);
	case ZMTP_READY:
		if (l->state != LINK_HANDSHAKE)
			return false;
		return zmtp_ready_fits(f->body) && say_hello(l, q, now);
	case ZMTP_PING:
		if (l->out.len < IN_ROOM || l->out_at < l->out.len / 2) /* a peer that pings and does not read */
			zmtp_add_pong(&l->out, f->body);
		return l->out.err == BX_OK;
	case ZMTP_COMMAND:
		return true;
	default:
		return false;
	}
}

static bool
take_greeting(struct link *l)
{
	if (!zmtp_greeting_fits(l->in.data, l->mechanism))
		return false;
	buf_drop_front(&l->in, ZMTP_GREETING);
	l->state = LINK_HANDSHAKE;
	zmtp_add_ready(&l->out);
	return l->out.err == BX_OK;
}

static bool
take_frames(struct link *l, struct queue *q, int64_t now)
{
	size_t at = 0;
	bool well = true;
	while (well) {
		struct zmtp_frame f = zmtp_read(l->in.data + at, l->in.len - at);
		if (f.kind == ZMTP_NEED_MORE)
			break;
		well = take_frame(l, q, &f, now);
		at += f.size;
	}
	buf_drop_front(&l->in, at);
	return well;
}

/* False when the connection is of no use any more; *got when something came. */
static bool
read_in(struct link *l, struct queue *q, int64_t now, bool *got)
{
	uint8_t *p = buf_reserve(&l->in, IN_ROOM);
	if (!p)
		return false;
	ssize_t n = own_recv(l->fd, p, IN_ROOM);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	*got = true;
	l->in.len += (size_t)n;
	if (l->state == LINK_GREETING)
		return l->in.len < ZMTP_GREETING || (take_greeting(l) && take_frames(l, q, now));
	return take_frames(l, q, now);
}

/* ---- steps ---- */

/* Dials the next address; with none left the attempt has failed. */
static void
dial_on(struct link *l, int64_t now)
{
	if (l->fd >= 0)
		own_close(l->fd);
	l->fd = dial_next(&l->dial);
	if (l->fd < 0) {
		fail(l, now);
		return;
	}
	l->state = LINK_CONNECTING;
	l->give_up_at = now + DIAL_WAIT;
}

static bool
step_connecting(struct link *l, int64_t now)
{
	struct pollfd p = {.fd = l->fd, .events = POLLOUT};
	if (poll(&p, 1, 0) <= 0) {
		if (now >= l->give_up_at)
			dial_on(l, now);
		return false;
	}
	if (!dial_connected(l->fd)) {
		dial_on(l, now);
		return false;
	}
	l->state = LINK_GREETING;
	l->give_up_at = now + DIAL_WAIT;
	l->out.len = l->out_at = l->in.len = 0;
	buf_clear(&l->out);
	buf_clear(&l->in);
	uint8_t *greeting = buf_extend(&l->out, ZMTP_GREETING);
	if (!greeting) {
		fail(l, now);
		return false;
	}
	zmtp_put_greeting(greeting, l->mechanism);
	return true;
}

static bool
peer_is_silent(const struct link *l, int64_t now)
{
	if (l->state != LINK_OPEN)
		return now >= l->give_up_at;
	return l->in_flight && now - l->heard_at >= SILENT_HEARTBEATS * MS * (int64_t)l->peer.heartbeat_ms;
}

static bool
step_connected(struct link *l, struct queue *q, int64_t now)
{
	bool got = false, sent = false;
	if (now >= l->busy_until)
		l->busy_until = 0;
	bool well = read_in(l, q, now, &got) && !peer_is_silent(l, now);
	if (well && may_send(l, q, now)) {
		if (l->in_flight == 0)
			l->heard_at = now; /* silence counts from the first frame under way */
		sent = true;
		well = send_data(l, q);
	}
	well = well && write_out(l);
	if (!well)
		fail(l, now);
	return got || (sent && well && l->out.len == 0);
}

bool
link_step(struct link *l, struct queue *q, const struct addr *to, int64_t now)
{
	switch (l->state) {
	case LINK_DOWN:
		if (now < l->retry_at)
			return false;
		dial_lookup(&l->dial, to);
		dial_on(l, clock_mono_ns());
		return l->state != LINK_DOWN;
	case LINK_CONNECTING:
		return step_connecting(l, now);
	default:
		return step_connected(l, q, now);
	}
}

bool
link_is_quiet(const struct link *l)
{
	return l->state == LINK_DOWN || (l->state == LINK_OPEN && l->in_flight == 0 && l->out.len == 0);
}

int64_t
link_deadline(const struct link *l)
{
	switch (l->state) {
	case LINK_DOWN:
		return l->retry_at;
	case LINK_OPEN:
		if (l->in_flight)
			return l->heard_at + SILENT_HEARTBEATS * MS * (int64_t)l->peer.heartbeat_ms;
		return l->busy_until ? l->busy_until : INT64_MAX;
	default:
		return l->give_up_at;
	}
}
