/* SPDX-License-Identifier: ISC */
/* format_errors: every text of a stranger goes through text_line, text_folded or json_text. */
#include "oxview/format_errors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/datetime.h"
#include "libbx/core/id.h"
#include "libbx/core/mp.h"
#include "oxview/demangle.h"
#include "oxview/format_json.h"
#include "oxview/stack.h"
#include "oxview/text.h"
#include "oxview/textstack.h"
#include "oxview/units.h"

static struct bytes
bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

void
errors_put_said(const struct fault *f, struct buf *out)
{
	size_t start = out->len;
	text_folded(out, f->class_name.p, f->class_name.n);
	if (f->code.n) {
		buf_puts(out, out->len > start ? " " : "");
		text_folded(out, f->code.p, f->code.n);
	}
	if (f->message.n) {
		buf_puts(out, out->len > start ? ": " : "");
		text_folded(out, f->message.p, f->message.n);
	}
	if (out->len == start)
		buf_puts(out, "error");
}

/* To the second: enough to look for it, and short. */
void
errors_put_time(double when, struct buf *out)
{
	char text[DATETIME_TEXT];
	datetime_format(when, text);
	if (strlen(text) < 19) {
		buf_puts(out, "?");
		return;
	}
	buf_printf(out, "%.10s %.8s", text, text + 11);
}

