/* SPDX-License-Identifier: ISC */
/* conf: the table, and what the table cannot say. */
#include "oxd/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/core/parse.h"

enum { CONTROL_PORT = 3513, COLLECT_PORT = 3514 };

static const char *const sync_choices[] = {"always", "interval", "never", NULL};
static const char *const full_choices[] = {"block", "drop-oldest", NULL};

#define AT(field) offsetof(struct conf, field)
static const struct setting table[] = {
    {"control", 't', SET_TEXT, AT(control_text), "127.0.0.1:3513", "HOST:PORT",
	"where oxctl and oxview ask; port 0 is any free one, ipc:///path a local socket", NULL, false},
    {"collect", 'c', SET_TEXT, AT(collect_text), "127.0.0.1:3514", "HOST:PORT", "where version 3 clients push events",
	NULL, false},
    {"relay", 0, SET_TEXT, AT(relay_text), NULL, "HOST:PORT",
	"where other oxds, and programs without one, send (default: the port behind the collection port)", NULL, false},
    {"forward", 'f', SET_LIST, AT(forward), NULL, "HOST:PORT",
	"send everything to the oxd whose collection port this is (relay://HOST:PORT names its relay port, "
	"push://HOST:PORT "
	"an original daemon); may be given again, the first that answers is used; without --log-path nothing is logged "
	"here",
	NULL, false},
    {"log-path", 'l', SET_TEXT, AT(log_path), NULL, "DIR",
	"log files (default /var/log/blueox, or $XDG_STATE_HOME/blueox/log when not root)", NULL, false},
    {"state-path", 0, SET_TEXT, AT(state_path), NULL, "DIR",
	"journal and checkpoints (default /var/lib/blueox, or $XDG_STATE_HOME/blueox/state when not root)", NULL,
	false},
    {"run-dir", 0, SET_TEXT, AT(run_dir), NULL, "DIR",
	"where programs put their rings (default /run/blueox where it exists, else /dev/shm/blueox-UID)", NULL, false},
    {"journal-size", 0, SET_SIZE, AT(journal_size), "8g", "SIZE", "largest journal kept; see --when-full", NULL, false},
    {"journal-segment", 0, SET_SIZE, AT(journal_segment), "64m", "SIZE", "size of a journal file, 1m to 64m", NULL,
	false},
    {"sync", 0, SET_CHOICE, AT(sync), "interval", "WHEN",
	"when the journal is made durable, interval being 100 ms or 4 MiB", sync_choices, false},
    {"when-full", 0, SET_CHOICE, AT(when_full), "block", "WHAT",
	"what gives way when the journal is full: block (intake waits, rings fill) or drop-oldest (told as "
	"blueox.dropped)",
	full_choices, false},
    {"rotate-hours", 0, SET_FLAG, AT(rotate_hours), NULL, NULL, "a log file an hour instead of one a day", NULL, false},
    {"close-idle", 0, SET_DURATION, AT(close_idle_ns), "60s", "DURATION",
	"close log files that nothing was written to for so long; 0 keeps them open", NULL, false},
    {"compress-after", 0, SET_TEXT, AT(compress_text), "1h", "DURATION",
	"pack a log file into .log.zst so long after its day or hour is over, or never", NULL, false},
    {"retain-days", 0, SET_UINT, AT(retain_days), "0", "DAYS",
	"remove log files of days that were over so many days ago; 0 keeps all", NULL, false},
    {"retain-size", 0, SET_SIZE, AT(retain_size), "0", "SIZE",
	"remove the oldest days of log files while all take more than this; 0 keeps all", NULL, false},
    {"prune-pause", 0, SET_DURATION, AT(prune_pause_ns), "1h", "DURATION",
	"remove at most one day of each type in such a time, whatever the clock says", NULL, false},
    {"verbose", 'v', SET_COUNT, AT(verbose), NULL, NULL, "say more on stderr; twice for still more", NULL, false},
    {"config", 0, SET_TEXT, AT(file), NULL, "FILE", "read settings, one 'name = value' a line", NULL, false},
    {"help", 'h', SET_FLAG, AT(help), NULL, NULL, "print this and leave", NULL, true},
    {"version", 0, SET_FLAG, AT(version), NULL, NULL, "print the version and leave", NULL, true},
    {"man", 0, SET_FLAG, AT(man), NULL, NULL, "print the man page and leave", NULL, true},
};
#undef AT
enum { SETTINGS = sizeof table / sizeof *table };

