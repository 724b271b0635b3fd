/* SPDX-License-Identifier: ISC */
/*
 * source_live: the control port tells where the stream is; a subscriber listens there.
 *
 * ZeroMQ reconnects by itself, to the same port.  A daemon that was started again has another, so when the connection
 * goes the control port is asked again until it answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "libbx/core/addr.h"
#include "libbx/core/clock.h"
#include "libbx/core/mp.h"
#include "oxview/body.h"
#include "oxview/source.h"

enum { CONTROL_PORT = 3513, ANSWER_MS = 5000, RETRY_MS = 200, STOP_MS = 200, QUEUE_EVENTS = 100000 };

static const char notice_type[] = "blueox.stream"; /* oxd tells that a subscriber was too slow */

struct live {
	struct source source; /* first: the two are one pointer */
	const struct source_env *env;
	struct addr control;
	struct keys keys;
	char name[ADDR_ENDPOINT_MAX]; /* of the control port, for messages */
	void *context, *sub, *monitor;
	zmq_msg_t type, map;
	uint64_t lost; /* as told so far */
};

static void
set_int(void *socket, int option, int value)
{
	zmq_setsockopt(socket, option, &value, sizeof value);
}

/* As long as an answer may take, unless the reader is stopped meanwhile, which it is asked now and then. */
static int
receive_answer(struct live *l, void *req, uint8_t *answer, size_t cap)
{
	int n = -1;
	errno = EAGAIN;
	for (int waited_ms = 0; n < 0 && errno == EAGAIN && waited_ms < ANSWER_MS; waited_ms += STOP_MS) {
		if (source_stopped(l->env))
			break;
		n = zmq_recv(req, answer, cap, 0);
	}
	return n;
}

/* Sends {cmd: SOCK_STREAM} and waits for the answer: its length, or -1 with errno. */
static int
ask(struct live *l, uint8_t *answer, size_t cap)
{
	char endpoint[ADDR_ENDPOINT_MAX];
	struct buf request = {0};
	void *req = zmq_socket(l->context, ZMQ_REQ);
	int n = -1;
	mp_add_map(&request, 1);
	mp_add_strz(&request, "cmd");
	mp_add_strz(&request, "SOCK_STREAM");
	addr_endpoint(&l->control, endpoint);
	if (req && request.err == BX_OK) {
		set_int(req, ZMQ_LINGER, 0);
		set_int(req, ZMQ_IPV6, 1);
		set_int(req, ZMQ_SNDTIMEO, ANSWER_MS);
		set_int(req, ZMQ_RCVTIMEO, STOP_MS);
		if (keys_show(&l->keys, req) && zmq_connect(req, endpoint) == 0 &&
		    zmq_send(req, request.data, request.len, 0) >= 0)
			n = receive_answer(l, req, answer, cap);
	}
	int saved = errno;
	if (req)
		zmq_close(req);
	buf_fini(&request);
	errno = saved;
	return n;
}

/* The endpoint in an answer {port: N} or {port: "ipc:///..."}.  False when there is none. */
static bool
stream_endpoint(const struct live *l, const uint8_t *answer, size_t n, char out[ADDR_ENDPOINT_MAX])
{
	if (!mp_is_one_map(answer, n))
		return false;
	struct bytes port = map_get((struct bytes){answer, n}, "port", 4);
	struct mp_token t = object_token(port);
	if (t.kind == MP_UINT && t.u > 0 && t.u <= UINT16_MAX && !l->control.ipc) {
		struct addr stream = l->control;
		stream.port = (uint16_t)t.u;
		addr_endpoint(&stream, out);
		return true;
	}
	if (t.kind != MP_STR || t.len >= ADDR_ENDPOINT_MAX || t.len < 6 || memcmp(t.data, "ipc://", 6) != 0)
		return false;
	memcpy(out, t.data, t.len);
	out[t.len] = '\0';
	return true;
}

/* One subscription a pattern: what stands before its first `*`. */
static void
subscribe(struct live *l)
{
	const struct setting_list *types = &l->env->select->types;
	for (size_t i = 0; i < types->count; i++)
		zmq_setsockopt(l->sub, ZMQ_SUBSCRIBE, types->items[i], strcspn(types->items[i], "*"));
	if (types->count == 0)
		zmq_setsockopt(l->sub, ZMQ_SUBSCRIBE, "", 0);
	else
		zmq_setsockopt(l->sub, ZMQ_SUBSCRIBE, notice_type, sizeof notice_type - 1);
}

static bool
listen_at(struct live *l, const char *endpoint)
{
	l->sub = zmq_socket(l->context, ZMQ_SUB);
	if (!l->sub)
		return false;
	set_int(l->sub, ZMQ_LINGER, 0);
	set_int(l->sub, ZMQ_IPV6, 1);
	set_int(l->sub, ZMQ_RCVHWM, QUEUE_EVENTS);
	zmq_socket_monitor(l->sub, "inproc://oxview-stream", ZMQ_EVENT_DISCONNECTED);
	l->monitor = zmq_socket(l->context, ZMQ_PAIR);
	if (!l->monitor || zmq_connect(l->monitor, "inproc://oxview-stream") != 0)
		return false;
	set_int(l->monitor, ZMQ_LINGER, 0);
	subscribe(l);
	return keys_show(&l->keys, l->sub) && zmq_connect(l->sub, endpoint) == 0;
}

