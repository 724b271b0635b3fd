/* SPDX-License-Identifier: ISC */
/*
 * oxrun: runs a command under the preload object.
 *
 * It is all environment: the object in LD_PRELOAD, one id for everything below, and with --name a prefix for the names
 * and a span that is everybody's parent.  Where no oxd runs it starts one for the command.  Where one does, and there is
 * neither a name nor a summary, there is nothing to do afterwards, so oxrun becomes the command.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/core/id.h"
#include "libbx/core/rundir.h"
#include "preload/oxrun_check.h"
#include "preload/oxrun_command.h"
#include "preload/oxrun_conf.h"
#include "preload/oxrun_events.h"
#include "preload/oxrun_find.h"
#include "preload/oxrun_job.h"
#include "preload/oxrun_oxd.h"
#include "preload/oxrun_place.h"
#include "preload/oxrun_report.h"
#include "preload/oxrun_sanitizer.h"
#include "preload/oxrun_summary.h"
#include "preload/oxrun_target.h"

enum { EXIT_USAGE = 2 };

#define OBJECT "libbx_preload.so"

/* Before what the variable, a list with colons, has already. */
static void
put_first(const char *variable, const char *entry)
{
	const char *before = getenv(variable);
	char *value = NULL;
	if (before && *before && asprintf(&value, "%s:%s", entry, before) < 0)
		value = NULL;
	setenv(variable, value ? value : entry, 1);
	free(value);
}

static void
set_preload(const char *object)
{
	put_first("LD_PRELOAD", object);
	for (const struct sanitizer *s = sanitizers; s->library; s++)
		put_first(s->variable, s->option);
}

/* The id of an outer trace if there is one, so that what runs below joins it. */
static void
set_id(void)
{
	char id[ID_LEN + 1] = "";
	unsigned char raw[ID_LEN / 2];
	const char *outer = getenv("TRACEPARENT");
	if (getenv("BLUEOX_ID"))
		return;
	if (outer && strlen(outer) >= 55 && hex_decode(raw, outer + 3, sizeof raw) == 0) {
		memcpy(id, outer + 3, ID_LEN);
	} else {
		struct rand r;
		rand_seed(&r);
		id_make(id, (uint64_t)time(NULL), &r);
	}
	setenv("BLUEOX_ID", id, 1);
}

/* The prefix of everything below, and the type of the job's event: NULL without a name, or without memory. */
static char *
set_prefix(const struct conf *c)
{
	const char *outer = getenv("BLUEOX_PREFIX");
	char *prefix = NULL, *type = NULL;
	if (!c->name)
		return NULL;
	if (asprintf(&prefix, "%s%s%s", outer ? outer : "", outer && *outer ? "." : "", c->name) < 0)
		return NULL;
	if (asprintf(&type, "%s.job", prefix) < 0)
		type = NULL;
	setenv("BLUEOX_PREFIX", prefix, 1);
	free(prefix);
	return type;
}

static const char *
set_object(const struct conf *c, char path[PATH_MAX])
{
	const char *object = c->library ? c->library : find_object(path);
	const char *why = target_refuses(c->command[0]);
	if (why)
		fprintf(stderr, "oxrun: %s %s: it runs without " OBJECT "\n", c->command[0], why);
	else if (strpbrk(object, " :")) /* what LD_PRELOAD splits at */
		fprintf(stderr,
		    "oxrun: '%s' cannot be preloaded, its path has a space or a colon: %s runs without it\n", object,
		    c->command[0]);
	else
		return object;
	return NULL;
}

/* Starts an oxd for this run where one is wanted.  Without it the command runs all the same. */
static void
start_oxd(const struct conf *c, struct private_oxd *own)
{
	char run_dir[RUNDIR_MAX + 1], err[600];
	*own = (struct private_oxd){0};
	if (c->oxd == OXD_NEVER || (c->oxd == OXD_AUTO && !c->log_path && oxd_runs(run_dir, sizeof run_dir)))
		return;
	if (private_oxd_start(own, c->log_path, err, sizeof err))
		setenv("BLUEOX_RUN_DIR", own->run, 1);
	else
		fprintf(stderr, "oxrun: no oxd could be started for this run: %s\n", err);
}

