/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/blueox.h"
#include "preload/settings.h"

enum { NAME_MAX_BYTES = 100 };

static const char *const oxd_choices[] = {[OXD_AUTO] = "auto", [OXD_PRIVATE] = "private", [OXD_NEVER] = "never", NULL};

#define AT(field) offsetof(struct conf, field)
static const struct setting table[] = {
    {.name = "name",
	.letter = 'n',
	.kind = SET_TEXT,
	.offset = AT(name),
	.value = "NAME",
	.help = "call what runs below NAME.PROGRAM, and write an event NAME.job at the end"},
    {.name = "summary",
	.letter = 's',
	.kind = SET_FLAG,
	.offset = AT(summary),
	.help = "when the command has ended, tell on stderr what its programs asked for, how long that took and what "
		"failed"},
    {.name = "json", .kind = SET_FLAG, .offset = AT(json), .help = "the summary as one line of JSON"},
    {.name = "oxd",
	.kind = SET_CHOICE,
	.offset = AT(oxd),
	.fallback = "auto",
	.value = "WHEN",
	.choices = oxd_choices,
	.help = "start an oxd for this run: auto where none runs, private in any case, or never"},
    {.name = "log-path",
	.kind = SET_TEXT,
	.offset = AT(log_path),
	.value = "DIR",
	.help = "where that oxd writes its log files (default: a new directory, which is named at the end); means "
		"--oxd=private"},
    {.name = "library",
	.kind = SET_TEXT,
	.offset = AT(library),
	.value = "PATH",
	.help = "the object to preload, if it is not where oxrun looks for it"},
    {.name = "check",
	.kind = SET_FLAG,
	.offset = AT(check),
	.help = "say why there would be no events, of the command or of any program, and run nothing",
	.argv_only = true},
    {.name = "help", .letter = 'h', .kind = SET_FLAG, .offset = AT(help), .help = "show this", .argv_only = true},
    {.name = "man", .kind = SET_FLAG, .offset = AT(man), .help = "write the manual page as roff", .argv_only = true},
    {.name = "version",
	.letter = 'V',
	.kind = SET_FLAG,
	.offset = AT(version),
	.help = "show the version",
	.argv_only = true},
};

/* A dotted name in whole parts: it stands before other names. */
static bool
name_is_good(const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || n > NAME_MAX_BYTES || name[0] == '.' || name[n - 1] == '.' || strchr(name, '^'))
		return false;
	return strstr(name, "..") == NULL;
}

bool
conf_read(struct conf *c, int argc, char **argv, char *err, size_t err_cap)
{
	*c = (struct conf){0};
	c->command = calloc((size_t)argc + 1, sizeof *c->command);
	if (!c->command || !settings_init(&c->settings, table, sizeof table / sizeof *table, "OXRUN_", c)) {
		snprintf(err, err_cap, "out of memory");
		return false;
	}
	c->settings.command_follows = true;
	if (!settings_env(&c->settings, err, err_cap) ||
	    !settings_argv(&c->settings, argc, argv, c->command, err, err_cap))
		return false;
	if (c->help || c->man || c->version || c->check)
		return true;
	if (c->name && !name_is_good(c->name)) {
		snprintf(err, err_cap, "--name '%s' is not a dotted name of at most %d bytes", c->name, NAME_MAX_BYTES);
		return false;
	}
	if (!c->command[0])
		snprintf(err, err_cap, "no command to run; see oxrun --help");
	return c->command[0] != NULL;
}

void
conf_fini(struct conf *c)
{
	settings_fini(&c->settings);
	free(c->command);
	c->command = NULL;
}

void
conf_help(const struct conf *c, struct buf *out)
{
	buf_puts(out,
	    "usage: oxrun [OPTION]... COMMAND [ARGUMENT]...\n"
	    "\n"
	    "Runs a command so that its calls to PostgreSQL, memcached and syslog become BlueOx events.\n"
	    "\n"
	    "  oxrun psql -c 'select 1'             psql.sql events\n"
	    "  oxrun --name nightly ./report.sh     all under one id, nightly.psql.sql and so on, and nightly.job\n"
	    "  oxrun --summary ./report.sh          and at the end what was asked for, how long it took, what failed\n"
	    "  oxrun --check php script.php         why there would be no events\n"
	    "\n");
	settings_help(&c->settings, out);
	buf_puts(out, "\nEvery option but the last four is a variable too: OXRUN_NAME=NAME.  Where no oxd runs, one is "
		      "started for the\n"
		      "command; its log files stay, and oxrun says where.  oxrun leaves as the command does, by the "
		      "same signal if one\n"
		      "killed it; 126 or 127 when it could not be run, 2 for usage; --check: 0 when events are to be "
		      "expected, else 1.\n");
}

static void
man_settings(struct buf *out)
{
	for (size_t i = 0; i < shim_setting_count; i++) {
		const struct shim_setting *s = &shim_settings[i];
		buf_printf(out, ".TP\n.BI %s= %s\n%s.\n", s->name, s->value, s->help);
		if (s->fallback)
			buf_printf(out, "Default %s.\n", s->fallback);
	}
}

