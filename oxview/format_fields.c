/* SPDX-License-Identifier: ISC */
/* format_fields: a line is its cells; what one cell looks like is told by the value's kind. */
#include "oxview/format_fields.h"

#include <string.h>

#include "libbx/core/datetime.h"
#include "libbx/core/mp.h"
#include "oxview/body.h"
#include "oxview/format_json.h"
#include "oxview/text.h"
#include "oxview/units.h"

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

void
format_fields_json(struct paths *fields, const struct event *ev, struct buf *out)
{
	bool some = false;
	paths_find_in(fields, ev);
	buf_putc(out, '{');
	for (size_t i = 0; i < paths_count(fields); i++) {
		struct bytes value = paths_object(fields, i);
		if (!value.p)
			continue;
		if (some)
			buf_putc(out, ',');
		some = true;
		json_text(paths_name(fields, i), out);
		buf_putc(out, ':');
		json_object(value, out);
	}
	buf_puts(out, "}\n");
}

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

/* Quotes are needed around what a reader of CSV would take apart, or would take spaces from. */
static bool
needs_quotes(struct bytes text)
{
	if (text.n == 0)
		return true; /* an empty text, which is not nothing */
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '"' || text.p[i] == ',' || text.p[i] == '\n' || text.p[i] == '\r')
			return true;
	return text.p[0] == ' ' || text.p[text.n - 1] == ' ';
}

void
csv_text(struct bytes text, struct buf *out)
{
	if (!needs_quotes(text)) {
		buf_put(out, text.p, text.n);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, (char)text.p[i]);
	}
	buf_putc(out, '"');
}

void
csv_object(struct bytes object, struct buf *out)
{
	struct mp_token t = object_token(object);
	if (!object.p || t.kind == MP_NIL)
		return;
	if (t.kind == MP_STR && mp_is_text(t.data, t.len)) {
		csv_text((struct bytes){t.data, t.len}, out);
		return;
	}
	struct buf json = {0};
	json_object(object, &json);
	if (json.err == BX_OK)
		csv_text((struct bytes){json.data, json.len}, out);
	else
		out->err = json.err;
	buf_fini(&json);
}

void
format_csv_head(const struct paths *fields, struct buf *out)
{
	for (size_t i = 0; i < paths_count(fields); i++) {
		if (i)
			buf_putc(out, ',');
		csv_text(paths_name(fields, i), out);
	}
	buf_puts(out, "\r\n");
}

void
format_csv(struct paths *fields, const struct event *ev, struct buf *out)
{
	paths_find_in(fields, ev);
	for (size_t i = 0; i < paths_count(fields); i++) {
		if (i)
			buf_putc(out, ',');
		csv_object(paths_object(fields, i), out);
	}
	buf_puts(out, "\r\n");
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

static bool
is_called(struct bytes name, const char *what)
{
	if (name.n > 0 && name.p[0] == '.')
		name = (struct bytes){name.p + 1, name.n - 1};
	return name.n == strlen(what) && memcmp(name.p, what, name.n) == 0;
}

bool
text_object(struct bytes object, struct bytes name, bool utf8, struct buf *out)
{
	struct mp_token t = object_token(object);
	char time[DATETIME_TEXT], took[UNITS_TEXT];
	if (!object.p)
		return false;
	if (t.kind == MP_FLOAT && (is_called(name, "start") || is_called(name, "end"))) {
		datetime_format(t.f, time);
		buf_puts(out, time);
		return false;
	}
	if (t.kind == MP_FLOAT && is_called(name, "duration")) {
		duration_text(t.f, utf8, took);
		buf_puts(out, took);
		return true;
	}
	if (t.kind == MP_STR) {
		text_folded(out, t.data, t.len);
		return false;
	}
	struct buf json = {0};
	json_object(object, &json);
	text_line(out, json.data, json.len);
	buf_fini(&json);
	return t.kind == MP_UINT || t.kind == MP_INT || t.kind == MP_FLOAT;
}

void
format_table_head(const struct paths *fields, struct grid *g)
{
	for (size_t i = 0; i < paths_count(fields); i++) {
		struct bytes name = paths_name(fields, i);
		text_line(grid_cell(g), name.p, name.n);
		grid_done(g, false);
	}
}

void
format_table(struct paths *fields, const struct event *ev, struct grid *g)
{
	paths_find_in(fields, ev);
	for (size_t i = 0; i < paths_count(fields); i++)
		grid_done(g, text_object(paths_object(fields, i), paths_name(fields, i), g->term->utf8, grid_cell(g)));
}
