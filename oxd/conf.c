/* SPDX-License-Identifier: ISC */
/* conf: the table, and what the table cannot say. */
#include "oxd/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/core/parse.h"
#include "libbx/core/clock.h"
#include "oxd/rules.h"

enum { CONTROL_PORT = 3513, COLLECT_PORT = 3514 };

static const char *const sync_choices[] = {"always", "interval", "never", NULL};
static const char *const format_choices[] = {"auto", "text", "json", NULL};
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
    {"metrics", 0, SET_TEXT, AT(metrics_text), NULL, "ADDR:PORT/PATH",
	"where Prometheus may read the counters over HTTP (as 127.0.0.1:9513/metrics)", NULL, false},
    {"curve-key", 0, SET_TEXT, AT(curve_key), NULL, "FILE",
	"our key (oxctl keygen): ports that other hosts can reach then speak CURVE, and upstreams know us by it", NULL,
	false},
    {"curve-allow", 0, SET_TEXT, AT(curve_allow), NULL, "DIR",
	"public keys, in files *.pub, of those who may connect (default: everyone who has our public key)", NULL,
	false},
    {"server-key", 0, SET_TEXT, AT(server_key), NULL, "FILE",
	"public key of the upstreams: forwarding then speaks CURVE, and to nobody else", NULL, false},
    {"require-curve", 0, SET_FLAG, AT(require_curve), NULL, NULL, "no port that other hosts can reach without a key",
	NULL, false},
    {"rule", 0, SET_LIST, AT(rules), NULL, "RULE",
	"TYPEGLOB [where FILTER] : keep | drop | sample RATE; the first that matches an event decides", NULL, false},
    {"quota", 0, SET_LIST, AT(quotas), NULL, "QUOTA",
	"TYPEGLOB: N/s (or /m, /h), for each type and program by itself; what is beyond it is dropped and counted",
	NULL, false},
    {"redact", 0, SET_LIST, AT(redact), NULL, "FIELDS",
	"fields taken out of events before anything of them is kept, with commas: body.password,*.cookie", NULL, false},
    {"report-every", 0, SET_DURATION, AT(report_ns), "1m", "TIME",
	"how often drops are told as blueox.dropped and the daemon's own life as blueox.oxd; 0 is never", NULL, false},
    {"max-rings", 0, SET_UINT, AT(max_rings), "4096", "N",
	"most rings that are read at a time, half of them of one user; others wait, and nothing in them is lost", NULL,
	false},
    {"max-connections", 0, SET_UINT, AT(max_connections), "8192", "N",
	"most connections at a time, half of them from one address; beyond that the newest are closed", NULL, false},
    {"log-format", 0, SET_CHOICE, AT(log_format), "auto", "HOW",
	"how oxd's own messages are written on stderr: text, json (a line a message), or auto (fields to the systemd "
	"journal when stderr is its stream, else text)",
	format_choices, false},
    {"verbose", 'v', SET_COUNT, AT(verbose), NULL, NULL, "say more on stderr; twice for still more", NULL, false},
    {"config", 0, SET_TEXT, AT(file), NULL, "FILE",
	"read settings, one 'name = value' a line (default /etc/blueox/oxd.conf where it exists)", NULL, false},
    {"check-config", 0, SET_FLAG, AT(check_config), NULL, NULL,
	"say every mistake in the settings and leave: 0 none, 1 some, 2 on the command line", NULL, true},
    {"help", 'h', SET_FLAG, AT(help), NULL, NULL, "print this and leave", NULL, true},
    {"version", 0, SET_FLAG, AT(version), NULL, NULL, "print the version and leave", NULL, true},
    {"man", 0, SET_FLAG, AT(man), NULL, NULL, "print the man page and leave", NULL, true},
    {"man-conf", 0, SET_FLAG, AT(man_conf), NULL, NULL, "print the man page of the settings file and leave", NULL,
	true},
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

/* Who is told of mistakes: the first goes into a line, or all of them, one a line, into a text. */
struct report {
	char *err;
	size_t err_cap;
	struct buf *all; /* NULL: the first only */
	bool bad;
	bool usage; /* it was on the command line */
};