void
errors_put_names(const struct fault_names *names, struct buf *out)
{
	for (size_t i = 0; i < names->count; i++) {
		buf_puts(out, i ? ", " : "");
		text_line(out, names->names[i], strlen(names->names[i]));
	}
	buf_puts(out, names->count == 0 ? "?" : names->more ? " and more" : "");
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

enum { COUNT_COLUMNS = 7, INDENT = COUNT_COLUMNS + 2 };

/* Ends a line that was written behind INDENT, or as many, columns; what is too long is cut. */
static void
end_line(size_t start, const struct term *term, struct buf *out)
{
	if (term->columns > INDENT)
		text_cut(out, start, term->columns - INDENT, term->utf8);
	buf_printf(out, "%s\n", term_style(term, TERM_PLAIN));
}

static size_t
begin_line(enum term_style style, const struct term *term, struct buf *out)
{
	buf_printf(out, "%*s%s", INDENT, "", term_style(term, style));
	return out->len;
}

static void
put_frame(uint32_t number, const struct stack_frame *f, const struct symbols *symbols, const struct term *term,
    struct buf *out)
{
	size_t start = begin_line(TERM_PLAIN, term, out);
	buf_printf(out, "#%u ", number);
	if (symbols->count > 0)
		stack_put_symbol(&symbols->at[0], symbols->count == 1 ? symbols->offset : 0, out);
	else
		buf_printf(out, "0x%llx", (unsigned long long)f->offset);
	buf_puts(out, " (");
	stack_put_module(f, out);
	if (symbols->count == 0 && symbols->why && f->path.n)
		buf_printf(out, " %s", symbols->why);
	buf_putc(out, ')');
	end_line(start, term, out);
}

/* The innermost frame; and where that has no line, the first one that has: whose library call it was. */
static void
put_top(const struct fault *fault, const struct term *term, struct symbolizer *symbols, struct buf *out)
{
	struct stack_walk w;
	struct stack_frame f;
	struct symbols found;
	stack_open(&w, fault->stack);
	while (stack_next(&w, &f)) {
		if (!f.known)
			continue;
		symbolize(symbols, f.path, f.build_id, f.offset, &found);
		bool has_line = found.count > 0 && found.at[0].file;
		if (w.number == 1 || has_line)
			put_frame(w.number - 1, &f, &found, term, out);
		if (has_line)
			return;
	}
}

static void
put_text_top(const struct fault *fault, const struct term *term, struct buf *out)
{
	struct textstack_gist gist;
	textstack_gist(fault->text, &gist);
	if (gist.top.n == 0)
		return;
	size_t start = begin_line(TERM_PLAIN, term, out);
	text_folded(out, gist.top.p, gist.top.n);
	end_line(start, term, out);
}

static void
put_group(const struct fault_group *g, const struct term *term, struct symbolizer *symbols, struct buf *out)
{
	char count[UNITS_TEXT];
	count_text(g->count, count);
	buf_printf(out, "%s%*s%s  %s", term_style(term, TERM_BOLD), COUNT_COLUMNS, count, term_style(term, TERM_PLAIN),
	    term_style(term, TERM_ERROR));
	size_t start = out->len;
	errors_put_said(&g->fault, out);
	buf_puts(out, g->varied ? "  (and others)" : "");
	end_line(start, term, out);
	start = begin_line(TERM_DIM, term, out);
	buf_printf(out, "%s  ", g->print);
	errors_put_time(g->first, out);
	if (g->count > 1) {
		buf_puts(out, " .. ");
		errors_put_time(g->last, out);
	}
	end_line(start, term, out);
	start = begin_line(TERM_TYPE, term, out);
	errors_put_names(&g->types, out);
	buf_puts(out, "  on ");
	errors_put_names(&g->hosts, out);
	end_line(start, term, out);
	if (g->fault.stack.p)
		put_top(&g->fault, term, symbols, out);
	else if (g->fault.text.p)
		put_text_top(&g->fault, term, out);
	buf_putc(out, '\n');
}

static uint64_t
shown(const struct errors *e, uint64_t most)
{
	return most && most < e->count ? most : e->count;
}

void
format_errors(
    const struct errors *e, uint64_t most, const struct term *term, struct symbolizer *symbols, struct buf *out)
{
	char events[UNITS_TEXT], groups[UNITS_TEXT], more[UNITS_TEXT];
	for (uint64_t i = 0; i < shown(e, most); i++)
		put_group(e->groups[i], term, symbols, out);
	count_text(e->events, events);
	count_text(e->count, groups);
	count_text(e->count - shown(e, most), more);
	if (e->events == 0) {
		buf_puts(out, "no errors\n");
		return;
	}
	buf_printf(out, "%s%s error%s of %s kind%s%s", term_style(term, TERM_DIM), events, e->events == 1 ? "" : "s",
	    groups, e->count == 1 ? "" : "s", shown(e, most) < e->count ? ", " : "");
	if (shown(e, most) < e->count)
		buf_printf(out, "%s kinds not shown", more);
	buf_printf(out, "%s\n", term_style(term, TERM_PLAIN));
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void
json_double(double v, struct buf *out)
{
	uint8_t object[MP_HEADER_MAX];
	if (isnan(v)) {
		buf_puts(out, "null");
		return;
	}
	mp_put_double(object, v);
	json_object((struct bytes){object, sizeof object}, out);
}

static void
json_key(const char *key, struct buf *out)
{
	buf_printf(out, ",\"%s\":", key);
}

static void
json_pair(const char *key, struct bytes text, struct buf *out)
{
	if (!text.p)
		return;
	json_key(key, out);
	json_text(text, out);
}

static void
json_names(const char *key, const struct fault_names *names, struct buf *out)
{
	json_key(key, out);
	buf_putc(out, '[');
	for (size_t i = 0; i < names->count; i++) {
		buf_puts(out, i ? "," : "");
		json_text(bytes_of(names->names[i]), out);
	}
	buf_putc(out, ']');
	if (names->more)
		buf_printf(out, ",\"more_%s\":true", key);
}

static void
json_symbol(const struct symbol *s, struct buf *out)
{
	char *name = s->function ? demangle(s->function) : NULL;
	if (s->function)
		json_pair("function", bytes_of(name ? name : s->function), out);
	free(name);
	if (!s->file)
		return;
	json_pair("file", bytes_of(s->file), out);
	buf_printf(out, ",\"line\":%d", s->line);
}

/* One place may be several frames: those that were inlined there come first. */
void
errors_json_frame(const struct stack_frame *f, struct symbolizer *symbols, struct buf *out)
{
	struct symbols found = {0};
	if (f->known)
		symbolize(symbols, f->path, f->build_id, f->offset, &found);
	for (size_t i = 0; i == 0 || i < found.count; i++) {
		buf_printf(out, "%s{\"offset\":%llu", i ? "," : "", (unsigned long long)f->offset);
		json_pair("module", f->path, out);
		if (f->build_id.n > 0 && f->build_id.n <= 64) {
			char hex[129];
			hex_encode(hex, f->build_id.p, f->build_id.n);
			json_pair("build_id", bytes_of(hex), out);
		}
		if (i < found.count)
			json_symbol(&found.at[i], out);
		if (i + 1 < found.count)
			buf_puts(out, ",\"inlined\":true");
		if (found.why)
			json_pair("why", bytes_of(found.why), out);
		buf_putc(out, '}');
	}
}

static void
json_top(const struct fault *fault, struct symbolizer *symbols, struct buf *out)
{
	struct stack_walk w;
	struct stack_frame f;
	struct textstack_gist gist;
	stack_open(&w, fault->stack);
	if (fault->stack.p && stack_next(&w, &f)) {
		buf_puts(out, ",\"top\":[");
		errors_json_frame(&f, symbols, out);
		buf_putc(out, ']');
	} else if (fault->text.p) {
		textstack_gist(fault->text, &gist);
		json_pair("top", gist.top, out);
	}
}

void
errors_json_group(const struct fault_group *g, struct buf *out)
{
	buf_puts(out, "\"print\":");
	json_text(bytes_of(g->print), out);
	buf_printf(out, ",\"count\":%llu,\"first\":", (unsigned long long)g->count);
	json_double(g->first, out);
	json_key("last", out);
	json_double(g->last, out);
	json_names("hosts", &g->hosts, out);
	json_names("types", &g->types, out);
	json_pair("class", g->fault.class_name, out);
	json_pair("code", g->fault.code, out);
	json_pair("message", g->fault.message, out);
	buf_printf(out, ",\"varied\":%s", g->varied ? "true" : "false");
}

void
format_errors_json(const struct errors *e, uint64_t most, struct symbolizer *symbols, struct buf *out)
{
	for (uint64_t i = 0; i < shown(e, most); i++) {
		buf_putc(out, '{');
		errors_json_group(e->groups[i], out);
		json_top(&e->groups[i]->fault, symbols, out);
		buf_puts(out, "}\n");
	}
}
