/* SPDX-License-Identifier: ISC */
/* zsock: one list of options. */
#include "oxd/zsock.h"

#include <zmq.h>

enum {
	KEEPALIVE_IDLE_S = 10,
	KEEPALIVE_EACH_S = 5,
	KEEPALIVE_TIMES = 3,
	HANDSHAKE_MS = 10000,
	RECONNECT_MS = 100,
	RECONNECT_MAX_MS = 2000
};

static bool
set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

bool
zsock_limit(void *socket, int type, const struct zsock_limits *l)
{
	bool ok = set(socket, ZMQ_LINGER, 0) && set(socket, ZMQ_SNDHWM, l->send_mark) &&
		  set(socket, ZMQ_RCVHWM, l->receive_mark) && set(socket, ZMQ_IMMEDIATE, 1) &&
		  set(socket, ZMQ_TCP_KEEPALIVE, 1) && set(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S) &&
		  set(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_EACH_S) &&
		  set(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_TIMES) && set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
		  set(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
		  set(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) && set(socket, ZMQ_IPV6, l->v6) &&
		  zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &l->message_max, sizeof l->message_max) == 0;
	if (ok && type == ZMQ_ROUTER)
		ok = set(socket, ZMQ_ROUTER_MANDATORY, 1);
	return ok;
}
