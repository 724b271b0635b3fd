/* SPDX-License-Identifier: ISC */
/* serve_query: the same steps as conf and show_report take, with texts of a stranger. */
#include "oxview/serve_query.h"

#include <stdlib.h>
#include <string.h>

#include "libbx/core/clock.h"
#include "libbx/core/datetime.h"
#include "libbx/core/filter.h"
#include "libbx/core/mp.h"
#include "oxview/repeats.h"
#include "oxview/report.h"
#include "oxview/source.h"

struct query {
	const struct conf *conf;
	struct select select;
	struct filter *filter;               /* owned */
	char *types_text;                    /* owned */
	const char *type_items[QUERY_TYPES]; /* within it */
	const atomic_bool *cancelled;
	int64_t deadline_ns;
	unsigned calls;
	bool late;
	struct buf lines; /* what could not be read */
	struct trouble trouble;
};

/* ---- understanding ----------------------------------------------------------------------------------------------- */

static bool
given(const char *text)
{
	return text && *text;
}

static bool
understand_where(struct query *q, const char *where, int64_t now_ns, struct buf *wrong)
{
	struct filter_error error = {1, "is not UTF-8"};
	size_t n = strlen(where);
	if (mp_is_utf8(where, n))
		q->filter = filter_parse(where, n, now_ns, &error);
	q->select.where = q->filter;
	if (q->filter)
		return true;
	buf_printf(wrong, "Where: column %u: %s\n", error.column, error.text);
	filter_error_show(&error, where, wrong);
	return false;
}

static bool
understand_date(
    const struct query *q, const char *name, const char *text, int64_t now_ns, struct datetime *when, struct buf *wrong)
{
	const char *why = (q->conf->local ? datetime_parse_local : datetime_parse)(text, now_ns, when);
	if (why)
		buf_printf(wrong, "%s: '%s' %s", name, text, why);
	return !why;
}

static bool
understand_types(struct query *q, const char *text, struct buf *wrong)
{
	char *rest;
	q->types_text = strdup(text);
	if (!q->types_text)
		return false;
	for (char *word = strtok_r(q->types_text, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest)) {
		if (q->select.types.count == QUERY_TYPES) {
			buf_printf(wrong, "Types: more than %d", QUERY_TYPES);
			return false;
		}
		q->type_items[q->select.types.count++] = word;
	}
	q->select.types.items = q->type_items;
	return true;
}

