/* SPDX-License-Identifier: ISC */
/*
 * link: one connection to one oxd at a time, and the sender's half of the relay protocol over it (doc/RELAY.md).
 *
 * A link never blocks but for looking a name up.  It sends what the queue holds behind the last acknowledged frame, and
 * takes out of the queue what is acknowledged.  Whatever goes wrong ends in LINK_DOWN, which waits and dials again; the
 * frames stay where they are.  One thread.
 */
#ifndef BLUEOX_TCP_LINK_H
#define BLUEOX_TCP_LINK_H

#include "libbx/core/rand.h"
#include "libbx/core/relaypack.h"
#include "libbx/process.h"
#include "libbx/tcp/dial.h"
#include "libbx/tcp/queue.h"
#include "libbx/tcp/zmtp.h"

enum link_state {
	LINK_DOWN,       /* until `retry_at` */
	LINK_CONNECTING, /* the socket is not there yet */
	LINK_GREETING,   /* ours is on its way, theirs awaited */
	LINK_HANDSHAKE,  /* READY awaited */
	LINK_HELLO,      /* WELCOME awaited */
	LINK_OPEN,
};

enum { LINK_FLYING = 32 }; /* messages under way at most */

struct link {
	enum link_state state;
	struct process *process; /* its counters */
	const struct zmtp_mechanism *mechanism;
	char node[RELAY_NODE_MAX + 1];
	int fd; /* -1 when down */
	struct dial dial;
	int64_t retry_at;   /* LINK_DOWN: when to dial. all times: monotonic ns */
	int64_t give_up_at; /* before LINK_OPEN: when the peer has taken too long */
	int64_t heard_at;   /* when something came last */
	int64_t hello_at;   /* when this session began */
	int64_t busy_until; /* 0 when the peer is not */
	int64_t wait_ns;    /* the next pause between attempts, without its jitter */
	struct rand rand;

	uint8_t session[RELAY_SESSION];
	uint64_t message;        /* DATA messages of this session */
	struct queue_at next;    /* first frame not yet sent in this session */
	struct relay_hello peer; /* its WELCOME, node left out */
	struct {
		uint64_t upto;
		uint32_t bytes;
	} flying[LINK_FLYING]; /* from `oldest`, `in_flight` of them */
	uint32_t oldest, in_flight;
	uint64_t flying_bytes;

	struct relaypack pack;
	struct buf plain; /* frames of the message being made */
	struct buf out;   /* out_at .. out.len is to be written */
	size_t out_at;
	struct buf in;
};

void link_init(struct link *l, struct process *p, const char *node);
void link_fini(struct link *l);

/* Does what can be done now, and returns true when it did something that may allow more at once. */
bool link_step(struct link *l, struct queue *q, const struct addr *to, int64_t now);

/* True when nothing is awaited from the peer, nor is to be said to it. */
bool link_is_quiet(const struct link *l);

/* When a step is due though nothing comes: INT64_MAX for never. */
int64_t link_deadline(const struct link *l);

/* Another peer: a new connection at once, from the same place in the queue. */
void link_redial(struct link *l);

#endif
