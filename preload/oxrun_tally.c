/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/mp.h"
#include "libbx/core/name.h"

/* ---- fields of a body ------------------------------------------------------------------------------------------------ */

static struct bytes
get(struct bytes map, const char *key)
{
	struct cursor c;
	struct mp_token t;
	cursor_init(&c, map.p, map.n);
	if (!map.p || !mp_next(&c, &t) || t.kind != MP_MAP)
		return (struct bytes){0};
	for (uint32_t left = t.len; left > 0 && mp_next(&c, &t); left--) {
		bool found = mp_str_is(&t, key);
		const uint8_t *value = c.at;
		if (!mp_skip(&c))
			break;
		if (found)
			return (struct bytes){value, (size_t)(c.at - value)};
	}
	return (struct bytes){0};
}

static bool
get_token(struct bytes map, const char *key, struct mp_token *t)
{
	struct bytes value = get(map, key);
	struct cursor c;
	cursor_init(&c, value.p, value.n);
	return value.p && mp_next(&c, t);
}

static bool
get_uint(struct bytes map, const char *key, uint64_t *out)
{
	struct mp_token t;
	bool ok = get_token(map, key, &t) && t.kind == MP_UINT;
	*out = ok ? t.u : 0;
	return ok;
}

static struct bytes
get_text(struct bytes map, const char *key)
{
	struct mp_token t;
	if (get_token(map, key, &t) && (t.kind == MP_STR || t.kind == MP_BIN))
		return (struct bytes){t.data, t.len};
	return (struct bytes){0};
}

/* What the body says it took, else the event's own length. */
static double
seconds_of(const struct event *ev, const char *key)
{
	struct mp_token t;
	if (get_token(ev->body, key, &t) && t.kind == MP_FLOAT && t.f >= 0)
		return t.f;
	return ev->has_start && ev->has_end && ev->end > ev->start ? ev->end - ev->start : 0;
}

static bool
has_error(const struct event *ev)
{
	struct mp_token t;
	return get_token(ev->body, "error", &t) && t.kind != MP_NIL;
}

/* One line of it: no control characters, spaces in a row as one, cut between characters. */
static void
copy_line(char out[TALLY_TEXT], struct bytes text)
{
	static const char more[] = "…";
	size_t n = 0;
	bool gap = false, cut = false;
	for (size_t i = 0; i < text.n && !cut; i++) {
		uint8_t c = text.p[i];
		bool blank = c <= ' ' || c == 0x7f;
		if (!blank && n + gap + 1 > TALLY_TEXT - sizeof more) {
			cut = true;
		} else if (!blank) {
			if (gap && n)
				out[n++] = ' ';
			out[n++] = (char)c;
		}
		gap = blank || (gap && cut);
	}
	while (cut && n > 0 && ((uint8_t)out[n - 1] & 0xc0) == 0x80)
		n--;
	if (cut && n > 0 && ((uint8_t)out[n - 1] & 0xc0) == 0xc0)
		n--;
	memcpy(out + n, more, cut ? sizeof more : 0);
	out[cut ? n + sizeof more - 1 : n] = '\0';
}

/* ---- programs -------------------------------------------------------------------------------------------------------- */

static struct tally_program *
program_new(struct tally *t, struct bytes name)
{
	struct tally_program *more = realloc(t->programs, (t->program_count + 1) * sizeof *more);
	char *copy = more ? strndup((const char *)name.p, name.n) : NULL;
	if (more)
		t->programs = more;
	if (!copy) {
		t->out_of_memory = true;
		return NULL;
	}
	t->programs[t->program_count] = (struct tally_program){.name = copy};
	return &t->programs[t->program_count++];
}

static struct tally_program *
program_of(struct tally *t, struct bytes name)
{
	for (size_t i = 0; i < t->program_count; i++) {
		const char *known = t->programs[i].name;
		if (strlen(known) == name.n && memcmp(known, name.p, name.n) == 0)
			return &t->programs[i];
	}
	return program_new(t, name);
}

static void
without_prefix(const struct tally *t, struct bytes *type)
{
	size_t n = t->prefix ? strlen(t->prefix) : 0;
	if (n && type->n > n && memcmp(type->p, t->prefix, n) == 0 && type->p[n] == '.') {
		type->p += n + 1;
		type->n -= n + 1;
	}
}

/* ---- kinds of events ------------------------------------------------------------------------------------------------- */

static void
note_slow(struct tally *t, const struct tally_program *p, const struct event *ev, double seconds)
{
	size_t at = 0;
	while (at < t->slowest_count && t->slowest[at].seconds >= seconds)
		at++;
	if (at == TALLY_SLOWEST)
		return;
	size_t last = t->slowest_count < TALLY_SLOWEST ? t->slowest_count++ : TALLY_SLOWEST - 1;
	memmove(&t->slowest[at + 1], &t->slowest[at], (last - at) * sizeof t->slowest[0]);
	t->slowest[at].seconds = seconds;
	snprintf(t->slowest[at].program, TALLY_TEXT, "%s", p->name);
	struct bytes query = get_text(ev->body, "query");
	copy_line(t->slowest[at].query, query.p ? query : get_text(ev->body, "statement"));
}

