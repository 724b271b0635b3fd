/* SPDX-License-Identifier: ISC */
/* control: a table of commands; each writes its answer at once or leaves something to wait for. */
#include "oxd/control.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>
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
	struct control_job *job, *next;
	LL_FOREACH_SAFE(c->jobs, job, next)
	{
		free(job);
	}
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
	c->job->look = look;
	c->job->give_up_ns = clock_mono_ns() + patience_ns;
}

/* The same for what the ingest thread is asked. */
static void
ask_ingest(struct control *c, enum ingest_ask ask, control_look *look)
{
	c->job->asks = true;
	c->job->ask = ask;
	c->job->ticket = ingest_question(c->world.ingest, ask);
	control_wait(c, look);
}

static bool
ingest_has_answered(struct control *c, struct buf *list)
{
	if (!ingest_answer(c->world.ingest, c->job->ticket, list, &c->job->upto))
		return false;
	c->job->asks = false;
	return true;
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
	if (through < c->job->upto)
		return false;
	control_ok(c);
	return true;
}

static bool
rings_are_flushed(struct control *c)
{
	if (!ingest_has_answered(c, NULL))
		return false;
	journal_sync_soon(c->world.journal);
	if (c->world.logwriter)
		logwriter_hurry(c->world.logwriter, c->job->upto);
	c->job->look = log_is_flushed;
	return false;
}

static void
flush(struct control *c, struct bytes request)
{
	(void)request;
	ask_ingest(c, INGEST_FLUSH, rings_are_flushed);
}

static bool
rings_are_told(struct control *c)
{
	struct buf list = {0};
	if (!ingest_has_answered(c, &list))
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
	ask_ingest(c, INGEST_RINGS, rings_are_told);
}

static bool
audit_is_told(struct control *c)
{
	struct buf list = {0};
	if (!ingest_has_answered(c, &list))
		return false;
	mp_add_map(&c->answer, 2);
	mp_pair_double(&c->answer, "since", audit_since(c->world.ingest->audit));
	mp_add_strz(&c->answer, "audit");
	buf_put(&c->answer, list.data, list.len);
	buf_fini(&list);
	return true;
}

static void
audit(struct control *c, struct bytes request)
{
	(void)request;
	ask_ingest(c, INGEST_AUDIT, audit_is_told);
}

static bool
rules_are_told(struct control *c)
{
	struct buf list = {0};
	if (!ingest_has_answered(c, &list))
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
	ask_ingest(c, INGEST_RULES, rules_are_told);
}

static bool
log_is_rotated(struct control *c)
{
	if (!logwriter_rotated(c->world.logwriter, c->job->ticket))
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
	c->job->ticket = logwriter_rotate(c->world.logwriter);
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

/* To the one at hand, which is done then. */
static void
send_answer(struct control *c)
{
	const struct control_job *job = c->job;
	if (c->answer.err != BX_OK)
		control_error(c, "out of memory");
	/* Whoever asked may have left: all one. */
	if (zmq_send(c->socket, job->asker, job->asker_n, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
	    zmq_send(c->socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
		zmq_send(c->socket, c->answer.data, c->answer.len, ZMQ_DONTWAIT);
}

/* The connection's name and an empty part, as REQ has it. */
static bool
take_envelope(void *socket, struct control_job *job, zmq_msg_t *m)
{
	if (!zmq_msg_more(m) || zmq_msg_size(m) > sizeof job->asker)
		return false;
	job->asker_n = zmq_msg_size(m);
	memcpy(job->asker, zmq_msg_data(m), job->asker_n);
	return zmq_msg_recv(m, socket, 0) >= 0 && zmq_msg_size(m) == 0 && zmq_msg_more(m) &&
	       zmq_msg_recv(m, socket, 0) >= 0;
}

static bool
drop_rest(void *socket, const zmq_msg_t *m)
{
	zmq_msg_t extra;
	bool some = zmq_msg_more(m);
	for (int more = some; more;) {
		zmq_msg_init(&extra);
		more = zmq_msg_recv(&extra, socket, 0) >= 0 && zmq_msg_more(&extra);
		zmq_msg_close(&extra);
	}
	return some;
}

/* False when it is answered. */
static bool
begin(struct control *c, struct control_job *job)
{
	zmq_msg_t m;
	zmq_msg_init(&m);
	if (zmq_msg_recv(&m, c->socket, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(&m);
		return false;
	}
	bool whole = take_envelope(c->socket, job, &m);
	bool one_part = !drop_rest(c->socket, &m);
	c->job = job;
	buf_clear(&c->answer);
	if (!whole) {
		stats_add(c->world.stats, STAT_control_bad, 1);
	} else {
		run_request(c, zmq_msg_data(&m), zmq_msg_size(&m), one_part);
		if (!job->look)
			send_answer(c);
	}
	zmq_msg_close(&m);
	return job->look != NULL;
}

void
control_take(struct control *c)
{
	struct control_job now = {0}, *job;
	if (!control_reads(c) || !begin(c, &now))
		return;
	job = malloc(sizeof *job);
	if (!job)
		abort();
	*job = now;
	LL_APPEND(c->jobs, job);
	c->waiting++;
}

/* Newer questions may have been asked meanwhile: then it is asked again, once nobody's is open. */
static void
ask_again(struct control *c)
{
	for (struct control_job *job = c->jobs; job; job = job->next) {
		if (!job->asks || !ingest_is_free(c->world.ingest))
			continue;
		job->ticket = ingest_question(c->world.ingest, job->ask);
		return;
	}
}

void
control_go_on(struct control *c)
{
	struct control_job *job, *next;
	LL_FOREACH_SAFE(c->jobs, job, next)
	{
		c->job = job;
		buf_clear(&c->answer);
		bool done = job->look(c);
		if (!done && clock_mono_ns() >= job->give_up_ns) {
			control_error(c, "not done within a minute; see the state");
			done = true;
		}
		if (!done)
			continue;
		send_answer(c);
		LL_DELETE(c->jobs, job);
		free(job);
		c->waiting--;
	}
	ask_again(c);
}