static bool
read_address(const char *name, const char *text, int port, struct addr *out, char *err, size_t err_cap)
{
	const char *wrong = addr_parse(text, "127.0.0.1", port, out);
	if (wrong)
		snprintf(err, err_cap, "--%s '%s': %s", name, text, wrong);
	else if (!out->ipc && strcmp(out->host, "localhost") == 0) /* ZeroMQ binds to addresses and interfaces only */
		memcpy(out->host, "127.0.0.1", sizeof "127.0.0.1");
	return !wrong;
}

static bool
read_upstreams(struct conf *c, char *err, size_t err_cap)
{
	for (size_t i = 0; i < c->forward.count; i++) {
		const char *wrong = upstreams_add(&c->upstreams, c->forward.items[i]);
		if (wrong) {
			snprintf(err, err_cap, "--forward '%s': %s", c->forward.items[i], wrong);
			return false;
		}
	}
	return true;
}

/* Beside the collection port, where nothing else is said. */
static bool
read_relay_address(struct conf *c, char *err, size_t err_cap)
{
	if (c->relay_text && *c->relay_text)
		return read_address(
		    "relay", c->relay_text, c->collect.port ? c->collect.port + 1 : 0, &c->relay, err, err_cap);
	c->relay = c->collect;
	if (c->collect.ipc && snprintf(c->relay.host, sizeof c->relay.host, "%.240s.relay", c->collect.host) < 0)
		return false;
	if (c->collect.port == 65535) {
		snprintf(err, err_cap, "--relay is needed: there is no port behind 65535");
		return false;
	}
	c->relay.port = c->collect.port ? (uint16_t)(c->collect.port + 1) : 0;
	return true;
}

/* $XDG_STATE_HOME/blueox/LEAF; false when there is no home at all. */
static bool
user_path(const char *leaf, char *out, size_t cap)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;
	if (state && state[0] == '/')
		n = snprintf(out, cap, "%s/blueox/%s", state, leaf);
	else if (home && home[0] == '/')
		n = snprintf(out, cap, "%s/.local/state/blueox/%s", home, leaf);
	else
		return false;
	return n > 0 && (size_t)n < cap;
}

static bool
default_path(const char *name, const char **path, const char *system, const char *leaf, char *store, size_t cap,
    char *err, size_t err_cap)
{
	if (*path && **path)
		return true;
	if (geteuid() == 0) {
		*path = system;
		return true;
	}
	if (!user_path(leaf, store, cap)) {
		snprintf(err, err_cap, "--%s is needed: neither XDG_STATE_HOME nor HOME is set", name);
		return false;
	}
	*path = store;
	return true;
}

/* Precedence is file, environment, argv; but where the file is may stand in any of the last two. */
static bool
read_sources(struct conf *c, int argc, char **argv, char **rest, char *err, size_t err_cap)
{
	struct settings *s = &c->settings;
	if (!settings_env(s, err, err_cap) || !settings_argv(s, argc, argv, rest, err, err_cap))
		return false;
	if (!c->file || c->help || c->version || c->man)
		return true;
	char *path = strdup(c->file);
	bool ok = path != NULL;
	settings_fini(s);
	memset(c, 0, sizeof *c);
	ok = ok && settings_init(s, table, SETTINGS, "OXD_", c) && settings_file(s, path, err, err_cap) &&
	     settings_env(s, err, err_cap) && settings_argv(s, argc, argv, rest, err, err_cap);
	free(path);
	return ok;
}

static bool
read_compress_after(struct conf *c, char *err, size_t err_cap)
{
	if (strcmp(c->compress_text, "never") == 0)
		c->compress_after_ns = -1;
	else if (!parse_duration_ns(c->compress_text, &c->compress_after_ns)) {
		snprintf(err, err_cap, "--compress-after '%s' is not a duration such as 1h or 2d, nor never",
		    c->compress_text);
		return false;
	}
	return true;
}

static bool
check_retention(const struct conf *c, char *err, size_t err_cap)
{
	if (c->retain_days > 36500) {
		snprintf(err, err_cap, "--retain-days must be 36500 or less");
		return false;
	}
	return true;
}

