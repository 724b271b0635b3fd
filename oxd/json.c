/* SPDX-License-Identifier: ISC */
/* json: recursion as deep as MP_DEPTH_MAX, which mp_skip() has checked. */
#include "oxd/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "libbx/core/mp.h"

void
json_add_text(struct buf *out, const void *p, size_t n)
{
	const uint8_t *s = p;
	buf_putc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			buf_printf(out, "\\%c", s[i]);
		else if (s[i] < ' ' || s[i] == 127)
			buf_printf(out, "\\u%04x", s[i]);
		else
			buf_putc(out, (char)s[i]);
	}
	buf_putc(out, '"');
}

static void
add_base64(struct buf *out, const uint8_t *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v =
		    (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);
		buf_putc(out, digits[v >> 18]);
		buf_putc(out, digits[v >> 12 & 63]);
		buf_putc(out, left > 1 ? digits[v >> 6 & 63] : '=');
		buf_putc(out, left > 2 ? digits[v & 63] : '=');
	}
}

static void
add_float(struct buf *out, double f)
{
	char text[32];
	if (!isfinite(f)) {
		buf_printf(out, "{\"$num\":\"%s\"}", isnan(f) ? "nan" : f > 0 ? "inf" : "-inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back as the same number */
		snprintf(text, sizeof text, "%.*g", digits, f);
		if (strtod(text, NULL) == f)
			break;
	}
	buf_puts(out, text);
	if (!strpbrk(text, ".e"))
		buf_puts(out, ".0");
}

static void add_object(struct cursor *c, struct buf *out);

static void
add_key(struct cursor *c, struct buf *out)
{
	struct cursor peek = *c;
	struct mp_token t;
	if (mp_next(&peek, &t) && t.kind == MP_STR && mp_is_utf8(t.data, t.len)) {
		*c = peek;
		json_add_text(out, t.data, t.len);
		return;
	}
	struct buf key = {0};
	add_object(c, &key);
	json_add_text(out, key.data, key.len);
	buf_fini(&key);
}

static void
add_members(struct cursor *c, struct buf *out, const struct mp_token *t)
{
	bool map = t->kind == MP_MAP;
	buf_putc(out, map ? '{' : '[');
	for (uint32_t i = 0; i < t->len && c->err == BX_OK; i++) {
		if (i > 0)
			buf_putc(out, ',');
		if (map) {
			add_key(c, out);
			buf_putc(out, ':');
		}
		add_object(c, out);
	}
	buf_putc(out, map ? '}' : ']');
}

static void
add_object(struct cursor *c, struct buf *out)
{
	struct mp_token t;
	if (!mp_next(c, &t))
		return;
	switch (t.kind) {
	case MP_NIL:
		buf_puts(out, "null");
		break;
	case MP_BOOL:
		buf_puts(out, t.b ? "true" : "false");
		break;
	case MP_UINT:
		buf_printf(out, "%" PRIu64, t.u);
		break;
	case MP_INT:
		buf_printf(out, "%" PRId64, t.i);
		break;
	case MP_FLOAT:
		add_float(out, t.f);
		break;
	case MP_ARRAY:
	case MP_MAP:
		add_members(c, out, &t);
		break;
	default:
		if (t.kind == MP_STR && mp_is_utf8(t.data, t.len)) {
			json_add_text(out, t.data, t.len);
			break;
		}
		buf_puts(out, "{\"$bin\":\"");
		add_base64(out, t.data, t.len);
		buf_puts(out, "\"}");
		break;
	}
}

enum bx_err
json_from_mp(const void *p, size_t n, struct buf *out)
{
	struct cursor c, whole;
	cursor_init(&whole, p, n);
	if (!mp_skip(&whole) || cursor_left(&whole) != 0)
		return BX_EBAD;
	cursor_init(&c, p, n);
	add_object(&c, out);
	return c.err != BX_OK ? c.err : out->err;
}