static void
tell(void *arg, const char *line)
{
	struct report *r = arg;
	if (!r->bad)
		snprintf(r->err, r->err_cap, "%s", line);
	r->bad = true;
	if (r->all)
		buf_printf(r->all, "%s\n", line);
}

static bool
read_compress_after(struct conf *c, char *err, size_t err_cap)
{
	if (!c->compress_text || strcmp(c->compress_text, "never") == 0)
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

/* What a step has left in `err`, with the place that the value came from where that is a file's or a variable's. */
static void
tell_unless(struct report *r, bool ok, const struct conf *c, const char *setting, const char *err)
{
	char line[1200];
	const char *where = settings_where(&c->settings, setting, 0);
	if (ok)
		return;
	if (where && where[0] != '-')
		snprintf(line, sizeof line, "%.500s: %.600s", where, err);
	else
		snprintf(line, sizeof line, "%.1100s", err);
	tell(r, line);
}

/* The file that is named, or the usual one where it exists. */
static char *
file_of(const struct conf *c)
{
	static const char usual[] = "/etc/blueox/oxd.conf";
	if (c->file)
		return strdup(c->file);
	return access(usual, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR) ? strdup(usual) : NULL;
}

static void
read_words(struct conf *c, int argc, char **argv, char **rest, struct report *r)
{
	char err[1024] = "", line[1100];
	if (!settings_env(&c->settings, err, sizeof err)) {
		tell(r, err);
		return;
	}
	if (!settings_argv(&c->settings, argc, argv, rest, err, sizeof err)) {
		r->usage = true;
		tell(r, err);
	} else if (rest[0]) {
		snprintf(line, sizeof line, "'%s' is no option", rest[0]);
		r->usage = true;
		tell(r, line);
	}
}

/* Precedence is file, environment, argv; but where the file is may stand in any of the last two. */
static void
read_sources(struct conf *c, int argc, char **argv, char **rest, struct report *r)
{
	struct settings *s = &c->settings;
	char err[1024] = "";
	read_words(c, argc, argv, rest, r);
	char *path = r->bad || c->help || c->version || c->man || c->man_conf ? NULL : file_of(c);
	if (!path)
		return;
	bool check_config = c->check_config; /* to be known also where the file ends the reading */
	settings_fini(s);
	memset(c, 0, sizeof *c);
	bool ok = settings_init(s, table, SETTINGS, "OXD_", c);
	c->check_config = check_config;
	if (!ok)
		tell(r, "out of memory");
	else if (r->all)
		settings_file_all(s, path, tell, r);
	else if (!settings_file(s, path, err, sizeof err))
		tell(r, err);
	if (r->all || !r->bad)
		read_words(c, argc, argv, rest, r);
	free(path);
}

void
conf_rules(const struct conf *c, struct rules_config *out)
{
	*out = (struct rules_config){.rules = c->rules, .quotas = c->quotas, .redact = c->redact};
}

struct rule_report {
	struct report *report;
	const struct conf *conf;
	const struct rules_config *rules;
};

static void
tell_rule(void *arg, const struct setting_list *list, size_t item, const char *why)
{
	const struct rule_report *r = arg;
	const char *name = list == &r->rules->rules ? "rule" : list == &r->rules->quotas ? "quota" : "redact";
	const char *where = settings_where(&r->conf->settings, name, item);
	char line[1200];
	if (where && where[0] != '-')
		snprintf(line, sizeof line, "%.500s: %s '%.300s': %.300s", where, name, list->items[item], why);
	else
		snprintf(line, sizeof line, "--%s '%.300s': %.300s", name, list->items[item], why);
	tell(r->report, line);
}

static void
check_rules(const struct conf *c, struct report *report)
{
	struct rules_config config;
	struct rule_report r = {report, c, &config};
	conf_rules(c, &config);
	struct rules *rules = rules_new(&config, clock_wall_ns(), tell_rule, &r);
	rules_free(&rules);
}

/* Control can stop the daemon and the stream shows everything: beyond this host they want keys.  The others may be plain. */
static bool
check_exposure(const struct conf *c, char *err, size_t err_cap)
{
	bool key = c->curve_key && *c->curve_key;
	if (!key && !addr_is_local(&c->control)) {
		snprintf(err, err_cap,
		    "--control '%s': other hosts can reach it, so it needs --curve-key (the stream is there too)",
		    c->control_text);
		return false;
	}
	if (!key && c->require_curve && (!addr_is_local(&c->collect) || !addr_is_local(&c->relay))) {
		snprintf(err, err_cap,
		    "--require-curve: other hosts can reach --collect or --relay, and there is no "
		    "--curve-key");
		return false;
	}
	return true;
}

static bool
read_metrics(struct conf *c, char *err, size_t err_cap)
{
	const char *wrong = c->metrics_text ? metrics_where(c->metrics_text, &c->metrics) : NULL;
	if (wrong)
		snprintf(err, err_cap, "--metrics '%s': %s", c->metrics_text, wrong);
	return !wrong;
}

static void
check(struct conf *c, struct report *r)
{
	static char log_store[4096], state_store[4096];
	char err[1024] = "";
	tell_unless(r, c->journal_segment >= 1 << 20 && c->journal_segment <= 64 << 20, c, "journal-segment",
	    "--journal-segment must be from 1m to 64m");
	tell_unless(r, c->journal_size >= 4 << 20, c, "journal-size", "--journal-size must be 4m or more");
	if (c->journal_segment > c->journal_size / 4) /* a few at least, or one could never go while one is written */
		c->journal_segment = c->journal_size / 4;
	tell_unless(
	    r, c->max_rings >= 2 && c->max_rings <= 100000, c, "max-rings", "--max-rings must be from 2 to 100000");
	tell_unless(r, c->max_connections >= 8 && c->max_connections <= 1000000, c, "max-connections",
	    "--max-connections must be from 8 to 1000000");
	tell_unless(r, read_compress_after(c, err, sizeof err), c, "compress-after", err);
	tell_unless(r, check_retention(c, err, sizeof err), c, "retain-days", err);
	c->logs = c->forward.count == 0 || (c->log_path && *c->log_path);
	tell_unless(r,
	    default_path(
		"log-path", &c->log_path, "/var/log/blueox", "log", log_store, sizeof log_store, err, sizeof err),
	    c, "log-path", err);
	tell_unless(r,
	    default_path("state-path", &c->state_path, "/var/lib/blueox", "state", state_store, sizeof state_store, err,
		sizeof err),
	    c, "state-path", err);
	tell_unless(
	    r, read_address("control", c->control_text, CONTROL_PORT, &c->control, err, sizeof err), c, "control", err);
	tell_unless(
	    r, read_address("collect", c->collect_text, COLLECT_PORT, &c->collect, err, sizeof err), c, "collect", err);
	tell_unless(r, read_relay_address(c, err, sizeof err), c, "relay", err);
	tell_unless(r, read_upstreams(c, err, sizeof err), c, "forward", err);
	tell_unless(r, read_metrics(c, err, sizeof err), c, "metrics", err);
	tell_unless(r, r->bad || check_exposure(c, err, sizeof err), c, "control", err);
	check_rules(c, r);
}

static void
read_and_check(struct conf *c, int argc, char **argv, struct report *r)
{
	char **rest = calloc((size_t)argc + 1, sizeof *rest);
	memset(c, 0, sizeof *c);
	if (!rest || !settings_init(&c->settings, table, SETTINGS, "OXD_", c))
		tell(r, "out of memory");
	else
		read_sources(c, argc, argv, rest, r);
	free(rest);
	if ((r->bad && !r->all) || r->usage || c->help || c->version || c->man || c->man_conf)
		return;
	check(c, r);
}

bool
oxd_conf_read(struct conf *c, int argc, char **argv, char *err, size_t err_cap)
{
	struct report r = {.err = err, .err_cap = err_cap};
	read_and_check(c, argc, argv, &r);
	return !r.bad;
}

int
oxd_conf_check(int argc, char **argv, struct buf *out)
{
	struct conf c;
	char first[1200];
	struct report r = {.err = first, .err_cap = sizeof first, .all = out};
	read_and_check(&c, argc, argv, &r);
	oxd_conf_fini(&c);
	return r.usage ? 2 : r.bad ? 1 : 0;
}

/* What SIGHUP takes over; everything else wants a new start. */
static bool
is_reloaded(const struct setting *set)
{
	static const char *const names[] = {"rule", "quota", "redact", "verbose", "report-every", "retain-days",
	    "retain-size", "compress-after", "close-idle", "prune-pause"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(set->name, names[i]) == 0)
			return true;
	return set->argv_only;
}

void
conf_needs_restart(const struct conf *c, const struct conf *fresh, struct buf *names)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (!is_reloaded(&table[i]) && !settings_equal(&c->settings, &fresh->settings, i))
			buf_printf(names, "%s%s", names->len ? ", " : "", table[i].name);
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
	    "SIGTERM drains and leaves, SIGHUP reads rules, quotas, redaction, retention and verbosity again and lets "
	    "go of log\n"
	    "files that have been moved away.\n");
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
		      ".TP\n.B SIGHUP\nRead the settings again and take over rules, quotas, redaction, retention,\n"
		      "--compress-after, --close-idle, --report-every and verbosity (what else has\n"
		      "changed is named, and waits for a new start); let go of log files that have been moved away.\n"
		      ".SH EXIT STATUS\n0 after a stop that was asked for, 1 when it cannot start or the journal has\n"
		      "failed, 2 for a mistake on the command line.\n"
		      ".SH FILES\n"
		      ".TP\n.I /etc/blueox/oxd.conf\nsettings\n"
		      ".TP\n.I RUN/oxd.json\nwhere this oxd listens, while it runs\n"
		      ".TP\n.I RUN/rings\nthe rings of running programs\n"
		      ".TP\n.I RUN/bad\ndamaged rings, for looking into\n"
		      ".TP\n.I LOG/TYPE.YYMMDD.log\nevents, one MessagePack map after the other\n"
		      ".TP\n.I LOG/TYPE.YYMMDD.log.zst\nthe same, packed; zstdcat and oxview read it\n"
		      ".TP\n.I LOG/TYPE.YYMMDD.log.idx\nwhat its blocks hold; may be removed at any time\n"
		      ".TP\n.I STATE/quarantine\nframes that an upstream refused, one a file\n"
		      ".TP\n.I STATE/journal\nwhat is not yet in log files for good\n"
		      ".SH SEE ALSO\n.BR oxd.conf (5),\n.BR oxctl (1),\n.BR oxview (1),\n.BR blueox (7)\n");
}

