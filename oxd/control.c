/* SPDX-License-Identifier: ISC */
/* control: a table of commands; each writes its answer at once or leaves something to wait for. */
#include "oxd/control.h"

#include <errno.h>
#include <unistd.h>
#include <zmq.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "libbx/core/mp.h"

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

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void
answer_error(struct control *c, const char *why)
{
	buf_clear(&c->answer);
	mp_add_map(&c->answer, 1);
	mp_add_strz(&c->answer, "error");
	mp_add_strz(&c->answer, why);
}

static void
answer_ok(struct control *c)
{
	mp_add_map(&c->answer, 1);
	mp_add_strz(&c->answer, "ok");
	mp_add_bool(&c->answer, true);
}

static void
answer_port(struct control *c, const struct port *p)
{
	if (!p) {
		answer_error(c, "this oxd has no such port");
		return;
	}
	mp_add_map(&c->answer, 2);
	mp_add_strz(&c->answer, "port");
	mp_add_uint(&c->answer, p->number);
	mp_add_strz(&c->answer, "endpoint");
	mp_add_strz(&c->answer, p->endpoint);
}

static void
wait_for(struct control *c, enum control_wait what)
{
	c->waits_for = what;
	c->give_up_ns = clock_mono_ns() + patience_ns;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static void
sock_stream(struct control *c)
{
	answer_port(c, c->world.stream);
}

static void
sock_collect(struct control *c)
{
	answer_port(c, c->world.collect);
}

static void
sock_relay(struct control *c)
{
	answer_port(c, c->world.relay);
}

static void
add_uint(struct buf *b, const char *key, uint64_t v)
{
	mp_add_strz(b, key);
	mp_add_uint(b, v);
}

static void
add_text(struct buf *b, const char *key, const char *v)
{
	mp_add_strz(b, key);
	mp_add_strz(b, v);
}

static void
add_state(struct control *c)
{
	char text[320];
	journal_state_text(c->world.journal, text, sizeof text);
	if (journal_state(c->world.journal) == JOURNAL_RUNS)
		logwriter_state_text(c->world.logwriter, text, sizeof text);
	add_text(&c->answer, "state", text);
}

static void
add_journal(struct control *c)
{
	const struct control_world *w = &c->world;
	uint64_t bytes, segments;
	journal_usage(w->journal, &bytes, &segments);
	mp_add_strz(&c->answer, "journal");
	mp_add_map(&c->answer, 7);
	add_uint(&c->answer, "last", journal_last(w->journal));
	add_uint(&c->answer, "synced", journal_synced(w->journal));
	add_uint(&c->answer, "written", logwriter_written(w->logwriter));
	add_uint(&c->answer, "checkpoint", logwriter_checkpointed(w->logwriter));
	add_uint(&c->answer, "snapshot", journal_snapshot_covers(w->journal));
	add_uint(&c->answer, "bytes", bytes);
	add_uint(&c->answer, "segments", segments);
}

static void
status(struct control *c)
{
	const struct control_world *w = &c->world;
	struct buf *b = &c->answer;
	mp_add_map(b, 13);
	seen_encode(w->seen, b); /* four */
	add_state(c);
	add_text(b, "version", BX_VERSION);
	add_uint(b, "pid", (uint64_t)getpid());
	mp_add_strz(b, "started");
	mp_add_double(b, clock_seconds(w->started_ns));
	add_text(b, "run_dir", w->run_path);
	add_text(b, "log_path", w->log_path);
	add_text(b, "state_path", w->state_path);
	add_journal(c);
	mp_add_strz(b, "counters");
	mp_add_map(b, STAT_COUNT);
	for (int i = 0; i < STAT_COUNT; i++)
		add_uint(b, stat_name((enum counter)i), stats_get(w->stats, (enum counter)i));
}

static void
version(struct control *c)
{
	mp_add_map(&c->answer, 2);
	add_text(&c->answer, "version", BX_VERSION);
	add_uint(&c->answer, "pid", (uint64_t)getpid());
}

static void
do_shutdown(struct control *c)
{
	answer_ok(c);
	c->shutdown = true;
}

static void
flush(struct control *c)
{
	c->ticket = ingest_question(c->world.ingest, INGEST_FLUSH);
	wait_for(c, CONTROL_INGEST_FLUSH);
}

static void
rings(struct control *c)
{
	c->ticket = ingest_question(c->world.ingest, INGEST_RINGS);
	wait_for(c, CONTROL_RINGS);
}

static void
rotate(struct control *c)
{
	c->ticket = logwriter_rotate(c->world.logwriter);
	wait_for(c, CONTROL_ROTATE);
}

static const struct command {
	const char *name;
	void (*run)(struct control *c);
} commands[] = {
    {"SOCK_STREAM", sock_stream},
    {"SOCK_COLLECT", sock_collect},
    {"SOCK_RELAY", sock_relay},
    {"STATUS", status},
    {"SHUTDOWN", do_shutdown},
    {"VERSION", version},
    {"FLUSH", flush},
    {"ROTATE", rotate},
    {"RINGS", rings},
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

/* Finds `cmd` in a request that is one whole map.  False when there is none. */
static bool
read_command(const uint8_t *p, size_t n, char out[COMMAND_MAX])
{
	struct cursor c;
	struct mp_token top, key, value;
	if (!mp_is_one_map(p, n))
		return false;
	cursor_init(&c, p, n);
	mp_next(&c, &top);
	for (uint32_t i = 0; i < top.len; i++) {
		struct cursor peek = c;
		mp_next(&peek, &key);
		bool is_cmd =
		    (key.kind == MP_STR || key.kind == MP_BIN) && key.len == 3 && memcmp(key.data, "cmd", 3) == 0;
		mp_skip(&c);
		peek = c;
		if (is_cmd && mp_next(&peek, &value) && (value.kind == MP_STR || value.kind == MP_BIN) &&
		    value.len < COMMAND_MAX) {
			memcpy(out, value.data, value.len);
			out[value.len] = '\0';
			return true;
		}
		mp_skip(&c);
	}
	return false;
}

static void
run_request(struct control *c, const uint8_t *p, size_t n, bool one_part)
{
	char name[COMMAND_MAX];
	const char *wrong = NULL;
	const struct command *command = NULL;
	if (!one_part)
		wrong = "a request has one part";
	else if (!read_command(p, n, name))
		wrong = "a request is a MessagePack map with the text 'cmd'";
	else if (!(command = find_command(name)))
		wrong = "no such command";
	stats_add(c->world.stats, wrong ? STAT_control_bad : STAT_control_requests, 1);
	if (wrong)
		answer_error(c, wrong);
	else
		command->run(c);
}

static void
send_answer(struct control *c)
{
	c->waits_for = CONTROL_IDLE;
	if (c->answer.err != BX_OK)
		answer_error(c, "out of memory");
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
	if (c->waits_for == CONTROL_IDLE)
		send_answer(c);
}

/* True when the answer is complete. */
static bool
look_again(struct control *c)
{
	struct control_world *w = &c->world;
	struct buf rings_list = {0};
	switch (c->waits_for) {
	case CONTROL_INGEST_FLUSH:
		if (!ingest_answer(w->ingest, c->ticket, NULL, &c->upto))
			return false;
		journal_sync_soon(w->journal);
		logwriter_hurry(w->logwriter, c->upto);
		c->waits_for = CONTROL_LOG_FLUSH;
		return false;
	case CONTROL_LOG_FLUSH:
		if (logwriter_checkpointed(w->logwriter) < c->upto)
			return false;
		answer_ok(c);
		return true;
	case CONTROL_ROTATE:
		if (!logwriter_rotated(w->logwriter, c->ticket))
			return false;
		answer_ok(c);
		return true;
	case CONTROL_RINGS:
		if (!ingest_answer(w->ingest, c->ticket, &rings_list, NULL))
			return false;
		mp_add_map(&c->answer, 1);
		mp_add_strz(&c->answer, "rings");
		buf_put(&c->answer, rings_list.data, rings_list.len);
		buf_fini(&rings_list);
		return true;
	default:
		return false;
	}
}

void
control_go_on(struct control *c)
{
	if (c->waits_for == CONTROL_IDLE)
		return;
	bool done = look_again(c);
	if (!done && clock_mono_ns() >= c->give_up_ns) {
		answer_error(c, "not done within a minute; see the state");
		done = true;
	}
	if (done)
		send_answer(c);
}
