/* SPDX-License-Identifier: ISC */
/* forward_session: gather, pack, remember what is under way. */
#include "oxd/forward_session.h"

#include <stdlib.h>
#include <sys/random.h>
#include <utlist.h>

#include "libbx/core/frame.h"

enum { SILENT_HEARTBEATS = 3, HEARTBEAT_LEAST_MS = 100, HEARTBEAT_MOST_MS = 60000 };

/* 0..acked | acked..sent is under way, in messages | what is gathered */
struct forward_flight {
	uint64_t upto;
	size_t bytes;
	struct forward_flight *prev, *next;
};

void
forward_session_begin(struct forward_session *s, uint64_t cursor, const char *node, int64_t now_ns, struct buf *hello)
{
	struct relay_msg m = {
	    .kind = RELAY_HELLO,
	    .hello =
		{
		    .version = RELAY_VERSION,
		    .max_frame_version = FRAME_VERSION,
		    .features = RELAY_CAN_ZSTD,
		    .node = {(const uint8_t *)node, strlen(node)},
		},
	};
	forward_session_fini(s);
	s->state = FORWARD_HELLO;
	s->from = s->sent = s->acked = cursor;
	s->heard_ns = now_ns;
	while (getrandom(s->id, sizeof s->id, 0) != (ssize_t)sizeof s->id)
		;
	memcpy(m.session, s->id, sizeof s->id);
	buf_clear(hello);
	relaymsg_write(hello, &m);
}

void
forward_session_fini(struct forward_session *s)
{
	struct forward_flight *f, *next;
	DL_FOREACH_SAFE(s->flights, f, next)
	{
		DL_DELETE(s->flights, f);
		free(f);
	}
	buf_fini(&s->frames);
	*s = (struct forward_session){0};
}

void
forward_session_rebase(struct forward_session *s, uint64_t cursor)
{
	s->from = s->sent = s->acked = cursor;
}

bool
forward_session_put(struct forward_session *s, uint64_t number, struct bytes frame)
{
	size_t bytes = RELAY_FRAME_LENGTH + frame.n, most = FORWARD_TARGET;
	if (most > s->max_msg - RELAY_DATA_HEADER)
		most = s->max_msg - RELAY_DATA_HEADER;
	/* The numbers of a message have no gaps. */
	if (s->count > 0 && (number != s->first + s->count || s->frames.len + bytes > most))
		return false;
	if (s->count == 0)
		s->first = number;
	relaymsg_add_frame(&s->frames, frame);
	s->count++;
	return true;
}

bool
forward_session_too_new(const struct forward_session *s, struct bytes frame)
{
	return frame.n > 4 && frame.p[4] > s->max_frame_version;
}

bool
forward_session_may_send(const struct forward_session *s, int64_t now_ns)
{
	return s->state == FORWARD_OPEN && now_ns >= s->waits_until_ns &&
	       (s->in_flight == 0 || s->in_flight < s->window);
}

bool
forward_session_is_full(const struct forward_session *s)
{
	return s->frames.len >= FORWARD_TARGET / 2;
}

enum bx_err
forward_session_pack(struct forward_session *s, struct relaypack *pack, struct buf *out, int64_t now_ns)
{
	struct relay_msg m = {
	    .kind = RELAY_DATA,
	    .data =
		{
		    .message = s->message + 1,
		    .from = s->first,
		    .count = s->count,
		    .frames = {s->frames.data, s->frames.len},
		},
	};
	memcpy(m.session, s->id, sizeof s->id);
	buf_clear(out);
	enum bx_err err = s->frames.err == BX_OK ? relaypack_write(pack, out, &m, s->zstd) : s->frames.err;
	if (err == BX_OK && out->len > s->max_msg)
		err = BX_ELIMIT;
	if (err != BX_OK)
		return err;
	struct forward_flight *f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->upto = s->sent = s->first + s->count - 1;
	f->bytes = out->len;
	DL_APPEND(s->flights, f);
	if (s->in_flight == 0)
		s->heard_ns = now_ns; /* from here on it owes us a sign */
	s->in_flight += f->bytes;
	s->message++;
	s->count = 0;
	buf_clear(&s->frames);
	return BX_OK;
}

/* ---- what the peer says ------------------------------------------------------------------------------------------ */

static void
take_welcome(struct forward_session *s, const struct relay_hello *h)
{
	if (s->state != FORWARD_HELLO)
		return;
	if (h->version != RELAY_VERSION || h->max_msg <= RELAY_DATA_HEADER + RELAY_FRAME_LENGTH) {
		s->state = FORWARD_OVER;
		s->reason = RELAY_OLD_VERSION;
		return;
	}
	s->max_frame_version = h->max_frame_version;
	s->zstd = (h->features & RELAY_CAN_ZSTD) != 0;
	s->window = h->window;
	s->max_msg = h->max_msg;
	s->heartbeat_ms = h->heartbeat_ms < HEARTBEAT_LEAST_MS  ? HEARTBEAT_LEAST_MS
			  : h->heartbeat_ms > HEARTBEAT_MOST_MS ? HEARTBEAT_MOST_MS
								: h->heartbeat_ms;
	s->state = FORWARD_OPEN;
}

/* S1: on, never back, and never past what was sent in this session, whatever the peer says. */
static void
take_ack(struct forward_session *s, const struct relay_ack *a, struct buf *rejected)
{
	uint64_t upto = a->upto < s->sent ? a->upto : s->sent;
	for (uint32_t i = 0; i < a->rejected_count; i++) {
		struct relay_rejected one = relaymsg_rejected(a, i);
		if (one.n > s->acked && one.n <= s->sent)
			relaymsg_add_rejected(rejected, one.n, one.why);
	}
	if (upto > s->acked)
		s->acked = upto;
	while (s->flights && s->flights->upto <= s->acked) {
		struct forward_flight *f = s->flights;
		DL_DELETE(s->flights, f);
		s->in_flight -= f->bytes;
		free(f);
	}
}

void
forward_session_take(struct forward_session *s, struct bytes message, int64_t now_ns, struct buf *rejected)
{
	struct relay_msg m;
	if (relaymsg_read(message.p, message.n, &m) != BX_OK || memcmp(m.session, s->id, sizeof s->id) != 0)
		return; /* of an earlier session, or a newer program's */
	s->heard_ns = now_ns;
	if (m.kind == RELAY_WELCOME) {
		take_welcome(s, &m.hello);
	} else if (m.kind == RELAY_ACK && s->state == FORWARD_OPEN) {
		take_ack(s, &m.ack, rejected);
	} else if (m.kind == RELAY_BUSY && s->state == FORWARD_OPEN) {
		s->waits_until_ns = now_ns + (int64_t)m.busy.retry_ms * 1000000; /* S4: it is not death */
	} else if (m.kind == RELAY_NOPE) {
		s->reason = m.nope.reason;
		s->state = m.nope.reason == RELAY_FRAME_VERSION ? FORWARD_TOO_NEW
			   : m.nope.again                       ? FORWARD_AGAIN
								: FORWARD_OVER;
	}
}

bool
forward_session_is_silent(const struct forward_session *s, int64_t now_ns)
{
	int64_t silent_ns = now_ns - s->heard_ns;
	if (s->state == FORWARD_HELLO)
		return silent_ns > (int64_t)FORWARD_HELLO_MS * 1000000;
	return s->state == FORWARD_OPEN && s->in_flight > 0 &&
	       silent_ns > (int64_t)s->heartbeat_ms * SILENT_HEARTBEATS * 1000000;
}