void
conf_man_file(const struct conf *c, struct buf *out)
{
	buf_puts(out, ".TH OXD.CONF 5 \"\" \"BlueOx " BX_VERSION "\"\n"
		      ".SH NAME\noxd.conf \\- settings of oxd\n"
		      ".SH SYNOPSIS\n.I /etc/blueox/oxd.conf\n"
		      ".SH DESCRIPTION\n"
		      "Lines of\n.IR name \" = \" value .\nBlanks around both are left out, empty lines and lines that "
		      "begin with # too.\n"
		      "What may be given more than once has a line each time.\n"
		      "Options of the command line come before the environment (OXD_NAME), and that before this file.\n"
		      "A daemon that is told of another file by \\fB\\-\\-config\\fR reads that instead.\n"
		      "\\fBoxd \\-\\-check\\-config\\fR names every mistake with its line; with a mistake oxd does not "
		      "start, and a "
		      "reload changes nothing.\n"
		      "Sizes are numbers with k, m or g, durations with ms, s, m, h or d.\n"
		      ".SH SETTINGS\n");
	settings_man_file(&c->settings, is_reloaded, out);
	buf_puts(out, ".SH EXAMPLE\n.nf\n"
		      "log\\-path = /var/log/blueox\n"
		      "retain\\-days = 30\n"
		      "rule = web.healthz* : drop\n"
		      "rule = web.* where duration < 5ms : sample 0.01\n"
		      "forward = central.example.com:3514\n"
		      ".fi\n"
		      ".SH SEE ALSO\n.BR oxd (8),\n.BR oxctl (1),\n.BR blueox (7)\n");
}
