/* SPDX-License-Identifier: ISC */
/* format_pretty: one recursive walk over the body; names of each map stand in a column. */
#include "oxview/format_pretty.h"

#include "libbx/core/datetime.h"
#include "oxview/body.h"
#include "oxview/format_json.h"
#include "oxview/stack.h"
#include "oxview/summary.h"
#include "oxview/text.h"
#include "oxview/units.h"

enum { INDENT = 4, KEY_COLUMN_MAX = 24, BYTES_SHOWN = 32, INLINE_MAX = 72, ID_SHOWN = 12 };

struct pretty {
	const struct term *term;
	struct symbolizer *symbols;
	struct buf *out;
};

static void
styled(struct pretty *p, enum term_style style, const void *s, size_t n)
{
	buf_puts(p->out, term_style(p->term, style));
	text_line(p->out, s, n);
	buf_puts(p->out, term_style(p->term, TERM_PLAIN));
}

static void
styled_text(struct pretty *p, enum term_style style, const char *s)
{
	styled(p, style, s, strlen(s));
}

static void
put_indent(struct pretty *p, int columns)
{
	uint8_t *to = buf_extend(p->out, (size_t)columns);
	if (to)
		memset(to, ' ', (size_t)columns);
}

static void
put_hex(struct pretty *p, const uint8_t *s, size_t n)
{
	buf_puts(p->out, "0x");
	for (size_t i = 0; i < n && i < BYTES_SHOWN; i++)
		buf_printf(p->out, "%02x", s[i]);
	if (n > BYTES_SHOWN)
		buf_printf(p->out, "... (%zu bytes)", n);
}

/* A value that takes no lines of its own; further lines of a text stand `indent` deep. */
static void
put_plain(struct pretty *p, struct bytes object, int indent)
{
	struct mp_token t = object_token(object);
	if (t.kind == MP_STR && t.len == 0)
		buf_puts(p->out, "\"\"");
	else if (t.kind == MP_STR)
		text_block(p->out, t.data, t.len, indent);
	else if (t.kind == MP_BIN)
		put_hex(p, t.data, t.len);
	else
		json_object(object, p->out);
}

static void put_value(struct pretty *p, struct bytes object, int indent, int gap, int column);

static struct bytes
take(struct cursor *c)
{
	const uint8_t *at = c->at;
	return mp_skip(c) ? (struct bytes){at, (size_t)(c->at - at)} : (struct bytes){0};
}

/* Columns that the longest key takes, as far as the column goes. */
static int
key_column(struct cursor c, uint32_t pairs)
{
	size_t widest = 0;
	for (uint32_t i = 0; i < pairs; i++) {
		struct bytes key = object_text(take(&c));
		mp_skip(&c);
		if (key.n > widest && key.n <= KEY_COLUMN_MAX)
			widest = key.n;
	}
	return (int)widest + 2;
}

/* The key and its colon; returns how many columns are left to where values stand, at least one. */
static int
put_key(struct pretty *p, struct bytes key, int column)
{
	buf_puts(p->out, term_style(p->term, TERM_KEY));
	size_t start = p->out->len;
	struct bytes text = object_text(key);
	if (text.p)
		text_line(p->out, text.p, text.n);
	else
		json_object(key, p->out);
	int taken = p->out->err == BX_OK ? (int)text_columns(p->out->data + start, p->out->len - start) : 0;
	buf_puts(p->out, term_style(p->term, TERM_PLAIN));
	buf_putc(p->out, ':');
	return column - taken - 1 > 0 ? column - taken - 1 : 1;
}

/* The fields of a map, a line or more each, the first where we are; `skip` names one to leave out. */
static void
put_fields(struct pretty *p, struct bytes map, int indent, const char *skip)
{
	struct cursor c;
	struct mp_token t;
	bool first = true;
	cursor_init(&c, map.p, map.n);
	if (!mp_next(&c, &t) || t.kind != MP_MAP)
		return;
	int column = key_column(c, t.len);
	for (uint32_t i = 0, pairs = t.len; i < pairs; i++) {
		struct bytes key = take(&c), value = take(&c);
		struct mp_token name = object_token(key);
		if (skip && mp_str_is(&name, skip))
			continue;
		if (!first)
			put_indent(p, indent);
		first = false;
		int gap = put_key(p, key, column);
		put_value(p, value, indent, gap, column);
	}
}

static void
put_items(struct pretty *p, struct bytes array, int indent)
{
	struct cursor c;
	struct mp_token t;
	cursor_init(&c, array.p, array.n);
	mp_next(&c, &t);
	for (uint32_t i = 0, items = t.len; i < items; i++) {
		struct bytes value = take(&c);
		put_indent(p, indent);
		buf_putc(p->out, '-');
		if (object_token(value).kind == MP_MAP && object_token(value).len > 0 && !stack_is(value)) {
			buf_putc(p->out, ' ');
			put_fields(p, value, indent + 2, NULL);
		} else {
			put_value(p, value, indent, 1, 2);
		}
	}
}