static void
stop_listening(struct live *l)
{
	if (l->monitor)
		zmq_close(l->monitor);
	if (l->sub)
		zmq_close(l->sub);
	l->sub = l->monitor = NULL;
}

/* NULL when the stream is found and listened to, else what is wrong. */
static const char *
find_stream(struct live *l)
{
	uint8_t answer[512];
	char endpoint[ADDR_ENDPOINT_MAX];
	int n = ask(l, answer, sizeof answer);
	if (n < 0 && errno == EAGAIN)
		return "no answer within 5 seconds; is oxd running there, and are the keys those that it wants?";
	if (n < 0)
		return zmq_strerror(errno);
	if ((size_t)n > sizeof answer || !stream_endpoint(l, answer, (size_t)n, endpoint))
		return "the answer names no stream; is this the control port of an oxd?";
	if (listen_at(l, endpoint))
		return NULL;
	stop_listening(l);
	return zmq_strerror(errno);
}

/* The daemon went away: tell of the gap, and ask the control port until it answers. */
static void
find_again(struct live *l)
{
	trouble_add(l->env->trouble, "%s: the stream broke off; events until it is back are missing here", l->name);
	if (l->env->before_wait)
		l->env->before_wait(l->env->context);
	do {
		stop_listening(l);
		zmq_poll(NULL, 0, RETRY_MS);
	} while (!source_stopped(l->env) && find_stream(l));
	if (source_stopped(l->env))
		return;
	trouble_tell(l->env->trouble, "%s: the stream is back", l->name);
}

/* Takes the next message into type and map.  False: none is there (errno EAGAIN), or it was no event, which is told. */
static bool
take_message(struct live *l, struct event *ev)
{
	int parts = 0, more = 1;
	if (zmq_msg_recv(&l->type, l->sub, ZMQ_DONTWAIT) < 0)
		return false;
	while (zmq_msg_more(parts == 0 ? &l->type : &l->map) && more >= 0) {
		more = zmq_msg_recv(&l->map, l->sub, 0);
		parts++;
	}
	errno = 0;
	if (more >= 0 && parts == 1 && event_parse(zmq_msg_data(&l->map), zmq_msg_size(&l->map), ev) == BX_OK)
		return true;
	trouble_add(l->env->trouble, "%s: the stream sent something that is no event", l->name);
	return false;
}

/* Who lost is not known to oxd: with other subscribers it may have been one of them. */
static void
tell_loss(struct live *l, const struct event *ev)
{
	struct mp_token lost = object_token(map_get(ev->body, "lost", 4));
	if (lost.kind == MP_UINT && lost.u < l->lost) /* it counts anew */
		l->lost = 0;
	if (lost.kind != MP_UINT || lost.u == l->lost)
		return;
	trouble_add(l->env->trouble, "%s: a subscriber is too slow, perhaps this one: %llu events or more passed it by",
	    l->name, (unsigned long long)(lost.u - l->lost));
	l->lost = lost.u;
}

static bool
is_notice(const struct event *ev)
{
	return ev->type.n == sizeof notice_type - 1 && memcmp(ev->type.p, notice_type, ev->type.n) == 0;
}

static void
wait_for_message(struct live *l)
{
	if (l->env->before_wait)
		l->env->before_wait(l->env->context);
	zmq_pollitem_t items[2] = {
	    {.socket = l->sub, .events = ZMQ_POLLIN}, {.socket = l->monitor, .events = ZMQ_POLLIN}};
	if (zmq_poll(items, 2, l->env->stopped ? STOP_MS : -1) > 0 && items[1].revents && !items[0].revents)
		find_again(l);
}

static bool
live_next(struct source *s, struct event *ev)
{
	struct live *l = (struct live *)s;
	while (!source_stopped(l->env)) {
		if (take_message(l, ev)) {
			if (is_notice(ev))
				tell_loss(l, ev);
			if (select_event(l->env->select, ev))
				return true;
		} else if (errno != 0) {
			wait_for_message(l);
		}
	}
	return false;
}

static void
live_free(struct source *s)
{
	struct live *l = (struct live *)s;
	stop_listening(l);
	zmq_msg_close(&l->type);
	zmq_msg_close(&l->map);
	if (l->context)
		zmq_ctx_term(l->context);
	free(l);
}

struct source *
source_live(const char *address, const struct keys *keys, const struct source_env *env)
{
	struct live *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->source = (struct source){live_next, live_free};
	l->env = env;
	l->keys = *keys;
	zmq_msg_init(&l->type);
	zmq_msg_init(&l->map);
	snprintf(l->name, sizeof l->name, "%s", address);
	const char *wrong = addr_parse(address, "127.0.0.1", CONTROL_PORT, &l->control);
	if (!wrong) {
		l->context = zmq_ctx_new();
		wrong = l->context ? find_stream(l) : "out of memory";
	}
	if (!wrong)
		return &l->source;
	trouble_add(env->trouble, "%s: %s", address, wrong);
	live_free(&l->source);
	return NULL;
}