static void
note_error(struct tally *t, const struct tally_program *p, const struct event *ev)
{
	char text[TALLY_TEXT], message[TALLY_TEXT];
	struct bytes error = get(ev->body, "error"), kind = get_text(error, "class"), code = get_text(error, "code");
	copy_line(message, get_text(error, "message"));
	int wrote = snprintf(text, sizeof text, "%.*s%s%.*s: %s", (int)kind.n, (const char *)kind.p, code.n ? " " : "",
	    (int)code.n, (const char *)code.p, message);
	if (wrote < 0)
		return;
	for (size_t i = 0; i < t->error_count; i++) {
		if (strcmp(t->errors[i].text, text) == 0 && strcmp(t->errors[i].program, p->name) == 0) {
			t->errors[i].count++;
			return;
		}
	}
	if (t->error_count == TALLY_ERRORS) {
		t->errors_left_out++;
		return;
	}
	struct tally_error *e = &t->errors[t->error_count++];
	e->count = 1;
	memcpy(e->text, text, sizeof text);
	snprintf(e->program, TALLY_TEXT, "%s", p->name);
}

static void
add_sql(struct tally *t, struct tally_program *p, const struct event *ev)
{
	double seconds = seconds_of(ev, "query_time");
	p->queries++;
	p->query_errors += has_error(ev);
	p->sql_seconds += seconds;
	if (seconds > p->slowest)
		p->slowest = seconds;
	note_slow(t, p, ev, seconds);
}

static void
add_connect(struct tally *t, struct tally_program *p, const struct event *ev)
{
	(void)t;
	p->connects++;
	p->query_errors += has_error(ev);
	p->sql_seconds += seconds_of(ev, "time");
}

/* A call for many keys tells their numbers, one for a single key how it went. */
static void
add_cache(struct tally *t, struct tally_program *p, const struct event *ev)
{
	(void)t;
	uint64_t hits, misses;
	struct bytes outcome = get_text(ev->body, "outcome");
	bool counted = get_uint(ev->body, "hits", &hits);
	counted |= get_uint(ev->body, "misses", &misses);
	p->cache_calls++;
	p->cache_errors += has_error(ev);
	p->cache_seconds += seconds_of(ev, "time");
	p->hits += counted ? hits : outcome.n == 3 && memcmp(outcome.p, "hit", 3) == 0;
	p->misses += counted ? misses : outcome.n == 4 && memcmp(outcome.p, "miss", 4) == 0;
}

static void
add_log(struct tally *t, struct tally_program *p, const struct event *ev)
{
	(void)t;
	static const char *const bad[] = {"emerg", "alert", "crit", "err"};
	struct bytes level = get_text(ev->body, "level");
	p->log_lines++;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		p->log_errors += strlen(bad[i]) == level.n && memcmp(bad[i], level.p, level.n) == 0;
}

static void
add_crash(struct tally *t, struct tally_program *p, const struct event *ev)
{
	(void)t;
	(void)ev;
	p->crashes++;
}

static void
add_other(struct tally *t, struct tally_program *p, const struct event *ev)
{
	uint64_t events, dropped;
	if (!get_uint(ev->body, "events", &events) || !get_uint(ev->body, "dropped", &dropped)) {
		p->others++;
		return;
	}
	p->processes++; /* it is the process's own event */
	t->dropped_by_programs += dropped;
}

/* By how the type ends; what stands before that is the program's name.  The longer ends come first. */
static const struct {
	const char *end;
	void (*add)(struct tally *t, struct tally_program *p, const struct event *ev);
} kinds[] = {{".sql.connect", add_connect}, {".sql", add_sql}, {".memcache", add_cache}, {".log", add_log},
    {".crash", add_crash}, {"", add_other}};

static bool
ends_in(struct bytes type, const char *end)
{
	size_t n = strlen(end);
	return type.n > n && memcmp(type.p + type.n - n, end, n) == 0;
}

static bool
type_is(struct bytes type, const char *name)
{
	return type.n == strlen(name) && memcmp(type.p, name, type.n) == 0;
}

void
tally_fini(struct tally *t)
{
	for (size_t i = 0; i < t->program_count; i++)
		free(t->programs[i].name);
	free(t->programs);
	*t = (struct tally){0};
}

void
tally_add(struct tally *t, const struct event *ev)
{
	static const char own[] = "blueox.";
	struct bytes type = ev->type;
	uint64_t dropped;
	if (!type.p || type_is(type, "blueox"))
		return;
	if (type.n > sizeof own && memcmp(type.p, own, sizeof own - 1) == 0) {
		if (type_is(type, "blueox.dropped") && get_uint(ev->body, "count", &dropped))
			t->dropped += dropped;
		return;
	}
	without_prefix(t, &type);
	t->events++;
	if (ends_in(type, ".job") || type_is(type, "job"))
		return;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (!ends_in(type, kinds[i].end))
			continue;
		struct bytes name = {type.p, type.n - strlen(kinds[i].end)};
		/* A program's own contexts stand behind its name: `worker.request` is worker's. */
		const uint8_t *dot = memchr(name.p, '.', name.n);
		if (dot && !t->prefix)
			name.n = (size_t)(dot - name.p);
		struct tally_program *p = program_of(t, name);
		if (p)
			kinds[i].add(t, p, ev);
		if (p && has_error(ev))
			note_error(t, p, ev);
		return;
	}
}