void
conf_man(const struct conf *c, struct buf *out)
{
	buf_puts(out,
	    ".TH OXRUN 1 \"\" \"BlueOx " BX_VERSION "\" \"BlueOx\"\n"
	    ".SH NAME\noxrun \\- run a command whose calls become BlueOx events\n"
	    ".SH SYNOPSIS\n.B oxrun\n[\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n"
	    ".SH DESCRIPTION\n"
	    "Runs COMMAND with libbx_preload.so before its libraries, so that what it and its children ask of libpq,\n"
	    "libmemcached and syslog(3) is recorded: \\fIPROGRAM\\fB.sql\\fR, \\fIPROGRAM\\fB.memcache\\fR and\n"
	    "\\fIPROGRAM\\fB.log\\fR events, and one event \\fIPROGRAM\\fR for each process that made any.\n"
	    "All of them carry one id.\n"
	    ".PP\n"
	    "The events go to the oxd of this host.  Where none runs oxrun starts one for the command, which writes "
	    "log files\n"
	    "into a new directory (in \\fBTMPDIR\\fR or /tmp) or the one that \\fB\\-\\-log\\-path\\fR names, takes no "
	    "setting from\n"
	    "the environment or a file, and ends when the command has; programs that go on after that are not recorded "
	    "any\n"
	    "more.  Its log files stay, and a line on stderr tells how many events they have and how to see them.  "
	    "With\n"
	    "\\fB\\-\\-oxd=never\\fR events wait in memory until the oxd of this host comes: for jobs that may run "
	    "while it is\n"
	    "being restarted.\n"
	    ".PP\n"
	    "With \\fB\\-\\-name\\fR they lie under an event \\fINAME\\fB.job\\fR with the fields \\fBcommand\\fR,\n"
	    "\\fBexit_status\\fR or \\fBsignal\\fR, \\fBduration\\fR, \\fBuser_time\\fR, \\fBsystem_time\\fR and\n"
	    "\\fBmax_rss\\fR (bytes).\n"
	    ".PP\n"
	    "Where there is neither a name, nor a summary, nor an oxd to be started, oxrun becomes the command.  Else "
	    "it stays,\n"
	    "hands signals that are sent to it on to the command (what a terminal sends to its foreground group the "
	    "command\n"
	    "has already), stops when the command stops, and leaves as it left.\n"
	    ".SH SUMMARY\n"
	    "With \\fB\\-\\-summary\\fR a table on stderr, a line a program: processes, connections, queries and how "
	    "many failed,\n"
	    "time in SQL, the slowest query, memcached calls with hits, misses and failures, log lines and how many "
	    "of\n"
	    "\\fBerr\\fR or worse, crashes.  Then the three slowest queries, the errors by class, code and message, "
	    "and how many\n"
	    "events were dropped.  Columns in which nothing happened are left out.  All of it is read from the events "
	    "in the\n"
	    "log (of this id, where the oxd is not oxrun's own), so it needs a log that can be read here.\n"
	    "\\fB\\-\\-json\\fR has the same as one line: command, name, id, log_path, exit_status or signal, "
	    "duration, events,\n"
	    "dropped, programs, all, slowest, errors.\n"
	    ".SH CHECK\n"
	    "\\fB\\-\\-check\\fR shows all settings and what of them is not understood, whether programs of this user "
	    "can make\n"
	    "rings in the run directory, and whether an oxd runs.  With a command, which is not run: whether the "
	    "loader takes the\n"
	    "object into it (not into one that is statically linked, of another C library, setuid, or has "
	    "capabilities), whether\n"
	    "\\fBBLUEOX_PRELOAD\\fR, \\fBBLUEOX_ONLY\\fR and \\fBBLUEOX_NOT\\fR leave it out, which libraries it loads "
	    "at its start, and\n"
	    "which drivers are named in its file, its script and its arguments: one that speaks the protocol itself "
	    "(JDBC, pgx,\n"
	    "asyncpg, pg8000 and others) calls no library that could be seen.  The last line is the verdict; exit "
	    "status 1 when\n"
	    "there would be no events.\n"
	    ".SH OPTIONS\n");
	settings_man(&c->settings, out);
	buf_puts(out,
	    ".SH FILES\n"
	    "libbx_preload.so is taken from beside oxrun, from ../lib seen from there, or else as\n"
	    "\\fB/usr/$LIB/libbx_preload.so\\fR, where the loader puts in what its own libraries are under.\n"
	    "A statically linked command, or one of another C library, is run without it, with a warning.\n"
	    ".SH ENVIRONMENT\n"
	    "Set for the command: \\fBLD_PRELOAD\\fR (what was in it stays, behind), \\fBBLUEOX_ID\\fR unless it is "
	    "set,\n"
	    "and with \\fB\\-\\-name\\fR \\fBTRACEPARENT\\fR and \\fBBLUEOX_PREFIX\\fR.\n"
	    ".PP\n"
	    "Read by what is preloaded, and from \\fB" SHIM_FILE "\\fR, where BLUEOX_SQL_MAX is\n"
	    "written \\fBsql\\-max = 1k\\fR, a setting a line; what libbx itself reads, see bx(3), may stand there "
	    "too:\n");
	man_settings(out);
	buf_puts(out,
	    ".PP\n"
	    "\\fB\\-\\-check\\fR shows all that is read, and what of it is not understood; exit status 1 then.\n"
	    ".SH EXIT STATUS\n"
	    "The command's; when a signal killed the command, the same kills oxrun; 126 when it could not be run, 127 "
	    "when\n"
	    "there is none of that name; 2 for a mistake in oxrun's own arguments.\n"
	    ".SH SEE ALSO\n.BR oxview (1),\n.BR oxd (8)\n");
}
