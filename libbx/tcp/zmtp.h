/* SPDX-License-Identifier: ISC */
/*
 * zmtp: the bytes of ZeroMQ's wire protocol 3.1 (rfc.zeromq.org/spec/37), as much as one DEALER needs.
 *
 * Codec only: no sockets, no clock.  A connection is a greeting of 64 bytes each way, a READY command each way, and then
 * frames.  libzmq itself would do this too, and abort the program it is in when the program closes its descriptors or
 * memory runs out: doc/RATIONALE.md.
 *
 * What another mechanism (CURVE) would need stands in struct zmtp_mechanism: its name in the greeting, its commands
 * before READY, and what it makes of a frame.
 */
#ifndef BLUEOX_TCP_ZMTP_H
#define BLUEOX_TCP_ZMTP_H

#include "libbx/core/buf.h"
#include "libbx/core/event.h"

enum {
	ZMTP_GREETING = 64,
	ZMTP_HEADER_MAX = 9,
	ZMTP_FRAME_MAX = 64 * 1024, /* what a peer may send us: the longest ACK is 48 KiB */
};

enum zmtp_kind {
	ZMTP_NEED_MORE, /* nothing whole yet */
	ZMTP_MESSAGE,   /* one that has a single part */
	ZMTP_PART,      /* of one that has several: nothing that a relay says */
	ZMTP_READY,
	ZMTP_ERROR,
	ZMTP_PING,
	ZMTP_COMMAND, /* any other */
	ZMTP_BAD,     /* no frame at all: the connection is of no use */
};

struct zmtp_frame {
	enum zmtp_kind kind;
	struct bytes body; /* a message's content, a command's data behind its name; borrowed */
	size_t size;       /* bytes that it took */
};

struct zmtp_mechanism {
	char name[20]; /* as in the greeting, padded with zeroes */
};

extern const struct zmtp_mechanism zmtp_null;

void zmtp_put_greeting(uint8_t out[ZMTP_GREETING], const struct zmtp_mechanism *m);
bool zmtp_greeting_fits(const uint8_t in[ZMTP_GREETING], const struct zmtp_mechanism *m);

void zmtp_add_ready(struct buf *b);      /* as a DEALER without a name */
bool zmtp_ready_fits(struct bytes body); /* the peer is a ROUTER */
void zmtp_add_pong(struct buf *b, struct bytes ping_body);

/* Header of a single-part message of n bytes; returns its length. */
size_t zmtp_put_header(uint8_t out[ZMTP_HEADER_MAX], uint64_t n);

/* The first frame of these bytes. */
struct zmtp_frame zmtp_read(const uint8_t *p, size_t n);

#endif