static bool
check(struct conf *c, char *err, size_t err_cap)
{
	static char log_store[4096], state_store[4096];
	if (c->journal_segment < 1 << 20 || c->journal_segment > 64 << 20) {
		snprintf(err, err_cap, "--journal-segment must be from 1m to 64m");
		return false;
	}
	if (c->journal_size < 4 << 20) {
		snprintf(err, err_cap, "--journal-size must be 4m or more");
		return false;
	}
	if (c->journal_segment > c->journal_size / 4) /* a few at least, or one could never go while one is written */
		c->journal_segment = c->journal_size / 4;
	if (!read_compress_after(c, err, err_cap) || !check_retention(c, err, err_cap))
		return false;
	c->logs = c->forward.count == 0 || (c->log_path && *c->log_path);
	return default_path(
		   "log-path", &c->log_path, "/var/log/blueox", "log", log_store, sizeof log_store, err, err_cap) &&
	       default_path("state-path", &c->state_path, "/var/lib/blueox", "state", state_store, sizeof state_store,
		   err, err_cap) &&
	       read_address("control", c->control_text, CONTROL_PORT, &c->control, err, err_cap) &&
	       read_address("collect", c->collect_text, COLLECT_PORT, &c->collect, err, err_cap) &&
	       read_relay_address(c, err, err_cap) && read_upstreams(c, err, err_cap);
}

bool
oxd_conf_read(struct conf *c, int argc, char **argv, char *err, size_t err_cap)
{
	char **rest = calloc((size_t)argc + 1, sizeof *rest);
	memset(c, 0, sizeof *c);
	bool ok = rest && settings_init(&c->settings, table, SETTINGS, "OXD_", c);
	if (!ok)
		snprintf(err, err_cap, "out of memory");
	ok = ok && read_sources(c, argc, argv, rest, err, err_cap);
	if (ok && rest[0]) {
		snprintf(err, err_cap, "'%s' is no option", rest[0]);
		ok = false;
	}
	free(rest);
	if (!ok || c->help || c->version || c->man)
		return ok;
	return check(c, err, err_cap);
}

void
oxd_conf_fini(struct conf *c)
{
	settings_fini(&c->settings);
}

void
conf_help(const struct conf *c, struct buf *out)
{
	buf_puts(out,
	    "usage: oxd [OPTION]...\n\n"
	    "Takes events from the programs of this host, keeps them safe, and writes them to log files.\n\n");
	settings_help(&c->settings, out);
	buf_puts(out,
	    "\nEach option can also be given as OXD_NAME in the environment or as 'name = value' in the file.\n"
	    "SIGTERM drains and leaves, SIGHUP lets go of log files that have been moved away.\n");
}

void
conf_man(const struct conf *c, struct buf *out)
{
	buf_puts(out,
	    ".TH OXD 8 \"\" \"BlueOx " BX_VERSION "\"\n"
	    ".SH NAME\noxd \\- collects events and writes them to log files\n"
	    ".SH SYNOPSIS\n.B oxd\n[\\fIOPTION\\fR]...\n"
	    ".SH DESCRIPTION\n"
	    "Programs of this host put events into rings in shared memory; existing clients push them to the\n"
	    "collection port. oxd appends both to a journal, and from there writes a log file a type and day.\n"
	    "What a program was told is kept survives SIGKILL of the program and of oxd.\n"
	    ".SH OPTIONS\n");
	settings_man(&c->settings, out);
	buf_puts(out, ".PP\nEach option can also be given as OXD_NAME in the environment or as 'name = value' in the\n"
		      "file; the command line wins over the environment, and that over the file.\n"
		      ".SH SIGNALS\n"
		      ".TP\n.BR SIGTERM \", \" SIGINT\nDrain the rings, write everything, leave with status 0.\n"
		      ".TP\n.B SIGHUP\nLet go of log files that have been moved away and make new ones.\n"
		      ".SH EXIT STATUS\n0 after a stop that was asked for, 1 when it cannot start or the journal has\n"
		      "failed, 2 for a mistake on the command line.\n"
		      ".SH FILES\n"
		      ".TP\n.I RUN/oxd.json\nwhere this oxd listens, while it runs\n"
		      ".TP\n.I RUN/rings\nthe rings of running programs\n"
		      ".TP\n.I RUN/bad\ndamaged rings, for looking into\n"
		      ".TP\n.I LOG/TYPE.YYMMDD.log\nevents, one MessagePack map after the other\n"
		      ".TP\n.I LOG/TYPE.YYMMDD.log.zst\nthe same, packed; zstdcat and oxview read it\n"
		      ".TP\n.I LOG/TYPE.YYMMDD.log.idx\nwhat its blocks hold; may be removed at any time\n"
		      ".TP\n.I STATE/journal\nwhat is not yet in log files for good\n"
		      ".SH SEE ALSO\n.BR oxctl (1),\n.BR oxview (1)\n");
}
