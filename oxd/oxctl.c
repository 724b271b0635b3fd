/* SPDX-License-Identifier: ISC */
/* oxctl: the table of commands, options, help; and one command run. */
#include "oxd/oxctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/blueox.h"
#include "libbx/core/addr.h"
#include "libbx/core/settings.h"
#include "oxd/oxctl_find.h"
#include "oxd/say.h"

#define AT(field) offsetof(struct oxctl, field)
static const struct setting table[] = {
    {"host", 'H', SET_TEXT, AT(host), NULL, "HOST:PORT",
	"control port of the oxd, or ipc:///path (default: what RUN/oxd.json says, else 127.0.0.1:3513)", NULL, false},
    {"run-dir", 0, SET_TEXT, AT(run_dir), NULL, "DIR",
	"run directory in which to look for an oxd (default /run/blueox where it exists, else /dev/shm/blueox-UID)",
	NULL, false},
    {"log-path", 0, SET_TEXT, AT(log_path), NULL, "DIR",
	"store: this log directory, instead of that of the oxd that answers", NULL, false},
    {"state-path", 0, SET_TEXT, AT(state_path), NULL, "DIR",
	"store: state directory of the oxd that writes there, when it does not run", NULL, false},
    {"from", 0, SET_TEXT, AT(from), NULL, "DATE", "store cat, export: only events that ended then or later", NULL,
	true},
    {"to", 0, SET_TEXT, AT(to), NULL, "DATE", "store cat, export: only events that ended then or earlier", NULL, true},
    {"before", 0, SET_TEXT, AT(before), NULL, "DATE",
	"store prune: remove days that were over by then, as 2026-11-01, or 30d for so long ago", NULL, true},
    {"size", 0, SET_SIZE, AT(size), "0", "SIZE", "store prune: remove the oldest days until no more than this is left",
	NULL, true},
    {"out", 'o', SET_TEXT, AT(out), NULL, "FILE", "store cat, export: write to this file, whole or not at all", NULL,
	true},
    {"yes", 'y', SET_FLAG, AT(yes), NULL, NULL, "store prune: do it, instead of saying what would go", NULL, true},
    {"server-key", 0, SET_TEXT, AT(server_key), NULL, "FILE",
	"public key of the oxd, where its control port is guarded", NULL, false},
    {"curve-key", 0, SET_TEXT, AT(curve_key), NULL, "FILE", "our own key, where that oxd allows some only", NULL,
	false},
    {"count", 'n', SET_UINT, AT(count), "0", "N", "top: so many times; 0 is until interrupted", NULL, true},
    {"interval", 0, SET_DURATION, AT(interval_ns), "2s", "TIME", "top: how often", NULL, true},
    {"json", 0, SET_FLAG, AT(json), NULL, NULL, "print the answer as JSON", NULL, true},
    {"raw", 0, SET_FLAG, AT(json), NULL, NULL, "the same as --json", NULL, true},
    {"help", 'h', SET_FLAG, AT(help), NULL, NULL, "print this and leave", NULL, true},
    {"version", 0, SET_FLAG, AT(version), NULL, NULL, "print the version and leave", NULL, true},
    {"man", 0, SET_FLAG, AT(man), NULL, NULL, "print the man page and leave", NULL, true},
};
#undef AT
enum { SETTINGS = sizeof table / sizeof *table };

