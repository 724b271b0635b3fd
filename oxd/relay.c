/* SPDX-License-Identifier: ISC */
/* relay: a session is a row of debts, oldest first; sessions with debts are in a list of their own. */
#include "oxd/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/mp.h"
#include "oxd/say.h"

enum { RETRY_MS = 500 };

/* A DATA that was taken on: an ACK is owed for it. */
struct debt {
	uint64_t upto;
	uint64_t ticket;     /* 0: the ingest thread has it still */
	size_t bytes;        /* of the message, as sent */
	struct buf rejected; /* entries of the ACK */
	struct debt *prev, *next;
};

struct relay_session {
	struct relay_from from;
	uint8_t id[RELAY_SESSION];
	uint64_t handle;
	uint64_t via;
	struct relay_peer *peer;
	char node[RELAY_NODE_MAX + 1];
	uint64_t messages; /* DATA messages taken on */
	uint64_t last;     /* number of the last frame taken on */
	uint64_t acked;
	uint64_t frames, bytes;
	uint32_t window;
	struct debt *debts;
	size_t debt_count, owed; /* bytes: of those messages, and of what is to be said of them */
	bool stalled; /* a DATA was not taken on, since the journal takes nothing: later ones have no place either */
	bool owing;   /* in that list */
	int64_t heard_ns, said_ns;
	int64_t deaf_since_ns;             /* it takes no answer since then; 0 when it does */
	struct relay_session *prev, *next; /* of those that owe */
	UT_hash_handle hh, hh_handle;
};

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static struct relay_session *
find(const struct relay *r, const struct relay_from *from)
{
	struct relay_session *s;
	HASH_FIND(hh, r->by_from, from->id, from->n, s);
	return s;
}

static void
forget_debt(struct relay_session *s, struct debt *d)
{
	DL_DELETE(s->debts, d);
	s->debt_count--;
	s->owed -= d->bytes + d->rejected.len;
	buf_fini(&d->rejected);
	free(d);
}

static void
look_after(struct relay *r, struct relay_session *s)
{
	bool owes = s->debts || s->stalled;
	if (owes && !s->owing)
		DL_APPEND(r->owing, s);
	else if (!owes && s->owing)
		DL_DELETE(r->owing, s);
	s->owing = owes;
}

static void
forget(struct relay *r, struct relay_session *s)
{
	while (s->debts)
		forget_debt(s, s->debts);
	s->stalled = false;
	look_after(r, s);
	s->peer->sessions--;
	HASH_DELETE(hh, r->by_from, s);
	HASH_DELETE(hh_handle, r->by_handle, s);
	free(s);
}

/* The one that has been silent longest; of one address only when that has more than its share. */
static bool
make_room(struct relay *r, const struct relay_peer *peer)
{
	size_t most = r->max_sessions ? r->max_sessions : RELAY_SESSIONS_MAX;
	bool crowded = peer->sessions >= most / 4;
	struct relay_session *s, *oldest = NULL;
	if (!crowded && HASH_COUNT(r->by_from) < most)
		return true;
	for (s = r->by_from; s; s = s->hh.next)
		if (!s->debts && (!crowded || s->peer == peer) && (!oldest || s->heard_ns < oldest->heard_ns))
			oldest = s;
	if (!oldest)
		return false;
	stats_add(r->stats, STAT_relay_sessions_cut, 1);
	forget(r, oldest);
	return true;
}

/* Who has many sessions has small ones: what is under way from one address is bounded, and so is its part of the service. */
static uint32_t
window_for(const struct relay_peer *peer)
{
	uint32_t window = 2U * RELAY_WINDOW / (uint32_t)peer->sessions;
	return window > RELAY_WINDOW ? RELAY_WINDOW : window < RELAY_WINDOW_LEAST ? RELAY_WINDOW_LEAST : window;
}

static struct relay_session *
begin(struct relay *r, const struct relay_from *from, const struct relay_msg *m, struct relay_peer *peer)
{
	struct relay_session *s = find(r, from);
	if (s)
		forget(r, s);
	if (!make_room(r, peer))
		return NULL;
	s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->from = *from;
	memcpy(s->id, m->session, sizeof s->id);
	s->handle = ++r->handles;
	s->peer = peer;
	peer->sessions++;
	s->window = window_for(peer);
	if (m->hello.node.n)
		memcpy(s->node, m->hello.node.p, m->hello.node.n);
	s->via = XXH3_64bits(peer->address, strlen(peer->address));
	s->via += s->via == 0; /* 0 is what was made here */
	HASH_ADD(hh, r->by_from, from.id, from->n, s);
	HASH_ADD(hh_handle, r->by_handle, handle, sizeof s->handle, s);
	stats_add(r->stats, STAT_relay_sessions, 1);
	return s;
}

