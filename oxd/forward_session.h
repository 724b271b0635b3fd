/* SPDX-License-Identifier: ISC */
/*
 * forward_session: the sending end, one session with one peer (doc/RELAY.md, rules S1 to S4).
 *
 * No socket, no thread, no journal here: frames are put in with their journal numbers, messages come out to be sent, and
 * what the peer says moves `acked` on.  A session ends, it is never mended: what was under way is sent again in the next
 * one, from the cursor.
 */
#ifndef BLUEOX_OXD_FORWARD_SESSION_H
#define BLUEOX_OXD_FORWARD_SESSION_H

#include "libbx/core/relaypack.h"

enum {
	FORWARD_TARGET = 512 * 1024, /* bytes of frames in a message, unless one frame is longer */
	FORWARD_HELLO_MS = 3000,     /* how long a peer may take to say WELCOME */
};

enum forward_state {
	FORWARD_HELLO,  /* said, or about to be */
	FORWARD_OPEN,   /* welcome */
	FORWARD_AGAIN,  /* over; a new one with this peer may do better at once */
	FORWARD_OVER,   /* over; this peer does not want it, or is gone */
	FORWARD_TOO_NEW /* over; the peer must be upgraded first: hold what it cannot read */
};

struct forward_flight;

struct forward_session {
	enum forward_state state;
	uint8_t id[RELAY_SESSION];
	uint16_t max_frame_version;
	bool zstd;
	uint32_t window, max_msg, heartbeat_ms;
	uint64_t message; /* number of the newest DATA */
	uint64_t from;    /* S1: the cursor when it began */
	uint64_t sent;    /* number of the last frame sent in this session */
	uint64_t acked;   /* S1: everything up to here is safe with the peer; at least `from` */

	struct buf frames; /* of the message that is being gathered */
	uint64_t first;    /* number of its first frame */
	uint32_t count;

	struct forward_flight *flights; /* sent and not acknowledged, oldest first */
	size_t in_flight;               /* bytes of them */
	int64_t heard_ns, waits_until_ns;
	uint32_t reason; /* of a NOPE */
};

/* Begins behind the cursor; `hello` gets the message to be sent. */
void forward_session_begin(
    struct forward_session *s, uint64_t cursor, const char *node, int64_t now_ns, struct buf *hello);
void forward_session_fini(struct forward_session *s);

/* The cursor has moved on since it began, and nothing was sent yet. */
void forward_session_rebase(struct forward_session *s, uint64_t cursor);

/* Puts a frame into the message at hand.  False when it has no place there: send that one first. */
bool forward_session_put(struct forward_session *s, uint64_t number, struct bytes frame);

/* The peer cannot read a frame of this format. */
bool forward_session_too_new(const struct forward_session *s, struct bytes frame);

/* S3: whether a message may be sent now. */
bool forward_session_may_send(const struct forward_session *s, int64_t now_ns);
bool forward_session_is_full(const struct forward_session *s);

/* Packs the message at hand into out; it counts as under way.  BX_ELIMIT: a single frame that the peer does not take. */
enum bx_err forward_session_pack(struct forward_session *s, struct relaypack *pack, struct buf *out, int64_t now_ns);

/* A message from the peer.  Rejected frames are added to `rejected`, as an ACK has them. */
void forward_session_take(struct forward_session *s, struct bytes message, int64_t now_ns, struct buf *rejected);

/* S2: nothing was heard for too long. */
bool forward_session_is_silent(const struct forward_session *s, int64_t now_ns);

static inline bool
forward_session_is_quiet(const struct forward_session *s)
{
	return s->in_flight == 0 && s->count == 0;
}

#endif
