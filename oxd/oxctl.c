/* SPDX-License-Identifier: ISC */
/*
 * oxctl: one request to a running oxd's control port, and its answer for people or for programs.
 *
 * A command is a line in the table: its name, what is sent, and how the answer is shown.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "include/blueox.h"
#include "libbx/core/addr.h"
#include "libbx/core/clock.h"
#include "libbx/core/mp.h"
#include "libbx/core/settings.h"
#include "oxd/json.h"
#include "oxd/say.h"

enum { CONTROL_PORT = 3513, CONNECT_MS = 4000, LONG_MS = 70000 };

struct options {
	const char *host;
	bool raw;
	bool help, version, man;
};

#define AT(field) offsetof(struct options, field)
static const struct setting table[] = {
    {"host", 'H', SET_TEXT, AT(host), "127.0.0.1:3513", "HOST:PORT", "control port of the oxd, or ipc:///path", NULL,
	false},
    {"raw", 0, SET_FLAG, AT(raw), NULL, NULL, "print the answer as JSON", NULL, true},
    {"help", 'h', SET_FLAG, AT(help), NULL, NULL, "print this and leave", NULL, true},
    {"version", 0, SET_FLAG, AT(version), NULL, NULL, "print the version and leave", NULL, true},
    {"man", 0, SET_FLAG, AT(man), NULL, NULL, "print the man page and leave", NULL, true},
};
#undef AT
enum { SETTINGS = sizeof table / sizeof *table };

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* Text from the other side goes to a terminal: what is no plain character is shown as `?`. */
static void
put_text(struct buf *out, const struct mp_token *t)
{
	if (t->kind != MP_STR && t->kind != MP_BIN)
		return;
	bool utf8 = mp_is_utf8(t->data, t->len);
	for (uint32_t i = 0; i < t->len; i++)
		buf_putc(
		    out, t->data[i] >= ' ' && t->data[i] != 127 && (utf8 || t->data[i] < 128) ? (char)t->data[i] : '?');
}

/* Finds a key in the map at c and leaves c at its value. */
static bool
find_key(struct cursor map, const char *name, struct cursor *value)
{
	struct mp_token top, key;
	if (!mp_next(&map, &top) || top.kind != MP_MAP)
		return false;
	for (uint32_t i = 0; i < top.len && mp_next(&map, &key); i++) {
		if (mp_str_is(&key, name)) {
			*value = map;
			return true;
		}
		if (!mp_skip(&map))
			break;
	}
	return false;
}

static bool
number(const struct mp_token *t, double *out)
{
	if (t->kind == MP_FLOAT)
		*out = t->f;
	else if (t->kind == MP_UINT)
		*out = (double)t->u;
	else if (t->kind == MP_INT)
		*out = (double)t->i;
	else
		return false;
	return true;
}

static bool
find_number(struct cursor map, const char *name, double *out)
{
	struct cursor at;
	struct mp_token t;
	return find_key(map, name, &at) && mp_next(&at, &t) && number(&t, out);
}

