/* SPDX-License-Identifier: ISC */
/*
 * forward_link: a socket to one upstream and the session on it.
 *
 * Opened, listened to and closed; what is sent on it and what follows from how it is, is the forwarder's business.  All
 * zeroes: there is none.  One thread.
 */
#ifndef BLUEOX_OXD_FORWARD_LINK_H
#define BLUEOX_OXD_FORWARD_LINK_H

#include "oxd/forward_session.h"
#include "oxd/upstream.h"

struct forward_link {
	void *socket;
	size_t place; /* in the list of upstreams */
	struct upstream upstream;
	struct forward_session session;
	struct buf hello;
	bool hello_due;         /* it waits for the connection */
	unsigned agains;        /* NOPE{again} in a row */
	int64_t stuck_since_ns; /* PUSH: since when it takes nothing */
};

/* Connects, without waiting for it.  False with errno; then there is no link, but for its place. */
bool forward_link_open(struct forward_link *l, void *zmq, const struct upstream *upstream, size_t place);
void forward_link_close(struct forward_link *l);

/* A new session on it, behind the cursor. */
void forward_link_begin(struct forward_link *l, uint64_t cursor, const char *node, int64_t now_ns);

/* Takes what the upstream says; rejected frames are added to `rejected`, as an ACK has them. */
void forward_link_listen(struct forward_link *l, int64_t now_ns, struct buf *rejected);

/* For poll: `sends` when something waits for room on it. */
short forward_link_events(const struct forward_link *l, bool sends);

static inline bool
forward_link_is_open(const struct forward_link *l)
{
	return l->socket && l->session.state == FORWARD_OPEN;
}

#endif
