/* SPDX-License-Identifier: ISC */
/*
 * show_errors: the second reading is by id, which the index answers, and of the types and the range that were asked for.
 *
 * Standard input comes once.  So while it is read the last events are held, as many as --memory allows, and the group is
 * looked for among them.
 */
#include "oxview/show_errors.h"

#include <stdlib.h>
#include <string.h>

#include "oxview/errors.h"
#include "oxview/format_error.h"
#include "oxview/format_errors.h"
#include "oxview/repeats.h"
#include "oxview/source_open.h"
#include "oxview/symbolize.h"
#include "oxview/term.h"

enum { STORY_EVENTS_MOST = 10000 };

struct reading {
	const struct conf *conf;
	struct out *out;
	struct trouble *trouble;
	struct term term;
	struct errors errors;
	struct repeats repeats; /* no memory: --all */
	bool holds;
	struct buf held;  /* the last events of what can be read once only, one after the other */
	struct buf story; /* events of the tree */
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Past the bound the older half goes. */
static void
hold(struct reading *r, const struct event *ev)
{
	size_t drop = 0;
	buf_put(&r->held, ev->raw.p, ev->raw.n);
	if (r->held.err != BX_OK) {
		buf_fini(&r->held);
		return;
	}
	if (r->held.len <= r->conf->memory_bytes)
		return;
	while (r->held.len - drop > r->conf->memory_bytes / 2)
		drop += event_length(r->held.data + drop, r->held.len - drop, NULL);
	buf_drop_front(&r->held, drop);
}

/* Through this query, whatever the conf says.  NULL with trouble told. */
static struct source *
open_source(struct reading *r, const struct source_env *env)
{
	unsigned long before = env->trouble->count;
	struct source *source = source_open(r->conf, env);
	if (!source && env->trouble->count == before)
		trouble_add(env->trouble, "out of memory");
	return source;
}

static bool
read_errors(struct reading *r)
{
	struct event ev;
	struct select select = r->conf->select;
	if (r->holds) { /* the tree is of all events */
		select.where = NULL;
		select.errors_only = false;
	}
	struct source_env env = {.select = &select, .trouble = r->trouble};
	struct source *source = open_source(r, &env);
	if (!source)
		return false;
	while (source_next(source, &ev)) {
		if (r->repeats.lines && repeats_seen(&r->repeats, &ev))
			continue;
		if (r->holds)
			hold(r, &ev);
		if (!r->holds || select_event(&r->conf->select, &ev))
			errors_add(&r->errors, &ev);
	}
	source_free(&source);
	return true;
}

/* ---- one error --------------------------------------------------------------------------------------------------- */

static bool
add_to_story(struct reading *r, const struct event *ev, struct bytes id, size_t *count)
{
	if (!bytes_equal(ev->id, id))
		return true;
	if (*count == STORY_EVENTS_MOST || r->story.len + ev->raw.n > r->conf->memory_bytes)
		return false;
	buf_put(&r->story, ev->raw.p, ev->raw.n);
	(*count)++;
	return true;
}

static size_t
story_of_held(struct reading *r, struct bytes id)
{
	size_t count = 0, used;
	struct event ev;
	for (size_t at = 0; at < r->held.len; at += used)
		if (event_read(r->held.data + at, r->held.len - at, &ev, &used) != BX_OK ||
		    !add_to_story(r, &ev, id, &count))
			break;
	return count;
}

static size_t
story_of_source(struct reading *r, struct bytes id)
{
	size_t count = 0;
	struct event ev;
	struct buf said = {0}; /* damage was told of already */
	struct trouble trouble = {.lines = &said};
	struct select select = r->conf->select;
	struct source_env env = {.select = &select, .trouble = &trouble};
	char *text = strndup((const char *)id.p, id.n);
	select.id = text;
	select.where = NULL;
	select.errors_only = false;
	struct source *source = text ? open_source(r, &env) : NULL;
	while (source && source_next(source, &ev) && add_to_story(r, &ev, id, &count))
		;
	source_free(&source);
	free(text);
	buf_fini(&said);
	return count;
}

/* The bytes of the story as events.  NULL: out of memory. */
static struct event *
story_events(struct reading *r, size_t count)
{
	size_t at = 0, used;
	struct event *events = calloc(count + 1, sizeof *events);
	for (size_t i = 0; events && i < count; i++, at += used)
		if (event_read(r->story.data + at, r->story.len - at, &events[i], &used) != BX_OK)
			return events;
	return events;
}

static void
show_one(struct reading *r, const struct fault_group *g, struct symbolizer *symbols)
{
	struct fault_story story = {.group = g};
	struct event latest = {0};
	if (g->sample_count == 0 || event_parse(g->samples[0].raw, g->samples[0].n, &latest) != BX_OK)
		story.why_not = "no event of it was small enough to keep";
	else if (latest.id.n == 0 || memchr(latest.id.p, 0, latest.id.n))
		story.why_not = "its latest event has no id";
	else
		story.count = r->holds ? story_of_held(r, latest.id) : story_of_source(r, latest.id);
	if (story.count == 0 && !story.why_not)
		story.why_not = r->holds ? "its events are no longer held: set --memory" : "its events are gone";
	struct event *events = r->story.err == BX_OK ? story_events(r, story.count) : NULL;
	if (!events) {
		story.count = 0;
		story.why_not = "out of memory";
	}
	story.events = events;
	if (r->conf->style == STYLE_JSON)
		format_error_json(&story, symbols, &r->out->buf);
	else
		format_error(&story, r->conf->verbose > 0, &r->term, symbols, &r->out->buf);
	free(events);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void
show(struct reading *r, struct symbolizer *symbols)
{
	const struct conf *c = r->conf;
	const struct fault_group *one = errors_one(&r->errors);
	errors_sort(&r->errors, c->errors_order, c->errors_reverse);
	if (c->error && one) {
		show_one(r, one, symbols);
		return;
	}
	if (c->error && r->errors.count == 0) {
		trouble_tell(r->trouble, "no error whose fingerprint starts with %s", c->error);
		return;
	}
	if (c->error)
		trouble_add(
		    r->trouble, "%zu fingerprints start with %s: name more of one of them", r->errors.count, c->error);
	if (c->style == STYLE_JSON)
		format_errors_json(&r->errors, c->limit, symbols, &r->out->buf);
	else
		format_errors(&r->errors, c->limit, &r->term, symbols, &r->out->buf);
}

static void
tell_bounds(struct reading *r)
{
	if (r->errors.left_out > 0)
		trouble_add(r->trouble,
		    "%llu errors of further kinds are left out: what is kept of errors has come to %llu bytes; ask for "
		    "less, or set --memory",
		    (unsigned long long)r->errors.left_out, (unsigned long long)r->conf->memory_bytes);
	if (r->repeats.count > 0 && r->conf->verbose > 0)
		trouble_tell(r->trouble, "%llu events were counted already and left out; --all counts them",
		    (unsigned long long)r->repeats.count);
}

void
show_errors(const struct conf *c, struct out *out, struct trouble *trouble)
{
	struct reading r = {.conf = c, .out = out, .trouble = trouble};
	r.holds = c->error && conf_reads_once(c);
	term_init(&r.term, out->terminal);
	if (!c->all && !repeats_init(&r.repeats, c->remember))
		trouble_add(trouble, "out of memory for repeats: they are counted");
	if (!errors_init(&r.errors, c->error, c->memory_bytes))
		trouble_add(trouble, "out of memory");
	else if (read_errors(&r)) {
		struct symbolizer *symbols = symbolizer_new(c->symbols_wait_ns);
		show(&r, symbols);
		tell_bounds(&r);
		out_done(out);
		symbolizer_free(&symbols);
	}
	errors_fini(&r.errors);
	repeats_fini(&r.repeats);
	buf_fini(&r.held);
	buf_fini(&r.story);
}
