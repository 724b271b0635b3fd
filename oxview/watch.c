/* SPDX-License-Identifier: ISC */
/*
 * watch: each event is asked why it should be told; the alert (alert.h) does the rest, and is looked after whenever an
 * event came or the source has waited a moment.
 */
#include "oxview/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/clock.h"
#include "oxview/alert.h"
#include "oxview/format_json.h"
#include "oxview/known.h"
#include "oxview/repeats.h"
#include "oxview/source_open.h"

/* A fingerprint that is told by a batch, and is new until that has been told. */
struct told_print {
	struct told_print *next;
	char print[FAULT_PRINT_MAX + 1];
	size_t type_n;
	uint8_t type[];
};

struct watch {
	const struct conf *conf;
	struct trouble *trouble;
	struct alert alert;
	struct known known;
	struct repeats repeats;               /* no memory: --all */
	struct told_print *waiting, *running; /* owned; of the batches of the alert */
	bool has_known;
};

static volatile sig_atomic_t ended;

static void
end_it(int signal)
{
	(void)signal;
	ended = 1;
}

/* A program that follows is ended by these, and tells what is left first; one that reads to an end is just ended. */
static void
catch_signals(const struct conf *c)
{
	struct sigaction action = {.sa_handler = end_it};
	if (!c->follow && c->source != FROM_LIVE)
		return;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

/* ---- fingerprints ------------------------------------------------------------------------------------------------ */

static void
note_print(struct watch *w, const char *print, struct bytes type)
{
	struct told_print *p = malloc(sizeof *p + type.n);
	if (!p)
		return; /* told again after the next start */
	strcpy(p->print, print);
	p->type_n = type.n;
	if (type.n > 0)
		memcpy(p->type, type.p, type.n);
	p->next = w->waiting;
	w->waiting = p;
}

static void
begin_prints(void *context)
{
	struct watch *w = context;
	w->running = w->waiting;
	w->waiting = NULL;
}

/* The batch that ran is over: what it told is kept, or new again. */
static void
settle_prints(void *context, bool ok)
{
	struct watch *w = context;
	while (w->running) {
		struct told_print *p = w->running;
		w->running = p->next;
		if (!ok)
			known_forget(&w->known, p->print);
		else if (!known_keep(&w->known, p->print, clock_wall_ns(), (struct bytes){p->type, p->type_n}))
			trouble_add(w->trouble, "--new-errors: %s: %s", w->conf->new_errors, strerror(errno));
		free(p);
	}
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void
tick(struct watch *w)
{
	alert_tick(&w->alert, clock_mono_ns());
}

static void
tell_bytes(struct watch *w, const char *name, struct bytes value)
{
	if (value.p)
		alert_tell(&w->alert, name, value.p, value.n);
}

/* False: there are so many that it is only counted. */
static bool
tell(struct watch *w, const struct event *ev, const struct fault *fault, const char *why)
{
	if (alert_is_first(&w->alert)) {
		alert_tell(&w->alert, "BLUEOX_ALERT_WHY", why, strlen(why));
		tell_bytes(w, "BLUEOX_ALERT_TYPE", ev->type);
		tell_bytes(w, "BLUEOX_ALERT_ID", ev->id);
		tell_bytes(w, "BLUEOX_ALERT_HOST", ev->host);
		if (fault) {
			alert_tell(&w->alert, "BLUEOX_ALERT_PRINT", fault->print, strlen(fault->print));
			tell_bytes(w, "BLUEOX_ALERT_CLASS", fault->class_name);
			tell_bytes(w, "BLUEOX_ALERT_MESSAGE", fault->message);
		}
	}
	struct buf *line = alert_room(&w->alert);
	if (line)
		format_json(ev, line);
	return line != NULL;
}

static void
take(struct watch *w, const struct event *ev)
{
	struct fault fault;
	if (w->repeats.lines && repeats_seen(&w->repeats, ev))
		return;
	bool failed = fault_of(ev, &fault);
	if (w->has_known && failed && known_is_new(&w->known, fault.print)) {
		if (tell(w, ev, &fault, "new"))
			note_print(w, fault.print, ev->type);
		else
			known_forget(&w->known, fault.print);
	} else if (w->conf->watch_filter && filter_match(w->conf->watch_filter, ev->raw.p, ev->raw.n)) {
		(void)tell(w, ev, failed ? &fault : NULL, "match");
	}
}

/* The source asks now and then whether it is to stop. */
static bool
look(void *context)
{
	tick(context);
	return ended;
}

static void
tick_before_wait(void *context)
{
	tick(context);
}

static void
run(struct watch *w)
{
	struct source_env env = {.select = &w->conf->select,
	    .trouble = w->trouble,
	    .before_wait = tick_before_wait,
	    .context = w,
	    .stopped = look,
	    .stop_context = w};
	struct event ev;
	struct source *source = source_open(w->conf, &env);
	if (!source && w->trouble->count == 0)
		trouble_add(w->trouble, "out of memory");
	while (source && !ended && source_next(source, &ev)) {
		take(w, &ev);
		tick(w);
	}
	source_free(&source);
	while (w->alert.child || w->alert.running.count > 0 || w->alert.next.count > 0) {
		w->alert.every_ns = 0;
		tick(w);
		alert_wait(&w->alert);
	}
}

void
watch(const struct conf *c, struct trouble *trouble)
{
	struct watch w = {.conf = c, .trouble = trouble, .known = {.fd = -1}};
	w.alert = (struct alert){.command = c->exec,
	    .every_ns = c->exec_every_ns,
	    .wait_ns = c->exec_wait_ns,
	    .trouble = trouble,
	    .began = begin_prints,
	    .told = settle_prints,
	    .context = &w};
	const char *wrong = c->new_errors ? known_open(&w.known, c->new_errors) : NULL;
	if (wrong) {
		trouble_add(trouble, "--new-errors: %s: %s", c->new_errors, wrong);
		return;
	}
	w.has_known = c->new_errors != NULL;
	if (!c->all && !repeats_init(&w.repeats, c->remember))
		trouble_add(trouble, "out of memory for repeats: they are told again");
	catch_signals(c);
	run(&w);
	settle_prints(&w, false);
	repeats_fini(&w.repeats);
	known_close(&w.known);
	alert_fini(&w.alert);
}
