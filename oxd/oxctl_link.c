/* SPDX-License-Identifier: ISC */
/* oxctl_link: a REQ socket with a monitor beside it, which tells of the connection before anything is asked. */
#include "oxd/oxctl_link.h"

#include <zmq.h>

#include "libbx/core/addr.h"
#include "libbx/core/clock.h"
#include "libbx/core/keyfile.h"
#include "libbx/core/mp.h"
#include "oxd/say.h"

enum { CONTROL_PORT = 3513, CONNECT_MS = 4000 };

static bool
connected(void *monitor, bool *refused)
{
	int64_t until_ns = clock_mono_ns() + (int64_t)CONNECT_MS * 1000000;
	for (;;) {
		int left_ms = (int)((until_ns - clock_mono_ns()) / 1000000);
		zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
		if (left_ms <= 0 || zmq_poll(&item, 1, left_ms) <= 0)
			return false;
		zmq_msg_t m;
		zmq_msg_init(&m);
		uint16_t event = 0;
		if (zmq_msg_recv(&m, monitor, 0) >= 0 && zmq_msg_size(&m) >= sizeof event)
			memcpy(&event, zmq_msg_data(&m), sizeof event);
		while (zmq_msg_more(&m) && zmq_msg_recv(&m, monitor, 0) >= 0)
			;
		zmq_msg_close(&m);
		if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
			return true;
		*refused =
		    *refused || (event & (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
					     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH));
		if (*refused)
			return false;
	}
}

/* False when a key file is no good, which is told. */
static bool
set_keys(void *socket, const struct oxctl *o)
{
	struct keyfile server, own = {{0}, {0}};
	const char *wrong = keyfile_read(o->server_key, false, &server), *path = o->server_key;
	if (!wrong && o->curve_key) {
		path = o->curve_key;
		wrong = keyfile_read(path, true, &own);
	} else if (!wrong && zmq_curve_keypair(own.public_key, own.secret_key) != 0) {
		wrong = "this libzmq has no CURVE";
	}
	if (wrong) {
		say(SAY_ERROR, "key file %s: %s", path, wrong);
		return false;
	}
	return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server.public_key, KEY_TEXT) == 0 &&
	       zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own.public_key, KEY_TEXT) == 0 &&
	       zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own.secret_key, KEY_TEXT) == 0;
}

static bool
open_sockets(struct oxctl_link *l, const struct oxctl *o, const char *endpoint, bool *refused)
{
	int none = 0, connect_ms = CONNECT_MS;
	l->zmq = zmq_ctx_new();
	l->socket = l->zmq ? zmq_socket(l->zmq, ZMQ_REQ) : NULL;
	l->monitor = l->zmq ? zmq_socket(l->zmq, ZMQ_PAIR) : NULL;
	if (!l->socket || !l->monitor)
		return false;
	zmq_setsockopt(l->socket, ZMQ_LINGER, &none, sizeof none);
	zmq_setsockopt(l->monitor, ZMQ_LINGER, &none, sizeof none);
	zmq_setsockopt(l->socket, ZMQ_SNDTIMEO, &connect_ms, sizeof connect_ms);
	if (o->server_key && !set_keys(l->socket, o))
		return false;
	return zmq_socket_monitor(l->socket, "inproc://monitor", ZMQ_EVENT_ALL) == 0 &&
	       zmq_connect(l->monitor, "inproc://monitor") == 0 && zmq_connect(l->socket, endpoint) == 0 &&
	       connected(l->monitor, refused);
}

int
oxctl_link_open(struct oxctl_link *l, const struct oxctl *o)
{
	struct addr where;
	char endpoint[ADDR_ENDPOINT_MAX];
	*l = (struct oxctl_link){0};
	const char *wrong = addr_parse(o->host, "127.0.0.1", CONTROL_PORT, &where);
	if (wrong) {
		say(SAY_ERROR, "--host '%s': %s", o->host, wrong);
		return 2;
	}
	addr_endpoint(&where, endpoint);
	bool refused = false;
	if (open_sockets(l, o, endpoint, &refused))
		return 0;
	if (refused)
		say(SAY_ERROR, "%s: the handshake failed: a wrong or missing key on one side", o->host);
	else
		say(SAY_ERROR, "no oxd answers at %s", o->host);
	oxctl_link_close(l);
	return 1;
}

void
oxctl_link_close(struct oxctl_link *l)
{
	if (l->socket)
		zmq_close(l->socket);
	if (l->monitor)
		zmq_close(l->monitor);
	if (l->zmq)
		zmq_ctx_term(l->zmq);
	*l = (struct oxctl_link){0};
}

bool
oxctl_link_ask(struct oxctl_link *l, const struct buf *request, int wait_ms, struct buf *answer)
{
	zmq_setsockopt(l->socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
	bool ok = request->err == BX_OK && zmq_send(l->socket, request->data, request->len, 0) >= 0;
	zmq_msg_t m;
	zmq_msg_init(&m);
	ok = ok && zmq_msg_recv(&m, l->socket, 0) >= 0;
	buf_clear(answer);
	if (ok)
		buf_put(answer, zmq_msg_data(&m), zmq_msg_size(&m));
	zmq_msg_close(&m);
	return ok && mp_is_one_map(answer->data, answer->len);
}