static void
show(const struct conf *c, const struct summary *s, bool private)
{
	struct buf text = {0};
	if (c->json) {
		summary_json(s, &text);
	} else if (c->summary) {
		summary_text(s, &text);
		if (s->tally.events) {
			buf_puts(&text, "  ");
			summary_command(s, &text);
			buf_putc(&text, '\n');
		}
	} else if (s->tally.events) {
		buf_printf(&text, "oxrun: %llu event%s: ", (unsigned long long)s->tally.events,
		    s->tally.events == 1 ? "" : "s");
		summary_command(s, &text);
		buf_putc(&text, '\n');
	}
	if (private && !s->tally.events && !c->json)
		buf_printf(&text, "oxrun: no events; oxrun --check %s says what stands in their way\n", s->command);
	if (text.err == BX_OK && text.len)
		fwrite(text.data, 1, text.len, stderr);
	buf_fini(&text);
}

/* After the command: its oxd is stopped, so that everything is in the log, and what is asked for is told. */
static void
tell(const struct conf *c, struct private_oxd *own, const struct job_end *end, const char *prefix)
{
	char err[600] = "", log_path[PATH_MAX];
	bool private = own->base[0] != '\0';
	struct summary s = {.command = c->command[0],
	    .name = c->name,
	    .id = getenv("BLUEOX_ID"),
	    .end = *end,
	    .only_id = !private,
	    .log_path = private ? own->log : log_path,
	    .tally = {.prefix = prefix}};
	bx_shutdown(); /* our own ring is given back: it is drained to its end */
	if (!private && !c->summary && !c->json)
		return;
	if (!private_oxd_stop(own, err, sizeof err))
		fprintf(stderr, "oxrun: %s\n", err);
	bool found = private || events_find_log(log_path, sizeof log_path, err, sizeof err);
	bool whole = found && events_tally(&s.tally, s.log_path, private ? NULL : s.id, err, sizeof err);
	if (!whole)
		fprintf(stderr, "oxrun: %s%s\n", err, private ? "" : "; --oxd=private has a summary in any case");
	if (found)
		show(c, &s, private);
	private_oxd_clear(own, whole && s.tally.events == 0);
	tally_fini(&s.tally);
}

static int
run(const struct conf *c)
{
	char path[PATH_MAX];
	struct private_oxd own;
	const char *object = set_object(c, path);
	start_oxd(c, &own);
	set_id();
	char *type = set_prefix(c);
	if (object)
		set_preload(object);
	if (!c->name && !own.pid && !c->summary && !c->json)
		return command_exec(c->command);
	struct job_end end = job_run(type, c->command);
	tell(c, &own, &end, getenv("BLUEOX_PREFIX"));
	free(type);
	job_leave(&end);
}

/* Whether a program, this command if there is one, would make events in this environment; and if not, why. */
static bool
check(const struct conf *c, struct buf *text)
{
	char path[PATH_MAX];
	struct report r = {.out = text};
	bool settings_good = check_environment(text);
	place_check(&r, c);
	if (c->command[0])
		command_check(&r, c->command, c->library ? c->library : find_object(path));
	if (!r.reason[0] && !settings_good)
		snprintf(r.reason, sizeof r.reason, "a setting is not understood, or keeps recording off");
	if (c->command[0])
		report_line(&r, "verdict", "%s%s", r.reason[0] ? "no events: " : "nothing stands in the way of events",
		    r.reason);
	return !r.reason[0];
}

static int
print_words(const struct conf *c)
{
	struct buf text = {0};
	bool good = true;
	if (c->check)
		good = check(c, &text);
	else if (c->version)
		buf_puts(&text, "oxrun " BX_VERSION "\n");
	else if (c->man)
		conf_man(c, &text);
	else
		conf_help(c, &text);
	bool ok = text.err == BX_OK && fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
	buf_fini(&text);
	if (!ok)
		perror("oxrun: standard output");
	return ok && good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct conf c;
	char err[600];
	int status;
	if (!conf_read(&c, argc, argv, err, sizeof err)) {
		fprintf(stderr, "oxrun: %s\n", err);
		status = EXIT_USAGE;
	} else if (c.check || c.help || c.man || c.version) {
		status = print_words(&c);
	} else {
		status = run(&c);
	}
	conf_fini(&c);
	return status;
}
