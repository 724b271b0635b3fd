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
	struct buf rejected; /* entries of the ACK */
	struct debt *prev, *next;
};

struct relay_session {
	struct relay_from from;
	uint8_t id[RELAY_SESSION];
	uint64_t handle;
	uint64_t via;
	char address[RELAY_ADDRESS_MAX];
	char node[RELAY_NODE_MAX + 1];
	uint64_t messages; /* DATA messages taken on */
	uint64_t last;     /* number of the last frame taken on */
	uint64_t acked;
	uint64_t frames, bytes;
	struct debt *debts;
	bool stalled; /* a DATA was not taken on, since the journal takes nothing: later ones have no place either */
	bool owing;   /* in that list */
	int64_t heard_ns, said_ns;
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
	HASH_DELETE(hh, r->by_from, s);
	HASH_DELETE(hh_handle, r->by_handle, s);
	free(s);
}

/* The one that has been silent longest; of one address only when that has more than its share. */
static bool
make_room(struct relay *r, const char *address)
{
	size_t most = r->max_sessions ? r->max_sessions : RELAY_SESSIONS_MAX, same = 0;
	struct relay_session *s, *oldest = NULL, *oldest_same = NULL;
	if (HASH_COUNT(r->by_from) < most / 4)
		return true;
	for (s = r->by_from; s; s = s->hh.next) {
		bool is_same = strcmp(s->address, address) == 0;
		same += is_same;
		if (s->debts)
			continue;
		if (!oldest || s->heard_ns < oldest->heard_ns)
			oldest = s;
		if (is_same && (!oldest_same || s->heard_ns < oldest_same->heard_ns))
			oldest_same = s;
	}
	bool crowded = same >= most / 4;
	if (!crowded && HASH_COUNT(r->by_from) < most)
		return true;
	struct relay_session *goes = crowded ? oldest_same : oldest;
	if (!goes)
		return false;
	stats_add(r->stats, STAT_relay_sessions_cut, 1);
	forget(r, goes);
	return true;
}

static struct relay_session *
begin(struct relay *r, const struct relay_from *from, const struct relay_msg *m, const char *address)
{
	struct relay_session *s = find(r, from);
	if (s)
		forget(r, s);
	if (!make_room(r, address))
		return NULL;
	s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->from = *from;
	memcpy(s->id, m->session, sizeof s->id);
	s->handle = ++r->handles;
	snprintf(s->address, sizeof s->address, "%s", address);
	if (m->hello.node.n)
		memcpy(s->node, m->hello.node.p, m->hello.node.n);
	s->via = XXH3_64bits(s->address, strlen(s->address));
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
take_hello(
    struct relay *r, const struct relay_from *from, const char *address, const struct relay_msg *hello, int64_t now_ns)
{
	struct relay_session *s = begin(r, from, hello, address ? address : "");
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
		    .window = RELAY_WINDOW,
		    .max_msg = RELAY_TAKES_MAX,
		    .heartbeat_ms = RELAY_HEARTBEAT_MS,
		},
	};
	s->heard_ns = now_ns;
	if (answer(r, s, &m, now_ns) != RELAY_SENT)
		forget(r, s);
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
			relaymsg_add_rejected(&p->rejected, d->from + n, why);
			stats_add(r->stats, STAT_relay_rejected, 1);
		}
		n++;
	}
	return cursor_err(&c) == BX_OK && n == d->count && p->rejected.err == BX_OK;
}

static void
owe(struct relay *r, struct relay_session *s, uint64_t upto)
{
	struct debt *d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->upto = upto;
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
take_frames(struct relay *r, struct relay_session *s, const struct relay_data *d, struct relay_parcel *p)
{
	static struct say_limit limit;
	enum relay_reason reason = RELAY_BAD_MESSAGE;
	uint32_t events = 0;
	p->session = s->handle;
	p->via = s->via;
	p->from = d->from;
	if (!unpack(r, d, p) || !check_frames(r, p, d, &reason, &events)) {
		if (reason == RELAY_FRAME_VERSION)
			say_limited(&limit, SAY_WARNING,
			    "relay: %s sends frames of a newer version, which it now holds back; this oxd is too old",
			    s->address);
		else
			stats_add(r->stats, STAT_relay_bad, 1);
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
	owe(r, s, s->last);
	relay_queue_fill(r->queue, p);
}

static void
take_data(struct relay *r, const struct relay_from *from, const struct relay_msg *m, int64_t now_ns)
{
	struct relay_session *s = find(r, from);
	if (!s || memcmp(s->id, m->session, RELAY_SESSION) != 0) { /* T1 */
		nope(r, from, m->session, RELAY_NO_SESSION, true);
		return;
	}
	s->heard_ns = now_ns;
	if (s->stalled)
		return; /* it has been told to wait */
	if (m->data.message != s->messages + 1 || m->data.from <= s->last) {
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
	take_frames(r, s, &m->data, p);
}

bool
relay_reads(const struct relay *r)
{
	return atomic_load(&r->queue->blocked) || relay_queue_has_empty(r->queue);
}

void
relay_take(struct relay *r, const struct relay_from *from, const char *address, struct bytes message, int64_t now_ns)
{
	struct relay_msg m;
	uint8_t session[RELAY_SESSION];
	enum bx_err err = relaymsg_read(message.p, message.n, &m);
	if (err == BX_OK && m.kind == RELAY_HELLO) {
		take_hello(r, from, address, &m, now_ns);
	} else if (err == BX_OK && m.kind == RELAY_DATA) {
		take_data(r, from, &m, now_ns);
	} else {
		stats_add(r->stats, STAT_relay_bad, 1);
		if (err != BX_OK && err != BX_EVERSION && relaymsg_session(message.p, message.n, session))
			nope(r, from, session, RELAY_BAD_MESSAGE, false);
	}
}

/* ---- what has become due ----------------------------------------------------------------------------------------- */

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
		p->rejected = (struct buf){0};
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
			enum relay_sent sent = send_ack(r, s, d->upto, &d->rejected, now_ns);
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

static void
settle_one(struct relay *r, struct relay_session *s, int64_t now_ns)
{
	enum relay_sent sent = pay(r, s, journal_synced(r->journal), now_ns);
	look_after(r, s);
	if (sent == RELAY_SENT && s->stalled && !s->debts && !atomic_load(&r->queue->blocked))
		nope(r, &s->from, s->id, RELAY_GAP, true); /* it has waited: from its cursor on again */
	else if (sent == RELAY_SEND_GONE || (s->owing && keep_warm(r, s, now_ns) == RELAY_SEND_GONE))
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

void
relay_encode(const struct relay *r, int64_t now_ns, struct buf *out)
{
	mp_add_array(out, HASH_COUNT(r->by_from));
	for (const struct relay_session *s = r->by_from; s; s = s->hh.next) {
		mp_add_map(out, 7);
		mp_pair_text(out, "node", s->node);
		mp_pair_text(out, "address", s->address);
		mp_pair_uint(out, "frames", s->frames);
		mp_pair_uint(out, "bytes", s->bytes);
		mp_pair_uint(out, "acked", s->acked);
		mp_pair_double(out, "silent", (double)(now_ns - s->heard_ns) / 1e9);
		mp_pair_text(out, "state", s->stalled ? "busy" : s->debts ? "sending" : "idle");
	}
}
