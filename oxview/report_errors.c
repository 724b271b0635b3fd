/* SPDX-License-Identifier: ISC */
/* report_errors: a few hundred groups, looked through. */
#include "oxview/report_errors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "oxview/report_json.h"
#include "oxview/stack.h"
#include "oxview/text.h"
#include "oxview/textstack.h"

bool
report_errors_init(struct report_errors *e)
{
	*e = (struct report_errors){.groups = calloc(ERRORS_GROUPS, sizeof *e->groups)};
	e->full = !e->groups;
	return !e->full;
}

void
report_errors_fini(struct report_errors *e)
{
	for (size_t i = 0; i < e->count; i++) {
		struct error_group *u = &e->groups[i];
		for (size_t k = 0; k < u->hosts.count; k++)
			free(u->hosts.names[k]);
		for (size_t k = 0; k < u->types.count; k++)
			free(u->types.names[k]);
		for (size_t k = 0; k < u->sample_count; k++)
			free(u->samples[k].bytes);
	}
	free(e->groups);
	*e = (struct report_errors){0};
}

static bool
add_name(struct error_names *names, struct bytes name)
{
	size_t n = name.n < REPORT_TEXT ? name.n : REPORT_TEXT;
	if (!name.p)
		return true;
	for (size_t i = 0; i < names->count; i++)
		if (strlen(names->names[i]) == n && memcmp(names->names[i], name.p, n) == 0)
			return true;
	if (memchr(name.p, 0, n) || names->count == ERRORS_NAMES) {
		names->more = true;
		return true;
	}
	char *copy = malloc(n + 1);
	if (!copy)
		return false;
	memcpy(copy, name.p, n);
	copy[n] = '\0';
	names->names[names->count++] = copy;
	return true;
}

/* The first stays; the others are the last ones. */
static bool
add_sample(struct report_errors *e, struct error_group *u, const struct event *ev)
{
	struct error_sample *at = &u->samples[u->sample_count];
	if (ev->raw.n > ERRORS_SAMPLE_BYTES) {
		e->unshown++;
		return true;
	}
	if (u->sample_count == ERRORS_SAMPLES) {
		struct error_sample second = u->samples[1];
		memmove(&u->samples[1], &u->samples[2], (ERRORS_SAMPLES - 2) * sizeof *u->samples);
		at = &u->samples[ERRORS_SAMPLES - 1];
		*at = second;
	}
	uint8_t *bytes = realloc(at->bytes, ev->raw.n);
	if (!bytes)
		return false;
	memcpy(bytes, ev->raw.p, ev->raw.n);
	at->bytes = bytes;
	at->n = ev->raw.n;
	u->sample_count += u->sample_count < ERRORS_SAMPLES;
	return true;
}

static struct error_group *
group_of(struct report_errors *e, const char *print)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->groups[i].print, print) == 0)
			return &e->groups[i];
	if (e->count == ERRORS_GROUPS)
		return NULL;
	struct error_group *u = &e->groups[e->count++];
	*u = (struct error_group){.first = NAN, .last = NAN};
	strcpy(u->print, print);
	return u;
}

bool
report_errors_add(struct report_errors *e, const struct event *ev, const struct fault *fault)
{
	if (e->full)
		return false;
	struct error_group *u = group_of(e, fault->print);
	if (!u) {
		e->beyond++;
		return true;
	}
	double when = ev->has_end ? ev->end : ev->has_start ? ev->start : NAN;
	u->count++;
	u->first = fmin(u->first, when); /* a NaN gives way */
	u->last = fmax(u->last, when);
	e->full = !add_name(&u->hosts, ev->host) || !add_name(&u->types, ev->type) || !add_sample(e, u, ev);
	return !e->full;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void
write_names(struct buf *out, const char *key, const struct error_names *names)
{
	buf_printf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < names->count; i++) {
		buf_puts(out, i ? "," : "");
		report_textz(out, names->names[i]);
	}
	buf_printf(out, "],\"more_%s\":%s", key, names->more ? "true" : "false");
}

static void
write_text(struct buf *out, const char *key, struct bytes text)
{
	buf_printf(out, ",\"%s\":", key);
	if (text.p)
		report_text(out, text);
	else
		buf_puts(out, "null");
}

/* Of the first event that came: frames with their source, or the lines of a stack that came as text. */
static void
write_stack(struct buf *out, const struct fault *fault, struct symbolizer *symbols)
{
	struct buf frames = {0};
	struct textstack t;
	struct bytes line;
	if (fault->stack.p)
		stack_print(fault->stack, symbols, 0, &frames);
	else if (fault->text.p)
		for (textstack_open(&t, fault->text); textstack_next(&t, &line); buf_putc(&frames, '\n'))
			text_line(&frames, line.p, line.n);
	buf_puts(out, ",\"stack\":");
	report_text_whole(out, (struct bytes){frames.data ? frames.data : (const uint8_t *)"", frames.len});
	if (frames.err != BX_OK)
		out->err = frames.err;
	buf_fini(&frames);
}

static void
write_group(struct error_group *u, struct symbolizer *symbols, struct buf *out)
{
	struct event ev;
	struct fault fault = {.own_print = {0}};
	if (u->sample_count > 0 && event_parse(u->samples[0].bytes, u->samples[0].n, &ev) == BX_OK)
		(void)fault_of(&ev, &fault);
	buf_printf(out, "{\"count\":%llu,\"first\":", (unsigned long long)u->count);
	report_number(out, u->first);
	buf_puts(out, ",\"last\":");
	report_number(out, u->last);
	write_names(out, "hosts", &u->hosts);
	write_names(out, "types", &u->types);
	buf_puts(out, ",\"print\":");
	report_textz(out, u->print);
	write_text(out, "class", fault.class_name);
	write_text(out, "code", fault.code);
	write_text(out, "message", fault.message);
	write_stack(out, &fault, symbols);
	buf_puts(out, ",\"samples\":[");
	for (size_t i = 0; i < u->sample_count; i++) {
		event_parse(u->samples[i].bytes, u->samples[i].n, &ev);
		buf_puts(out, i ? "," : "");
		report_event(out, &ev);
	}
	buf_puts(out, "]}");
}

static int
most_first(const void *a, const void *b)
{
	const struct error_group *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->print, y->print);
}

bool
report_errors_write(struct report_errors *e, struct symbolizer *symbols, struct out *out)
{
	struct buf json = {0};
	bool ok = !e->full;
	if (e->count > 1)
		qsort(e->groups, e->count, sizeof *e->groups, most_first);
	buf_putc(&out->buf, '[');
	for (size_t i = 0; i < e->count && ok; i++) {
		buf_clear(&json);
		write_group(&e->groups[i], symbols, &json);
		ok = json.err == BX_OK;
		buf_puts(&out->buf, i ? ",\n" : "");
		report_embed(&out->buf, json.data, json.len);
		out_done(out);
	}
	buf_putc(&out->buf, ']');
	buf_fini(&json);
	return ok;
}