/* In the order of --help; the first is what a bare `oxctl` does. */
static const struct command {
	const char *name;
	const char *words; /* what may follow, for help */
	int (*run)(const struct oxctl *o, char **words);
	const char *help;
} commands[] = {
    {"status", "", oxctl_status, "what the oxd has seen, its state and its counters (the default)"},
    {"top", "", oxctl_top, "what it does now, again and again: rates, types, hosts"},
    {"rings", "", oxctl_rings, "the rings of running programs"},
    {"forward", "[list|off|set|add|remove HOST:PORT...]", oxctl_forward, "where it forwards to; changes last"},
    {"peers", "", oxctl_peers, "who sends to the relay port"},
    {"rules", "", oxctl_rules, "the rules, quotas and redactions in force, with what each has done"},
    {"audit", "", oxctl_audit, "by host and program: events emitted, logged, dropped and why, since the oxd started"},
    {"flush", "", oxctl_flush, "leave once everything taken in so far is in the log files"},
    {"rotate", "", oxctl_rotate, "let go of log files that have been moved away"},
    {"store", "COMMAND [TYPE]", oxctl_store,
	"log files: list, verify, cat, export (as JSON), compress, prune, reindex; TYPE is a pattern"},
    {"shutdown", "", oxctl_shutdown, "stop the oxd cleanly"},
    {"keygen", "FILE", oxctl_keygen, "write a new key to FILE, its public part to FILE.pub"},
    {"version", "", oxctl_version, "the version of the running oxd"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int
help(const struct settings *s)
{
	struct buf out = {0};
	buf_puts(&out, "usage: oxctl [OPTION]... [COMMAND]\n\nAsks and steers a running oxd.\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];
		int n = (int)(strlen(c->name) + 1 + strlen(c->words));
		if (n > 28)
			buf_printf(&out, "  %s %s\n%32s%s\n", c->name, c->words, "", c->help);
		else
			buf_printf(&out, "  %s %s%*s %s\n", c->name, c->words, 29 - n, "", c->help);
	}
	buf_puts(&out, "\nOptions:\n");
	settings_help(s, &out);
	return oxctl_print(&out);
}

static int
man(const struct settings *s)
{
	struct buf out = {0};
	buf_puts(&out, ".TH OXCTL 1 \"\" \"BlueOx " BX_VERSION "\"\n"
		       ".SH NAME\noxctl \\- asks and steers a running oxd\n"
		       ".SH SYNOPSIS\n.B oxctl\n[\\fIOPTION\\fR]... [\\fICOMMAND\\fR]\n.SH COMMANDS\n");
	for (size_t i = 0; i < COMMANDS; i++)
		buf_printf(&out, ".TP\n.B %s\n%s\n%s.\n", commands[i].name, commands[i].words, commands[i].help);
	buf_puts(&out, ".SH OPTIONS\n");
	settings_man(s, &out);
	buf_puts(&out, ".SH EXIT STATUS\n0, 1 when no oxd answers or it could not do what was asked, 2 for a mistake\n"
		       "on the command line.\n.SH SEE ALSO\n.BR oxd (8),\n.BR oxview (1)\n");
	return oxctl_print(&out);
}

static int
run(struct oxctl *o, char **rest)
{
	char found[ADDR_ENDPOINT_MAX];
	char *none[] = {NULL};
	const struct command *command = rest[0] ? NULL : &commands[0];
	for (size_t i = 0; !command && i < COMMANDS; i++)
		if (strcmp(commands[i].name, rest[0]) == 0)
			command = &commands[i];
	if (!command) {
		say(SAY_ERROR, "'%s' is no command; see oxctl --help", rest[0]);
		return 2;
	}
	if (!o->host) {
		oxctl_find_control(o->run_dir, found, sizeof found);
		o->host = found;
	}
	int status = command->run(o, rest[0] ? rest + 1 : none);
	o->host = NULL;
	return status;
}

int
main(int argc, char **argv)
{
	struct oxctl o = {0};
	struct settings s;
	char err[1024] = "";
	say_init("oxctl", 0);
	char **rest = calloc((size_t)argc + 1, sizeof *rest);
	if (!rest || !settings_init(&s, table, SETTINGS, "OXCTL_", &o)) {
		say(SAY_ERROR, "out of memory");
		return 1;
	}
	int status = 2;
	if (!settings_env(&s, err, sizeof err) || !settings_argv(&s, argc, argv, rest, err, sizeof err))
		say(SAY_ERROR, "%s", err);
	else if (o.help)
		status = help(&s);
	else if (o.man)
		status = man(&s);
	else if (o.version)
		status = printf("oxctl %s\n", BX_VERSION) < 0 ? 1 : 0;
	else
		status = run(&o, rest);
	settings_fini(&s);
	free(rest);
	return status;
}