static void
put_time(struct buf *out, double when)
{
	char text[32] = "?";
	time_t t = (time_t)when;
	struct tm tm;
	if (when > -1e11 && when < 1e11 && localtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	double ago = clock_seconds(clock_wall_ns()) - when;
	buf_printf(out, "%s (%.0f secs ago)", text, ago);
}

static void
put_names(struct buf *out, struct cursor answer, const char *which, const char *title)
{
	struct cursor at;
	struct mp_token map, name;
	if (!find_key(answer, which, &at) || !mp_next(&at, &map) || map.kind != MP_MAP || map.len == 0)
		return;
	buf_printf(out, "%s:\n", title);
	for (uint32_t i = 0; i < map.len && mp_next(&at, &name); i++) {
		struct cursor value = at;
		struct buf text = {0};
		double last;
		put_text(&text, &name);
		buf_putc(&text, '\0');
		if (find_number(value, "last", &last)) {
			buf_printf(out, "  %32s  Last ", (const char *)text.data);
			put_time(out, last);
			buf_putc(out, '\n');
		}
		buf_fini(&text);
		if (!mp_skip(&at))
			break;
	}
}

static void
put_counters(struct buf *out, struct cursor answer)
{
	struct cursor at;
	struct mp_token map, name, value;
	bool any = false;
	if (!find_key(answer, "counters", &at) || !mp_next(&at, &map) || map.kind != MP_MAP)
		return;
	for (uint32_t i = 0; i < map.len && mp_next(&at, &name) && mp_next(&at, &value); i++) {
		if (value.kind != MP_UINT || value.u == 0)
			continue;
		if (!any)
			buf_puts(out, "Counters:\n");
		any = true;
		struct buf text = {0};
		put_text(&text, &name);
		buf_putc(&text, '\0');
		buf_printf(out, "  %32s  %" PRIu64 "\n", (const char *)text.data, value.u);
		buf_fini(&text);
	}
}

static void
show_status(struct buf *out, struct cursor answer, const struct options *o)
{
	struct cursor at;
	struct mp_token state;
	double last, lag;
	buf_printf(out, "Host: %s\n", o->host);
	buf_puts(out, "Last: ");
	if (find_number(answer, "last", &last))
		put_time(out, last);
	else
		buf_puts(out, "never");
	if (find_number(answer, "lag", &lag))
		buf_printf(out, "\nLag: %.6f secs", lag);
	buf_puts(out, "\nState: ");
	if (find_key(answer, "state", &at) && mp_next(&at, &state))
		put_text(out, &state);
	buf_putc(out, '\n');
	put_names(out, answer, "hosts", "Hosts");
	put_names(out, answer, "events", "Events");
	put_counters(out, answer);
}

static void
show_ok(struct buf *out, struct cursor answer, const struct options *o)
{
	(void)answer;
	(void)o;
	buf_puts(out, "ok\n");
}

static void
show_version(struct buf *out, struct cursor answer, const struct options *o)
{
	struct cursor at;
	struct mp_token t;
	(void)o;
	buf_puts(out, "oxd ");
	if (find_key(answer, "version", &at) && mp_next(&at, &t))
		put_text(out, &t);
	buf_putc(out, '\n');
}

static void
put_ring(struct buf *out, struct cursor ring)
{
	static const char *const numbers[] = {"pid", "bytes", "waiting", "events", "dropped"};
	struct cursor at;
	struct mp_token t;
	if (find_key(ring, "name", &at) && mp_next(&at, &t))
		put_text(out, &t);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		double v = 0;
		find_number(ring, numbers[i], &v);
		buf_printf(out, " %10.0f", v);
	}
	buf_puts(out, "  ");
	if (find_key(ring, "state", &at) && mp_next(&at, &t))
		put_text(out, &t);
	buf_puts(out, "  ");
	if (find_key(ring, "program", &at) && mp_next(&at, &t))
		put_text(out, &t);
	buf_putc(out, '\n');
}

static void
show_rings(struct buf *out, struct cursor answer, const struct options *o)
{
	struct cursor at;
	struct mp_token list;
	(void)o;
	if (!find_key(answer, "rings", &at) || !mp_next(&at, &list) || list.kind != MP_ARRAY)
		return;
	buf_printf(out, "%-21s %10s %10s %10s %10s %10s  %s\n", "ring", "pid", "bytes", "waiting", "events", "dropped",
	    "state  program");
	for (uint32_t i = 0; i < list.len; i++) {
		put_ring(out, at);
		if (!mp_skip(&at))
			break;
	}
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static const struct command {
	const char *name;
	const char *request;
	void (*show)(struct buf *out, struct cursor answer, const struct options *o);
	int wait_ms; /* for the answer */
	const char *help;
} commands[] = {
    {"status", "STATUS", show_status, CONNECT_MS, "what the oxd has seen, its state and its counters (the default)"},
    {"rings", "RINGS", show_rings, LONG_MS, "the rings of running programs"},
    {"flush", "FLUSH", show_ok, LONG_MS, "leave once everything taken in so far is in the log files"},
    {"rotate", "ROTATE", show_ok, LONG_MS, "let go of log files that have been moved away"},
    {"shutdown", "SHUTDOWN", show_ok, CONNECT_MS, "stop the oxd cleanly"},
    {"version", "VERSION", show_version, CONNECT_MS, "the version of the running oxd"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* Whether anything answers at all is known early, whatever the command then takes. */
static bool
connected(void *monitor)
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
	}
}

static bool
exchange(void *socket, const struct command *command, struct buf *answer)
{
	struct buf request = {0};
	mp_add_map(&request, 1);
	mp_add_strz(&request, "cmd");
	mp_add_strz(&request, command->request);
	zmq_setsockopt(socket, ZMQ_RCVTIMEO, &command->wait_ms, sizeof command->wait_ms);
	bool ok = request.err == BX_OK && zmq_send(socket, request.data, request.len, 0) >= 0;
	buf_fini(&request);
	zmq_msg_t m;
	zmq_msg_init(&m);
	ok = ok && zmq_msg_recv(&m, socket, 0) >= 0;
	if (ok)
		buf_put(answer, zmq_msg_data(&m), zmq_msg_size(&m));
	zmq_msg_close(&m);
	return ok && mp_is_one_map(answer->data, answer->len);
}

static bool
ask(const char *endpoint, const struct command *command, struct buf *answer)
{
	int none = 0, connect_ms = CONNECT_MS;
	void *zmq = zmq_ctx_new();
	void *socket = zmq ? zmq_socket(zmq, ZMQ_REQ) : NULL;
	void *monitor = zmq ? zmq_socket(zmq, ZMQ_PAIR) : NULL;
	bool ok = socket && monitor;
	if (ok) {
		zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
		zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof none);
		zmq_setsockopt(socket, ZMQ_SNDTIMEO, &connect_ms, sizeof connect_ms);
		ok = zmq_socket_monitor(socket, "inproc://monitor", ZMQ_EVENT_ALL) == 0 &&
		     zmq_connect(monitor, "inproc://monitor") == 0 && zmq_connect(socket, endpoint) == 0 &&
		     connected(monitor) && exchange(socket, command, answer);
	}
	if (socket)
		zmq_close(socket);
	if (monitor)
		zmq_close(monitor);
	if (zmq)
		zmq_ctx_term(zmq);
	return ok;
}

