/* SPDX-License-Identifier: ISC */
/* format_error: chapters, a function each. */
#include "oxview/format_error.h"

#include <stdlib.h>
#include <string.h>

#include "oxview/demangle.h"
#include "oxview/format_errors.h"
#include "oxview/format_json.h"
#include "oxview/format_pretty.h"
#include "oxview/format_tree.h"
#include "oxview/srcline.h"
#include "oxview/stack.h"
#include "oxview/text.h"
#include "oxview/textstack.h"
#include "oxview/units.h"

enum { INDENT = 4, AROUND_TOP = 3, AROUND_OTHERS = 1 };

static void
put_head(const char *head, const struct term *term, struct buf *out)
{
	buf_printf(out, "\n%s%s%s\n", term_style(term, TERM_BOLD), head, term_style(term, TERM_PLAIN));
}

static void
put_key(const char *key, const struct term *term, struct buf *out)
{
	buf_printf(out, "%*s%s%-6s%s  ", INDENT, "", term_style(term, TERM_KEY), key, term_style(term, TERM_PLAIN));
}

static void
put_facts(const struct fault_group *g, const struct term *term, struct buf *out)
{
	char count[UNITS_TEXT];
	count_text(g->count, count);
	buf_puts(out, term_style(term, TERM_ERROR));
	errors_put_said(&g->fault, out);
	buf_printf(out, "%s\n", term_style(term, TERM_PLAIN));
	put_key("print", term, out);
	buf_printf(out, "%s\n", g->print);
	put_key("count", term, out);
	buf_printf(out, "%s%s\n", count, g->varied ? ", and some said something else" : "");
	put_key("first", term, out);
	errors_put_time(g->first, out);
	buf_putc(out, '\n');
	put_key("last", term, out);
	errors_put_time(g->last, out);
	buf_putc(out, '\n');
	put_key("types", term, out);
	errors_put_names(&g->types, out);
	buf_putc(out, '\n');
	put_key("hosts", term, out);
	errors_put_names(&g->hosts, out);
	buf_putc(out, '\n');
}

/* ---- the stack --------------------------------------------------------------------------------------------------- */

/* Lines of source under the first place that has any are more than under the others. */
static void
put_source(const struct symbol *s, bool *had_source, const struct term *term, struct buf *out)
{
	if (s->file && srcline_put(s->file, s->line, *had_source ? AROUND_OTHERS : AROUND_TOP, INDENT + 4, term, out))
		*had_source = true;
}

static void
put_place(const struct stack_frame *f, uint32_t number, const struct symbols *found, bool *had_source,
    const struct term *term, struct buf *out)
{
	for (size_t i = 0; i < found->count; i++) {
		if (i == 0)
			buf_printf(out, "%*s#%-2u ", INDENT, "", number);
		else
			buf_printf(out, "%*s", INDENT + 4, "");
		stack_put_symbol(&found->at[i], i + 1 == found->count ? found->offset : 0, out);
		buf_puts(out, i + 1 < found->count ? " (inlined)" : " (");
		if (i + 1 == found->count) {
			stack_put_module(f, out);
			buf_putc(out, ')');
		}
		buf_putc(out, '\n');
		put_source(&found->at[i], had_source, term, out);
	}
}

static void
put_unknown(const struct stack_frame *f, uint32_t number, const struct symbols *found, struct buf *out)
{
	buf_printf(out, "%*s#%-2u ", INDENT, "", number);
	if (!f->known) {
		buf_puts(out, "?\n");
		return;
	}
	buf_printf(out, "0x%llx (", (unsigned long long)f->offset);
	stack_put_module(f, out);
	if (found->why && f->path.n)
		buf_printf(out, " %s", found->why);
	buf_puts(out, ")\n");
}

static void
put_stack(struct bytes stack, const struct term *term, struct symbolizer *symbols, struct buf *out)
{
	struct stack_walk w;
	struct stack_frame f;
	bool had_source = false;
	stack_open(&w, stack);
	while (stack_next(&w, &f)) {
		struct symbols found = {0};
		if (f.known)
			symbolize(symbols, f.path, f.build_id, f.offset, &found);
		if (found.count > 0)
			put_place(&f, w.number - 1, &found, &had_source, term, out);
		else
			put_unknown(&f, w.number - 1, &found, out);
	}
	if (w.left > 0)
		buf_printf(out, "%*s%u more frames\n", INDENT, "", w.left);
}

static void
put_text(struct bytes text, struct buf *out)
{
	struct textstack t;
	struct bytes line;
	textstack_open(&t, text);
	while (textstack_next(&t, &line)) {
		buf_printf(out, "%*s", INDENT, "");
		for (size_t i = 0; i < line.n; i++) { /* tabs are what Java indents by */
			if (line.p[i] == '\t') {
				buf_puts(out, "    ");
				continue;
			}
			text_line(out, line.p + i, line.n - i);
			break;
		}
		buf_putc(out, '\n');
	}
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void
put_trees(const struct fault_story *s, bool all, const struct term *term, struct buf *out)
{
	struct tree t = {0};
	put_head("Its group", term, out);
	if (s->count == 0 || !tree_build(&t, s->events, s->count, all)) {
		buf_printf(out, "%*s%s\n", INDENT, "", s->why_not ? s->why_not : "out of memory");
		return;
	}
	for (size_t i = 0; i < t.group_count; i++)
		format_tree(&t.groups[i], term, all, out);
	tree_fini(&t);
	if (out->err == BX_OK && out->len > 1) /* a tree ends with an empty line, and so does a chapter */
		out->len--;
}

void
format_error(
    const struct fault_story *s, bool all, const struct term *term, struct symbolizer *symbols, struct buf *out)
{
	const struct fault_group *g = s->group;
	put_facts(g, term, out);
	put_head("Stack", term, out);
	if (g->fault.stack.p)
		put_stack(g->fault.stack, term, symbols, out);
	else if (g->fault.text.p)
		put_text(g->fault.text, out);
	else
		buf_printf(out, "%*s%s\n", INDENT, "", g->cut ? "too large to keep" : "none in the event");
	put_trees(s, all, term, out);
	put_head(g->sample_count == 1 ? "Sample" : "Samples, the latest first", term, out);
	for (size_t i = 0; i < g->sample_count; i++) {
		struct event ev;
		if (event_parse(g->samples[i].raw, g->samples[i].n, &ev) == BX_OK)
			format_pretty(&ev, term, symbols, out);
	}
}

void
format_error_json(const struct fault_story *s, struct symbolizer *symbols, struct buf *out)
{
	const struct fault_group *g = s->group;
	struct stack_walk w;
	struct stack_frame f;
	buf_putc(out, '{');
	errors_json_group(g, out);
	if (g->fault.stack.p) {
		buf_puts(out, ",\"stack\":[");
		stack_open(&w, g->fault.stack);
		while (stack_next(&w, &f)) {
			buf_puts(out, w.number > 1 ? "," : "");
			errors_json_frame(&f, symbols, out);
		}
		buf_putc(out, ']');
	} else if (g->fault.text.p) {
		buf_puts(out, ",\"text\":");
		json_object(g->fault.text, out);
	}
	buf_puts(out, ",\"events\":[");
	for (size_t i = 0; i < s->count; i++) {
		buf_puts(out, i ? "," : "");
		json_object(s->events[i].raw, out);
	}
	buf_puts(out, "],\"samples\":[");
	for (size_t i = 0; i < g->sample_count; i++) {
		buf_puts(out, i ? "," : "");
		json_object((struct bytes){g->samples[i].raw, g->samples[i].n}, out);
	}
	buf_puts(out, "]}\n");
}
