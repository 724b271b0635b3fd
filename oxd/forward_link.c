/* SPDX-License-Identifier: ISC */
/* forward_link: DEALER for an oxd, PUSH for an original daemon, which never says a word. */
#include "oxd/forward_link.h"

#include <errno.h>
#include <zmq.h>

#include "oxd/curve.h"
#include "oxd/relay.h"
#include "oxd/watch.h"
#include "oxd/zsock.h"

enum { MARK = 8, PUSH_MARK = 1000, PUSH_LINGER_MS = 2000 };

static bool
prepare(struct forward_link *l, void *zmq)
{
	const struct upstream *u = &l->upstream;
	int type = u->push ? ZMQ_PUSH : ZMQ_DEALER, linger = PUSH_LINGER_MS;
	struct zsock_limits limits = {u->push ? PUSH_MARK : MARK, MARK, RELAY_TAKES_MAX, u->v6};
	l->socket = zmq_socket(zmq, type);
	if (!l->socket || !zsock_limit(l->socket, type, &limits))
		return false;
	if (u->push)
		return zmq_setsockopt(l->socket, ZMQ_LINGER, &linger, sizeof linger) == 0;
	if (curve_is_on())
		watch_link(l->socket, u->text);
	return curve_call(l->socket);
}

bool
forward_link_open(struct forward_link *l, void *zmq, const struct upstream *upstream, size_t place)
{
	*l = (struct forward_link){.upstream = *upstream, .place = place};
	if (prepare(l, zmq) && zmq_connect(l->socket, upstream->endpoint) == 0)
		return true;
	int why = errno;
	forward_link_close(l);
	l->place = place;
	errno = why;
	return false;
}

void
forward_link_close(struct forward_link *l)
{
	if (l->socket)
		zmq_close(l->socket);
	forward_session_fini(&l->session);
	buf_fini(&l->hello);
	*l = (struct forward_link){0};
}

void
forward_link_begin(struct forward_link *l, uint64_t cursor, const char *node, int64_t now_ns)
{
	forward_session_begin(&l->session, cursor, node, now_ns, &l->hello);
	l->hello_due = !l->upstream.push;
}

/* Connected is all that a PUSH socket can say. */
static void
look_for_connection(struct forward_link *l)
{
	int events = 0;
	size_t n = sizeof events;
	if (l->session.state == FORWARD_HELLO && zmq_getsockopt(l->socket, ZMQ_EVENTS, &events, &n) == 0 &&
	    (events & ZMQ_POLLOUT))
		l->session.state = FORWARD_OPEN;
}

static void
say_hello(struct forward_link *l)
{
	if (l->hello_due && zmq_send(l->socket, l->hello.data, l->hello.len, ZMQ_DONTWAIT) >= 0)
		l->hello_due = false;
}

void
forward_link_listen(struct forward_link *l, int64_t now_ns, struct buf *rejected)
{
	zmq_msg_t m;
	if (!l->socket)
		return;
	if (l->upstream.push) {
		look_for_connection(l);
		return;
	}
	say_hello(l);
	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, l->socket, ZMQ_DONTWAIT) >= 0) {
		uint64_t acked = l->session.acked;
		forward_session_take(&l->session, (struct bytes){zmq_msg_data(&m), zmq_msg_size(&m)}, now_ns, rejected);
		if (l->session.acked > acked)
			l->agains = 0;
	}
	zmq_msg_close(&m);
}

short
forward_link_events(const struct forward_link *l, bool sends)
{
	bool connecting = l->hello_due || (l->upstream.push && l->session.state == FORWARD_HELLO);
	return (short)(ZMQ_POLLIN | (connecting || sends ? ZMQ_POLLOUT : 0));
}
