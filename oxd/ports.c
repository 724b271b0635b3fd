/* SPDX-License-Identifier: ISC */
/* ports: limits first, bind last. */
#include "oxd/ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "libbx/core/frame.h"
#include "libbx/core/rand.h"
#include "oxd/control.h"
#include "oxd/curve.h"
#include "oxd/relay.h"
#include "oxd/watch.h"
#include "oxd/zsock.h"

enum {
	STREAM_LOW = 35000,
	STREAM_HIGH = 36000,
	STREAM_TRIES = 200,
	/* One that is too long for a frame is counted; one that is longer than this costs the connection, by ZeroMQ. */
	EVENT_MAX = FRAME_MAX + (512 << 10),
	EVENT_MARK = 1000,
	RELAY_MARK = 8,
	RELAY_READ_MARK = 2 /* messages of a connection that wait here; ZeroMQ bounds no bytes */
};

static bool
set_int(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool
set_limits(void *socket, int type, const struct addr *where)
{
	bool v6 = strchr(where->host, ':') != NULL;
	if (type == ZMQ_ROUTER)
		return zsock_limit(
		    socket, type, &(struct zsock_limits){RELAY_MARK, RELAY_READ_MARK, RELAY_COUNTS_MAX, v6});
	int64_t most = type == ZMQ_REP ? 2 * CONTROL_MAX : EVENT_MAX;
	return set_int(socket, ZMQ_LINGER, 0) && set_int(socket, ZMQ_RCVHWM, EVENT_MARK) &&
	       set_int(socket, ZMQ_SNDHWM, 50000) && set_int(socket, ZMQ_IPV6, v6) &&
	       zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0;
}

static void
note_endpoint(struct port *p, const struct addr *where)
{
	size_t n = sizeof p->endpoint;
	if (zmq_getsockopt(p->socket, ZMQ_LAST_ENDPOINT, p->endpoint, &n) != 0)
		p->endpoint[0] = '\0';
	const char *colon = strrchr(p->endpoint, ':');
	p->number = where->ipc || !colon ? 0 : (uint16_t)atoi(colon + 1);
	snprintf(p->text, sizeof p->text, "%s", where->ipc ? p->endpoint : p->endpoint + strlen("tcp://"));
}

/* ZeroMQ removes a socket file that is there, even under a daemon that listens on it. */
static bool
ipc_is_taken(const struct addr *where)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	if (!where->ipc || strlen(where->host) >= sizeof un.sun_path)
		return false;
	memcpy(un.sun_path, where->host, strlen(where->host) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool taken = fd >= 0 && connect(fd, (const struct sockaddr *)&un, sizeof un) == 0;
	if (fd >= 0)
		close(fd);
	return taken;
}

static bool
open_and_bind(struct port *p, void *zmq, int type, const struct addr *where)
{
	char endpoint[ADDR_ENDPOINT_MAX];
	if (ipc_is_taken(where)) {
		errno = EADDRINUSE;
		return false;
	}
	p->socket =
	    zmq_socket(zmq, type == ZMQ_REP ? ZMQ_ROUTER : type); /* whose askers need not wait for each other */
	addr_endpoint(where, endpoint);
	if (p->socket && set_limits(p->socket, type, where) && curve_guard(p->socket, where, &p->curve)) {
		watch_port(p->socket, endpoint, p->curve);
	} else {
		port_close(p);
	}
	if (p->socket && zmq_bind(p->socket, endpoint) == 0) {
		p->exposed = !p->curve && !addr_is_local(where);
		note_endpoint(p, where);
		return true;
	}
	int why = errno;
	port_close(p);
	errno = why;
	return false;
}

bool
port_open(struct port *p, void *zmq, int type, const char *name, const struct addr *where, char *err, size_t err_cap)
{
	*p = (struct port){0};
	if (open_and_bind(p, zmq, type, where))
		return true;
	char endpoint[ADDR_ENDPOINT_MAX];
	addr_endpoint(where, endpoint);
	const char *why = errno == EADDRINUSE ? "is in use" : errno == ENODEV ? "is no address of this host" : NULL;
	if (why)
		snprintf(err, err_cap, "%s port %s %s", name, endpoint, why);
	else
		snprintf(err, err_cap, "%s port %s: %s", name, endpoint, zmq_strerror(errno));
	return false;
}

bool
port_open_stream(struct port *p, void *zmq, const struct addr *control, char *err, size_t err_cap)
{
	struct addr where = *control;
	struct rand r;
	rand_seed(&r);
	*p = (struct port){0};
	if (control->ipc) {
		if (snprintf(where.host, sizeof where.host, "%.240s.stream", control->host) > 0 &&
		    open_and_bind(p, zmq, ZMQ_XPUB, &where))
			return true;
		snprintf(err, err_cap, "streaming socket %s: %s", where.host, zmq_strerror(errno));
		return false;
	}
	for (int tries = 0; tries < STREAM_TRIES; tries++) {
		where.port = (uint16_t)(STREAM_LOW + rand_u64(&r) % (STREAM_HIGH - STREAM_LOW + 1));
		if (open_and_bind(p, zmq, ZMQ_XPUB, &where))
			return true;
		if (errno != EADDRINUSE)
			break;
	}
	snprintf(err, err_cap, "streaming port on %s, from %d to %d: %s", where.host, STREAM_LOW, STREAM_HIGH,
	    zmq_strerror(errno));
	return false;
}

void
port_close(struct port *p)
{
	if (p->socket)
		zmq_close(p->socket);
	p->socket = NULL;
}