/* True when an array is short enough for one line. */
static bool
fits_inline(struct bytes array)
{
	struct cursor c;
	struct mp_token t;
	cursor_init(&c, array.p, array.n);
	mp_next(&c, &t);
	for (uint32_t i = 0, items = t.len; i < items; i++)
		if (!mp_next(&c, &t) || t.kind == MP_MAP || t.kind == MP_ARRAY || t.kind == MP_BIN || t.kind == MP_EXT)
			return false;
	return array.n <= INLINE_MAX;
}

/*
 * A value behind its key, up to the end of its last line: `gap` blanks away when it is plain, its further lines at
 * `column`; else in lines of its own, INDENT deeper than `indent`.
 */
static void
put_value(struct pretty *p, struct bytes object, int indent, int gap, int column)
{
	struct mp_token t = object_token(object);
	if (t.kind == MP_MAP && t.len > 0) {
		buf_putc(p->out, '\n');
		if (stack_is(object)) {
			stack_print(object, p->symbols, indent + INDENT, p->out);
			return;
		}
		put_indent(p, indent + INDENT);
		put_fields(p, object, indent + INDENT, NULL);
	} else if (t.kind == MP_ARRAY && !fits_inline(object)) {
		buf_putc(p->out, '\n');
		put_items(p, object, indent + INDENT);
	} else {
		put_indent(p, gap);
		put_plain(p, object, indent + column);
		buf_putc(p->out, '\n');
	}
}

static void
put_error(struct pretty *p, struct bytes error)
{
	struct buf line = {0};
	put_indent(p, INDENT);
	summary_error(error, &line);
	buf_printf(p->out, "%s!! %.*s%s\n", term_style(p->term, TERM_ERROR), (int)line.len,
	    line.len ? (char *)line.data : "", term_style(p->term, TERM_PLAIN));
	buf_fini(&line);
	if (object_token(error).kind != MP_MAP)
		return;
	struct bytes fields = map_get(error, "fields", 6), stack = map_get(error, "stack", 5);
	struct bytes print = object_text(map_get(error, "print", 5));
	if (object_token(fields).kind == MP_MAP && object_token(fields).len > 0) {
		put_indent(p, INDENT + 3);
		put_fields(p, fields, INDENT + 3, NULL);
	}
	if (stack_is(stack))
		stack_print(stack, p->symbols, INDENT + 3, p->out);
	if (print.p) {
		put_indent(p, INDENT + 3);
		styled_text(p, TERM_DIM, "print ");
		styled(p, TERM_DIM, print.p, print.n);
		buf_putc(p->out, '\n');
	}
}

static void
put_id(struct pretty *p, const struct event *ev)
{
	if (ev->id.p)
		text_line(p->out, ev->id.p, ev->id.n < ID_SHOWN ? ev->id.n : ID_SHOWN);
	else if (ev->id_raw.p)
		json_object(ev->id_raw, p->out);
	else
		buf_putc(p->out, '?');
}

/* === request.sql (6745a1b2c3d4@host:1234)  (12.3 ms) */
static void
put_header(struct pretty *p, const struct event *ev, bool failed)
{
	styled_text(p, TERM_BOLD, "=== ");
	styled(p, failed ? TERM_ERROR : TERM_TYPE, ev->type.p, ev->type.n);
	buf_puts(p->out, " (");
	put_id(p, ev);
	buf_putc(p->out, '@');
	text_line(p->out, ev->host.p, ev->host.n);
	if (ev->has_pid)
		buf_printf(p->out, ":%llu", (unsigned long long)ev->pid);
	buf_putc(p->out, ')');
	if (ev->has_start && ev->has_end) {
		char duration[UNITS_TEXT];
		duration_text(ev->end - ev->start, p->term->utf8, duration);
		buf_printf(p->out, "  (%s)", duration);
	}
	buf_putc(p->out, '\n');
	char when[DATETIME_TEXT];
	if (ev->has_start || ev->has_end) {
		datetime_format(ev->has_start ? ev->start : ev->end, when);
		put_indent(p, INDENT);
		styled_text(p, TERM_DIM, when);
		buf_putc(p->out, '\n');
	}
}

void
format_pretty(const struct event *ev, const struct term *term, struct symbolizer *symbols, struct buf *out)
{
	struct pretty p = {term, symbols, out};
	struct bytes error = body_error(ev);
	put_header(&p, ev, error.p != NULL);
	if (error.p)
		put_error(&p, error);
	bool only_error = error.p && object_token(ev->body).len == 1;
	if (ev->body_is_map && object_token(ev->body).len > 0 && !only_error) {
		put_indent(&p, INDENT);
		put_fields(&p, ev->body, INDENT, error.p ? "error" : NULL);
	} else if (!ev->body_is_map && ev->body.p && *ev->body.p != 0xc0) {
		put_value(&p, ev->body, INDENT, INDENT, 0);
	}
	buf_putc(out, '\n');
}