static bool
answer_is_error(struct cursor answer, struct buf *why)
{
	struct cursor at;
	struct mp_token t;
	if (!find_key(answer, "error", &at) || !mp_next(&at, &t))
		return false;
	put_text(why, &t);
	buf_putc(why, '\0');
	return true;
}

static int
print(struct buf *out)
{
	bool ok = out->err == BX_OK && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
	buf_fini(out);
	return ok ? 0 : 1;
}

static int
run(const struct command *command, const struct options *o)
{
	struct addr where;
	char endpoint[ADDR_ENDPOINT_MAX];
	struct buf answer = {0}, out = {0};
	const char *wrong = addr_parse(o->host, "127.0.0.1", CONTROL_PORT, &where);
	if (wrong) {
		say(SAY_ERROR, "--host '%s': %s", o->host, wrong);
		return 2;
	}
	addr_endpoint(&where, endpoint);
	if (!ask(endpoint, command, &answer)) {
		say(SAY_ERROR, "no oxd answers at %s", o->host);
		buf_fini(&answer);
		return 1;
	}
	struct cursor c;
	cursor_init(&c, answer.data, answer.len);
	struct buf why = {0};
	int status = answer_is_error(c, &why) ? 1 : 0;
	if (o->raw) {
		json_from_mp(answer.data, answer.len, &out);
		buf_putc(&out, '\n');
	} else if (status) {
		say(SAY_ERROR, "%s", (const char *)why.data);
	} else {
		command->show(&out, c, o);
	}
	buf_fini(&why);
	int printed = print(&out);
	buf_fini(&answer);
	return status ? status : printed;
}

/* ---- usage ------------------------------------------------------------------------------------------------------- */

static int
help(const struct settings *s)
{
	struct buf out = {0};
	buf_puts(&out, "usage: oxctl [OPTION]... [COMMAND]\n\nAsks a running oxd.\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		buf_printf(&out, "  %-10s %s\n", commands[i].name, commands[i].help);
	buf_puts(&out, "\nOptions:\n");
	settings_help(s, &out);
	return print(&out);
}

static int
man(const struct settings *s)
{
	struct buf out = {0};
	buf_puts(&out, ".TH OXCTL 1 \"\" \"BlueOx " BX_VERSION "\"\n"
		       ".SH NAME\noxctl \\- asks and steers a running oxd\n"
		       ".SH SYNOPSIS\n.B oxctl\n[\\fIOPTION\\fR]... [\\fICOMMAND\\fR]\n.SH COMMANDS\n");
	for (size_t i = 0; i < COMMANDS; i++)
		buf_printf(&out, ".TP\n.B %s\n%s.\n", commands[i].name, commands[i].help);
	buf_puts(&out, ".SH OPTIONS\n");
	settings_man(s, &out);
	buf_puts(&out, ".SH EXIT STATUS\n0, 1 when no oxd answers or it could not do what was asked, 2 for a mistake\n"
		       "on the command line.\n.SH SEE ALSO\n.BR oxd (8),\n.BR oxview (1)\n");
	return print(&out);
}

static const struct command *
find_command(char **rest)
{
	if (!rest[0])
		return &commands[0];
	for (size_t i = 0; i < COMMANDS; i++)
		if (!rest[1] && strcmp(commands[i].name, rest[0]) == 0)
			return &commands[i];
	say(SAY_ERROR, "'%s' is no command; see oxctl --help", rest[1] ? rest[1] : rest[0]);
	return NULL;
}

int
main(int argc, char **argv)
{
	struct options o = {0};
	struct settings s;
	char err[1024] = "";
	say_init("oxctl", 0);
	char **rest = calloc((size_t)argc + 1, sizeof *rest);
	if (!rest || !settings_init(&s, table, SETTINGS, "OXCTL_", &o)) {
		say(SAY_ERROR, "out of memory");
		return 1;
	}
	int status = 2;
	const struct command *command;
	if (!settings_env(&s, err, sizeof err) || !settings_argv(&s, argc, argv, rest, err, sizeof err))
		say(SAY_ERROR, "%s", err);
	else if (o.help)
		status = help(&s);
	else if (o.man)
		status = man(&s);
	else if (o.version)
		status = printf("oxctl %s\n", BX_VERSION) < 0 ? 1 : 0;
	else if ((command = find_command(rest)) != NULL)
		status = run(command, &o);
	settings_fini(&s);
	free(rest);
	return status;
}
