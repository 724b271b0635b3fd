/* SPDX-License-Identifier: ISC */
/* control: a table of commands; each writes its answer at once or leaves something to wait for. */
#include "oxd/control.h"

#include <unistd.h>
#include <zmq.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "libbx/core/mp.h"
#include "oxd/control_command.h"

enum { COMMAND_MAX = 64 };
static const int64_t patience_ns = 60000000000;

void
control_init(struct control *c, void *socket, const struct control_world *world)
{
	*c = (struct control){.socket = socket, .world = *world};
}

void
control_fini(struct control *c)
{
	buf_fini(&c->answer);
}

/* ---- what commands are made of ----------------------------------------------------------------------------------- */

void
control_error(struct control *c, const char *why)
{
	buf_clear(&c->answer);
	mp_add_map(&c->answer, 1);
	mp_pair_text(&c->answer, "error", why);
}

void
control_ok(struct control *c)
{
	mp_add_map(&c->answer, 1);
	mp_pair_bool(&c->answer, "ok", true);
}

void
control_wait(struct control *c, control_look *look)
{
	c->look = look;
	c->give_up_ns = clock_mono_ns() + patience_ns;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static void
answer_port(struct control *c, const struct port *p)
{
	if (!p) {
		control_error(c, "this oxd has no such port");
		return;
	}
	mp_add_map(&c->answer, 2);
	mp_pair_uint(&c->answer, "port", p->number);
	mp_pair_text(&c->answer, "endpoint", p->endpoint);
}

static void
sock_stream(struct control *c, struct bytes request)
{
	(void)request;
	answer_port(c, c->world.stream);
}

static void
sock_collect(struct control *c, struct bytes request)
{
	(void)request;
	answer_port(c, c->world.collect);
}

static void
sock_relay(struct control *c, struct bytes request)
{
	(void)request;
	answer_port(c, c->world.relay);
}

static void
version(struct control *c, struct bytes request)
{
	(void)request;
	mp_add_map(&c->answer, 2);
	mp_pair_text(&c->answer, "version", BX_VERSION);
	mp_pair_uint(&c->answer, "pid", (uint64_t)getpid());
}

static void
do_shutdown(struct control *c, struct bytes request)
{
	(void)request;
	control_ok(c);
	c->shutdown = true;
}

static bool
log_is_flushed(struct control *c)
{
	uint64_t through =
	    c->world.logwriter ? logwriter_checkpointed(c->world.logwriter) : forward_acked(c->world.forward);
	if (through < c->upto)
		return false;
	control_ok(c);
	return true;
}

static bool
rings_are_flushed(struct control *c)
{
	if (!ingest_answer(c->world.ingest, c->ticket, NULL, &c->upto))
		return false;
	journal_sync_soon(c->world.journal);
	if (c->world.logwriter)
		logwriter_hurry(c->world.logwriter, c->upto);
	c->look = log_is_flushed;
	return false;
}

static void
flush(struct control *c, struct bytes request)
{
	(void)request;
	c->ticket = ingest_question(c->world.ingest, INGEST_FLUSH);
	control_wait(c, rings_are_flushed);
}

static bool
rings_are_told(struct control *c)
{
	struct buf list = {0};
	if (!ingest_answer(c->world.ingest, c->ticket, &list, NULL))
		return false;
	mp_add_map(&c->answer, 1);
	mp_add_strz(&c->answer, "rings");
	buf_put(&c->answer, list.data, list.len);
	buf_fini(&list);
	return true;
}

static void
rings(struct control *c, struct bytes request)
{
	(void)request;
	c->ticket = ingest_question(c->world.ingest, INGEST_RINGS);
	control_wait(c, rings_are_told);
}

static bool
audit_is_told(struct control *c)
{
	struct buf list = {0};
	if (!ingest_answer(c->world.ingest, c->ticket, &list, NULL))
		return false;
	mp_add_map(&c->answer, 2);
	mp_pair_double(&c->answer, "since", clock_seconds(c->world.started_ns));
	mp_add_strz(&c->answer, "audit");
	buf_put(&c->answer, list.data, list.len);
	buf_fini(&list);
	return true;
}

static void
audit(struct control *c, struct bytes request)
{
	(void)request;
	c->ticket = ingest_question(c->world.ingest, INGEST_AUDIT);
	control_wait(c, audit_is_told);
}

static bool
rules_are_told(struct control *c)
{
	struct buf list = {0};
	if (!ingest_answer(c->world.ingest, c->ticket, &list, NULL))
		return false;
	mp_add_map(&c->answer, 1);
	mp_add_strz(&c->answer, "rules");
	buf_put(&c->answer, list.data, list.len);
	buf_fini(&list);
	return true;
}

static void
rules(struct control *c, struct bytes request)
{
	(void)request;
	c->ticket = ingest_question(c->world.ingest, INGEST_RULES);
	control_wait(c, rules_are_told);
}

static bool
log_is_rotated(struct control *c)
{
	if (!logwriter_rotated(c->world.logwriter, c->ticket))
		return false;
	control_ok(c);
	return true;
}

static void
rotate(struct control *c, struct bytes request)
{
	(void)request;
	if (!c->world.logwriter) {
		control_error(c, "nothing is logged here");
		return;
	}
	c->ticket = logwriter_rotate(c->world.logwriter);
	control_wait(c, log_is_rotated);
}

static const struct command {
	const char *name;
	control_command *run;
} commands[] = {
    {"SOCK_STREAM", sock_stream},
    {"SOCK_COLLECT", sock_collect},
    {"SOCK_RELAY", sock_relay},
    {"STATUS", control_status},
    {"SHUTDOWN", do_shutdown},
    {"VERSION", version},
    {"FLUSH", flush},
    {"ROTATE", rotate},
    {"RINGS", rings},
    {"AUDIT", audit},
    {"RULES", rules},
    {"STORE", control_store},
    {"PEERS", control_peers},
    {"FORWARD", control_forward},
};

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static void
run_request(struct control *c, const uint8_t *p, size_t n, bool one_part)
{
	char name[COMMAND_MAX];
	struct bytes request = {p, n};
	const char *wrong = NULL;
	const struct command *command = NULL;
	if (!one_part)
		wrong = "a request has one part";
	else if (n > CONTROL_MAX)
		wrong = "a request has at most 64 KiB";
	else if (!mp_is_one_map(p, n) || !control_get_text(request, "cmd", name, sizeof name))
		wrong = "a request is a MessagePack map with the text 'cmd'";
	else if (!(command = find_command(name)))
		wrong = "no such command";
	if (n > CONTROL_MAX)
		stats_add(c->world.stats, STAT_control_too_big, 1);
	stats_add(c->world.stats, wrong ? STAT_control_bad : STAT_control_requests, 1);
	if (wrong)
		control_error(c, wrong);
	else
		command->run(c, request);
}

static void
send_answer(struct control *c)
{
	c->look = NULL;
	if (c->answer.err != BX_OK)
		control_error(c, "out of memory");
	zmq_send(c->socket, c->answer.data, c->answer.len, ZMQ_DONTWAIT); /* whoever asked may have left: all one */
}

void
control_take(struct control *c)
{
	zmq_msg_t m, extra;
	zmq_msg_init(&m);
	if (zmq_msg_recv(&m, c->socket, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(&m);
		return;
	}
	bool one_part = !zmq_msg_more(&m);
	for (int more = !one_part; more;) {
		zmq_msg_init(&extra);
		more = zmq_msg_recv(&extra, c->socket, 0) >= 0 && zmq_msg_more(&extra);
		zmq_msg_close(&extra);
	}
	buf_clear(&c->answer);
	run_request(c, zmq_msg_data(&m), zmq_msg_size(&m), one_part);
	zmq_msg_close(&m);
	if (!c->look)
		send_answer(c);
}

void
control_go_on(struct control *c)
{
	if (!c->look)
		return;
	bool done = c->look(c);
	if (!done && clock_mono_ns() >= c->give_up_ns) {
		control_error(c, "not done within a minute; see the state");
		done = true;
	}
	if (done)
		send_answer(c);
}