void
relay_fini(struct relay *r)
{
	struct relay_session *s, *next;
	HASH_ITER(hh, r->by_from, s, next)
	{
		forget(r, s);
	}
	relay_peers_fini(&r->peers);
	relaypack_fini(&r->pack);
	buf_fini(&r->out);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static enum relay_sent
say_message(struct relay *r, const struct relay_from *to, const struct relay_msg *m)
{
	buf_clear(&r->out);
	if (relaymsg_write(&r->out, m) != BX_OK)
		return RELAY_SEND_GONE;
	return r->send(r->arg, to, (struct bytes){r->out.data, r->out.len});
}

static enum relay_sent
answer(struct relay *r, struct relay_session *s, struct relay_msg *m, int64_t now_ns)
{
	memcpy(m->session, s->id, sizeof s->id);
	enum relay_sent sent = say_message(r, &s->from, m);
	if (sent == RELAY_SENT)
		s->said_ns = now_ns;
	return sent;
}

/* Ends the session, where there is one. */
static void
nope(struct relay *r, const struct relay_from *to, const uint8_t session[RELAY_SESSION], enum relay_reason reason,
    bool again)
{
	struct relay_msg m = {.kind = RELAY_NOPE, .nope = {.reason = reason, .again = again}};
	struct relay_session *s = find(r, to);
	memcpy(m.session, session, RELAY_SESSION);
	say_message(r, to, &m);
	stats_add(r->stats, STAT_relay_nopes, 1);
	if (s && memcmp(s->id, session, RELAY_SESSION) == 0)
		forget(r, s);
}

static void
busy(struct relay *r, struct relay_session *s, int64_t now_ns)
{
	struct relay_msg m = {.kind = RELAY_BUSY, .busy = {.retry_ms = RETRY_MS}};
	if (answer(r, s, &m, now_ns) == RELAY_SENT)
		stats_add(r->stats, STAT_relay_busy, 1);
}

/* ---- HELLO ------------------------------------------------------------------------------------------------------- */

static void
take_hello(struct relay *r, const struct relay_from *from, struct relay_peer *peer, const struct relay_msg *hello,
    int64_t now_ns)
{
	relay_peer_charge(peer, RELAY_PRICE_HELLO, now_ns);
	struct relay_session *s = begin(r, from, hello, peer);
	if (!s) {
		nope(r, from, hello->session, RELAY_TOO_MANY, false);
		return;
	}
	struct relay_msg m = {
	    .kind = RELAY_WELCOME,
	    .hello =
		{
		    .version = RELAY_VERSION,
		    .max_frame_version = FRAME_VERSION,
		    .features = RELAY_CAN_ZSTD,
		    .node = {(const uint8_t *)r->node, strlen(r->node)},
		    .window = s->window,
		    .max_msg = RELAY_TAKES_MAX,
		    .heartbeat_ms = RELAY_HEARTBEAT_MS,
		},
	};
	s->heard_ns = now_ns;
	if (answer(r, s, &m, now_ns) != RELAY_SENT)
		forget(r, s);
}

/* A message that was for nothing, `bytes` long where that was looked into. */
static void
charge(struct relay_peer *peer, size_t bytes, int64_t now_ns)
{
	relay_peer_charge(peer, RELAY_PRICE_MESSAGE + (int64_t)bytes, now_ns);
}

/* ---- DATA -------------------------------------------------------------------------------------------------------- */

/* T2, T3: what is wrong with a frame by itself; 0 when nothing is.  `newer`: hold it, it is no damage. */
static uint32_t
why_not(struct bytes bytes, uint32_t *events, bool *newer)
{
	struct frame f;
	if (bytes.n > FRAME_MAX)
		return RELAY_WHY_SIZE;
	enum bx_err err = frame_open(bytes.p, bytes.n, &f);
	if (err == BX_EVERSION)
		*newer = true;
	if (err == BX_ESUM)
		return RELAY_WHY_SUM;
	if (err != BX_OK || f.len != bytes.n || f.seq == 0)
		return RELAY_WHY_BAD;
	*events += f.count;
	return 0;
}

/* Looks at each frame; what is refused is marked.  False when the message as a whole is not to be had. */
static bool
check_frames(
    struct relay *r, struct relay_parcel *p, const struct relay_data *d, enum relay_reason *reason, uint32_t *events)
{
	struct cursor c;
	struct bytes frame;
	uint32_t n = 0;
	cursor_init(&c, p->frames.data, p->frames.len);
	*reason = RELAY_BAD_MESSAGE;
	while (relaymsg_next_frame(&c, &frame)) {
		bool newer = false;
		uint32_t why = why_not(frame, events, &newer);
		if (newer) {
			*reason = RELAY_FRAME_VERSION;
			return false;
		}
		if (why) {
			uint8_t *length = p->frames.data + (frame.p - p->frames.data) - RELAY_FRAME_LENGTH;
			put_u32le(length, (uint32_t)frame.n | RELAY_PASS_OVER);
			if (p->rejected.len >= RELAY_REJECTED * RELAY_REJECTED_MAX)
				return false; /* no journal is as bad as that */
			relaymsg_add_rejected(&p->rejected, d->from + n, why);
			stats_add(r->stats, STAT_relay_rejected, 1);
		}
		n++;
	}
	return cursor_err(&c) == BX_OK && n == d->count && p->rejected.err == BX_OK;
}

static void
owe(struct relay *r, struct relay_session *s, uint64_t upto, size_t bytes)
{
	struct debt *d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->upto = upto;
	d->bytes = bytes;
	s->owed += bytes;
	s->debt_count++;
	DL_APPEND(s->debts, d);
	look_after(r, s);
}

static bool
unpack(struct relay *r, const struct relay_data *d, struct relay_parcel *p)
{
	struct bytes frames;
	if (relaypack_read(&r->pack, d, &p->frames, &frames) != BX_OK)
		return false;
	if (!d->zstd) {
		buf_clear(&p->frames);
		buf_put(&p->frames, frames.p, frames.n);
	}
	return p->frames.err == BX_OK;
}

static void
take_frames(
    struct relay *r, struct relay_session *s, const struct relay_data *d, struct relay_parcel *p, int64_t now_ns)
{
	static struct say_limit limit;
	enum relay_reason reason = RELAY_BAD_MESSAGE;
	uint32_t events = 0;
	p->session = s->handle;
	p->via = s->via;
	p->from = d->from;
	if (!unpack(r, d, p) || !check_frames(r, p, d, &reason, &events)) {
		if (reason == RELAY_FRAME_VERSION) {
			say_about(SAY_PEER, s->peer->address);
			say_limited(&limit, SAY_WARNING,
			    "relay: %s sends frames of a newer version, which it now holds back; this oxd is too old",
			    s->peer->address);
		} else {
			stats_add(r->stats, STAT_relay_bad, 1);
		}
		charge(s->peer, d->plain, now_ns);
		relay_queue_put_back(r->queue, p);
		nope(r, &s->from, s->id, reason, false);
		return;
	}
	s->messages = d->message;
	s->last = d->from + d->count - 1;
	s->frames += d->count;
	s->bytes += p->frames.len;
	stats_add(r->stats, STAT_relay_frames, d->count);
	stats_add(r->stats, STAT_relay_events, events);
	if (p->rejected.len)
		relay_peer_charge(s->peer, (int64_t)(p->rejected.len / RELAY_REJECTED) * RELAY_PRICE_REJECTED, now_ns);
	owe(r, s, s->last, RELAY_DATA_HEADER + d->frames.n);
	relay_queue_fill(r->queue, p);
}

static void
take_data(struct relay *r, const struct relay_from *from, struct relay_peer *peer, const struct relay_msg *m,
    size_t bytes, int64_t now_ns)
{
	struct relay_session *s = find(r, from);
	if (!s || memcmp(s->id, m->session, RELAY_SESSION) != 0) { /* T1 */
		charge(peer, 0, now_ns);
		nope(r, from, m->session, RELAY_NO_SESSION, true);
		return;
	}
	s->heard_ns = now_ns;
	if (s->stalled)
		return; /* it has been told to wait */
	if (bytes > RELAY_TAKES_MAX || s->owed >= s->window) {
		stats_add(r->stats, bytes > RELAY_TAKES_MAX ? STAT_relay_too_big : STAT_relay_over_window, 1);
		charge(peer, bytes, now_ns);
		nope(r, from, m->session, RELAY_BAD_MESSAGE, false);
		return;
	}
	if (m->data.message != s->messages + 1 || m->data.from <= s->last) {
		charge(peer, 0, now_ns);
		nope(r, from, m->session, RELAY_GAP, true);
		return;
	}
	struct relay_parcel *p = relay_queue_empty(r->queue);
	if (!p) {
		s->stalled = true;
		look_after(r, s);
		busy(r, s, now_ns);
		return;
	}
	take_frames(r, s, &m->data, p, now_ns);
}

bool
relay_reads(const struct relay *r)
{
	return atomic_load(&r->queue->blocked) || relay_queue_has_empty(r->queue);
}

/* An address that has wasted more than its part is heard no further, but in the sessions that it has. */
static bool
shuts_out(struct relay *r, const struct relay_from *from, struct relay_peer *peer, struct bytes message, int64_t now_ns)
{
	static struct say_limit limit;
	uint8_t session[RELAY_SESSION];
	const struct relay_session *s;
	if (!relay_peer_is_broke(peer, now_ns))
		return false;
	s = find(r, from);
	if (s && relaymsg_session(message.p, message.n, session) && memcmp(s->id, session, sizeof session) == 0)
		return false;
	stats_add(r->stats, STAT_relay_shut_out, 1);
	say_about(SAY_PEER, peer->address);
	say_limited(&limit, SAY_WARNING, "relay: %s sends too much that is for nothing; most of it is dropped unread",
	    peer->address[0] ? peer->address : "an unknown address");
	return true;
}

void
relay_take(struct relay *r, const struct relay_from *from, const char *address, struct bytes message, int64_t now_ns)
{
	struct relay_msg m;
	uint8_t session[RELAY_SESSION];
	struct relay_peer *peer = relay_peer_of(&r->peers, address ? address : "");
	if (shuts_out(r, from, peer, message, now_ns))
		return;
	enum bx_err err = relaymsg_read(message.p, message.n, &m);
	if (err == BX_OK && m.kind == RELAY_HELLO) {
		take_hello(r, from, peer, &m, now_ns);
	} else if (err == BX_OK && m.kind == RELAY_DATA) {
		take_data(r, from, peer, &m, message.n, now_ns);
	} else {
		charge(peer, 0, now_ns);
		stats_add(r->stats, STAT_relay_bad, 1);
		if (err != BX_OK && err != BX_EVERSION && relaymsg_session(message.p, message.n, session))
			nope(r, from, session, RELAY_BAD_MESSAGE, false);
	}
}

/* ---- what has become due ----------------------------------------------------------------------------------------- */

/* One that has just got its date, and the one before it: they are paid together, with the later. */
static void
join_debts(struct relay_session *s, struct debt *d)
{
	struct debt *before = d->prev;
	if (d == s->debts || !before->ticket)
		return;
	buf_put(&before->rejected, d->rejected.data, d->rejected.len);
	if (before->rejected.err != BX_OK)
		abort();
	before->upto = d->upto;
	before->ticket = d->ticket;
	before->bytes += d->bytes;
	s->owed += d->bytes + d->rejected.len; /* what forget_debt() takes off again */
	forget_debt(s, d);
}

/* The ingest thread is done with a parcel: the debt has a date now. */
static void
date_debt(struct relay *r, struct relay_parcel *p)
{
	struct relay_session *s;
	struct debt *d;
	HASH_FIND(hh_handle, r->by_handle, &p->session, sizeof p->session, s);
	if (!s)
		return; /* it has left meanwhile */
	DL_FOREACH(s->debts, d)
	{
		if (d->ticket)
			continue;
		d->ticket = p->ticket;
		d->rejected = p->rejected;
		s->owed += d->rejected.len;
		p->rejected = (struct buf){0};
		if (s->debt_count > RELAY_DEBTS_MAX)
			join_debts(s, d);
		return;
	}
}

/* An ACK has a bounded list: what is beyond goes ahead of it in ACKs that move nothing on. */
static enum relay_sent
send_ack(struct relay *r, struct relay_session *s, uint64_t upto, struct buf *rejected, int64_t now_ns)
{
	enum relay_sent sent = RELAY_SENT;
	bool more = true;
	while (sent == RELAY_SENT && more) {
		size_t count = rejected ? rejected->len / RELAY_REJECTED : 0;
		more = count > RELAY_REJECTED_MAX;
		if (more)
			count = RELAY_REJECTED_MAX;
		struct relay_msg m = {
		    .kind = RELAY_ACK,
		    .ack = {.upto = more ? s->acked : upto,
			.rejected_count = (uint32_t)count,
			.rejected = rejected ? rejected->data : NULL},
		};
		sent = answer(r, s, &m, now_ns);
		if (sent == RELAY_SENT && count)
			buf_drop_front(rejected, count * RELAY_REJECTED);
	}
	return sent;
}

/* Everything that was in the journal when the ingest thread was done with it is synced: only now an ACK (T2). */
static enum relay_sent
pay(struct relay *r, struct relay_session *s, uint64_t synced, int64_t now_ns)
{
	while (s->debts && s->debts->ticket && s->debts->ticket <= synced) {
		struct debt *d = s->debts, *after = d->next;
		/* One ACK for all that is due, as long as none of them has something to tell. */
		if (d->rejected.len > 0 || !after || !after->ticket || after->ticket > synced) {
			size_t before = d->rejected.len;
			enum relay_sent sent = send_ack(r, s, d->upto, &d->rejected, now_ns);
			s->owed -= before - d->rejected.len;
			if (sent != RELAY_SENT)
				return sent;
			s->acked = d->upto;
		}
		forget_debt(s, d);
	}
	return RELAY_SENT;
}

/* A sign of life at least once a heartbeat. */
static enum relay_sent
keep_warm(struct relay *r, struct relay_session *s, int64_t now_ns)
{
	if (now_ns - s->said_ns < (int64_t)RELAY_HEARTBEAT_MS * 1000000 / 2)
		return RELAY_SENT;
	if (s->stalled || atomic_load(&r->queue->blocked))
		busy(r, s, now_ns);
	else
		return send_ack(r, s, s->acked, NULL, now_ns);
	return RELAY_SENT;
}

/* True when it has taken nothing for too long. */
static bool
is_deaf(struct relay_session *s, enum relay_sent sent, int64_t now_ns)
{
	if (sent != RELAY_SEND_LATER)
		s->deaf_since_ns = 0;
	else if (s->deaf_since_ns == 0)
		s->deaf_since_ns = now_ns;
	return s->deaf_since_ns && now_ns - s->deaf_since_ns > (int64_t)RELAY_DEAF_MS * 1000000;
}

static void
settle_one(struct relay *r, struct relay_session *s, int64_t now_ns)
{
	enum relay_sent sent = pay(r, s, journal_synced(r->journal), now_ns);
	look_after(r, s);
	if (sent == RELAY_SENT && s->stalled && !s->debts && !atomic_load(&r->queue->blocked))
		nope(r, &s->from, s->id, RELAY_GAP, true); /* it has waited: from its cursor on again */
	else if (sent == RELAY_SEND_GONE || is_deaf(s, sent, now_ns) ||
		 (s->owing && keep_warm(r, s, now_ns) == RELAY_SEND_GONE))
		forget(r, s);
}

static void
forget_silent(struct relay *r, int64_t now_ns)
{
	struct relay_session *s, *next;
	HASH_ITER(hh, r->by_from, s, next)
	{
		if (!s->debts && now_ns - s->heard_ns > (int64_t)RELAY_FORGET_MS * 1000000)
			forget(r, s);
	}
}

void
relay_settle(struct relay *r, int64_t now_ns)
{
	for (struct relay_parcel *p; (p = relay_queue_done(r->queue)) != NULL;) {
		date_debt(r, p);
		relay_queue_put_back(r->queue, p);
	}
	struct relay_session *s, *next;
	DL_FOREACH_SAFE(r->owing, s, next)
	{
		settle_one(r, s, now_ns);
	}
	if (now_ns - r->swept_ns > (int64_t)RELAY_FORGET_MS * 1000000 / 10) {
		r->swept_ns = now_ns;
		forget_silent(r, now_ns);
		relay_peers_sweep(&r->peers, now_ns);
	}
}

bool
relay_owes(const struct relay *r)
{
	return r->owing != NULL;
}

void
relay_say_goodbye(struct relay *r)
{
	struct relay_session *s, *next;
	HASH_ITER(hh, r->by_from, s, next)
	{
		nope(r, &s->from, s->id, RELAY_LEAVING, false);
	}
}

size_t
relay_sessions(const struct relay *r)
{
	return HASH_COUNT(r->by_from);
}

size_t
relay_debts(const struct relay *r)
{
	size_t debts = 0;
	for (const struct relay_session *s = r->owing; s; s = s->next)
		debts += s->debt_count;
	return debts;
}

void
relay_encode(const struct relay *r, int64_t now_ns, struct buf *out)
{
	mp_add_array(out, HASH_COUNT(r->by_from));
	for (const struct relay_session *s = r->by_from; s; s = s->hh.next) {
		mp_add_map(out, 7);
		mp_pair_text(out, "node", s->node);
		mp_pair_text(out, "address", s->peer->address);
		mp_pair_uint(out, "frames", s->frames);
		mp_pair_uint(out, "bytes", s->bytes);
		mp_pair_uint(out, "acked", s->acked);
		mp_pair_double(out, "silent", (double)(now_ns - s->heard_ns) / 1e9);
		mp_pair_text(out, "state", s->stalled ? "busy" : s->debts ? "sending" : "idle");
	}
}