static bool
understand(struct query *q, const struct query_texts *t, struct buf *wrong)
{
	int64_t now_ns = clock_wall_ns();
	struct datetime when;
	q->select =
	    (struct select){.id = q->conf->id, .overlap = q->conf->overlap, .errors_only = q->conf->errors_only};
	if (given(t->where) && !understand_where(q, t->where, now_ns, wrong))
		return false;
	if (given(t->types) && !understand_types(q, t->types, wrong))
		return false;
	if (given(t->from)) {
		if (!understand_date(q, "From", t->from, now_ns, &when, wrong))
			return false;
		q->select.has_from = true;
		q->select.from_ns = when.first_ns;
	}
	if (given(t->to)) {
		if (!understand_date(q, "To", t->to, now_ns, &when, wrong))
			return false;
		q->select.has_to = true;
		q->select.to_ns = when.last_ns;
	}
	if (!q->select.has_from || !q->select.has_to || q->select.from_ns <= q->select.to_ns)
		return true;
	buf_puts(wrong, "To lies before From");
	return false;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool
stopped(void *context)
{
	struct query *q = context;
	if (atomic_load_explicit(q->cancelled, memory_order_relaxed))
		return true;
	if (++q->calls % 256 == 0 && clock_mono_ns() > q->deadline_ns)
		q->late = true;
	return q->late;
}

struct taking {
	struct report *report;
	struct repeats *repeats;
	struct recent *recent; /* what the log has is struck off; NULL once that is done */
	bool ok;
};

static bool
take(void *context, const struct event *ev)
{
	struct taking *t = context;
	if (t->recent)
		recent_strike(t->recent, ev);
	if (!(t->repeats->lines && repeats_seen(t->repeats, ev)))
		t->ok = report_add(t->report, ev);
	return t->ok;
}

static bool
read_once(struct query *q, struct report *report, struct serve_recent *recent, uint64_t *repeated)
{
	struct source_env env = {.select = &q->select, .trouble = &q->trouble, .stopped = stopped, .stop_context = q};
	struct repeats repeats = {0};
	struct recent held = {0};
	struct taking t = {.report = report, .repeats = &repeats, .recent = &held};
	struct event ev;
	t.ok = (q->conf->all || repeats_init(&repeats, q->conf->remember)) &&
	       (!recent || serve_recent_take(recent, &held));
	struct source *source = source_logdir(q->conf->log_path, &env);
	while (t.ok && source && source_next(source, &ev) && take(&t, &ev))
		;
	source_free(&source);
	t.recent = NULL;
	if (t.ok)
		recent_walk(&held, &q->select, take, &t);
	*repeated = repeats.count + held.struck;
	recent_fini(&held);
	repeats_fini(&repeats);
	return t.ok;
}

/* The answer is written: nobody waits longer than for a question whose reading took all the time. */
static bool
is_late(void *context)
{
	const struct query *q = context;
	return atomic_load(q->cancelled) || clock_mono_ns() > q->deadline_ns;
}

static enum query_result
answer(struct query *q, const struct query_texts *texts, struct serve_recent *recent, struct symbolizer *symbols,
    struct report *report, struct out *out)
{
	struct report_head head = {
	    .source = q->conf->log_path,
	    .where = given(texts->where) ? texts->where : NULL,
	    .start_date = given(texts->from) ? texts->from : NULL,
	    .end_date = given(texts->to) ? texts->to : NULL,
	    .id = q->conf->id,
	    .types = &q->select.types,
	    .errors_only = q->conf->errors_only,
	    .made_ns = clock_wall_ns(),
	    .symbols = symbols,
	};
	uint64_t repeated_again;
	bool ok = report_init(report) && read_once(q, report, recent, &head.repeats);
	size_t told = q->lines.len;
	if (ok && !q->late && report_again(report)) {
		ok = read_once(q, report, recent, &repeated_again);
		q->lines.len = told; /* the same was said the first time */
	}
	if (atomic_load(q->cancelled))
		return QUERY_CANCELLED;
	head.stopped = q->late ? "it would have taken longer than a question may" : NULL;
	if (recent)
		serve_recent_say(recent, &q->lines);
	buf_putc(&q->lines, '\0');
	head.trouble = q->lines.len > 1 && q->lines.err == BX_OK ? (const char *)q->lines.data : NULL;
	symbolizer_until(symbols, is_late, q);
	ok = ok && report_write_data(report, &head, out) && out_flush(out);
	symbolizer_until(symbols, NULL, NULL);
	return ok ? QUERY_ANSWERED : QUERY_FAILED;
}

enum query_result
serve_query(const struct conf *conf, const struct query_texts *texts, struct serve_recent *recent,
    struct symbolizer *symbols, const atomic_bool *cancelled, struct out *out, struct buf *wrong)
{
	struct query q = {.conf = conf, .cancelled = cancelled};
	struct report *report = calloc(1, sizeof *report);
	enum query_result result = QUERY_FAILED;
	q.trouble.lines = &q.lines;
	q.deadline_ns = clock_mono_ns() + QUERY_SECONDS * INT64_C(1000000000);
	if (!understand(&q, texts, wrong))
		result = wrong->len > 0 ? QUERY_WRONG : QUERY_FAILED;
	else if (report)
		result = answer(&q, texts, recent, symbols, report, out);
	if (report)
		report_fini(report);
	free(report);
	filter_free(&q.filter);
	free(q.types_text);
	buf_fini(&q.lines);
	return result;
}
