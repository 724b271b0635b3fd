/* SPDX-License-Identifier: ISC */
/*
 * format_json: written straight through, in the hope that every map has text keys only.
 *
 * Whether one has is known only at its end.  When the hope was vain the whole object is taken back and written again
 * with a look at the keys of each map first; so nothing is written more than twice, however maps lie in maps.
 */
#include "oxview/format_json.h"

#include <math.h>
#include <string.h>

#include "libbx/core/mp.h"
#include "oxview/double.h"
#include "oxview/json_quick.h"

struct json {
	struct cursor in;
	struct buf *out;
	bool look_first; /* at the keys of each map */
	bool odd;        /* a map needs another form, and look_first is off */
};

static void
put_base64(struct buf *out, const uint8_t *p, size_t n)
{
	uint8_t *to = buf_extend(out, (n + 2) / 3 * 4);
	if (to)
		json_put_base64(to, p, n);
}

static void
put_bin(struct buf *out, const uint8_t *p, size_t n)
{
	buf_puts(out, "{\"$bin\":\"");
	put_base64(out, p, n);
	buf_puts(out, "\"}");
}

/* Bytes at the front that need no escape, eight at a time; `ascii` turns false at the first byte above 127. */
static size_t
plain_run(const uint8_t *s, size_t n, bool *ascii)
{
	const uint64_t ones = 0x0101010101010101ULL, tops = 0x8080808080808080ULL;
	size_t i = 0;
	for (; n - i >= 8; i += 8) {
		uint64_t w = get_u64le(s + i);
		uint64_t quote = w ^ ones * '"', back = w ^ ones * '\\', del = w ^ ones * 127;
		uint64_t hit = ((w - ones * 32) | (quote - ones) | (back - ones) | (del - ones)) & ~w & tops;
		if (hit)
			break;
		if (w & tops)
			*ascii = false;
	}
	for (; i < n && !json_escapes[s[i]]; i++)
		if (s[i] > 127)
			*ascii = false;
	return i;
}

static void
put_escape(struct buf *out, uint8_t c)
{
	uint8_t *to = buf_reserve(out, 6);
	if (to)
		out->len = (size_t)(json_put_escape(to, c) - out->data);
}

/* A string in quotes; false, and nothing written, when it is not UTF-8. */
static bool
put_text(struct buf *out, const uint8_t *s, size_t n)
{
	size_t start = out->len;
	bool ascii = true;
	uint8_t *to = buf_reserve(out, n + 2);
	if (!to)
		return true;
	*to = '"';
	size_t run = plain_run(s, n, &ascii);
	memcpy(to + 1, s, run);
	out->len += 1 + run;
	while (run < n) {
		put_escape(out, s[run++]);
		size_t more = plain_run(s + run, n - run, &ascii);
		buf_put(out, s + run, more);
		run += more;
	}
	buf_putc(out, '"');
	if (ascii || mp_is_utf8(s, n))
		return true;
	out->len = start;
	return false;
}

static void
put_uint(struct buf *out, uint64_t v)
{
	uint8_t *to = buf_reserve(out, 20);
	if (to)
		out->len = (size_t)(json_put_uint(to, v) - out->data);
}

static void
put_int(struct buf *out, int64_t v)
{
	buf_putc(out, '-');
	put_uint(out, -(uint64_t)v);
}

static void
put_float(struct buf *out, double v, bool single)
{
	if (!isfinite(v)) {
		buf_puts(out, isnan(v) ? "{\"$num\":\"nan\"}" : v > 0 ? "{\"$num\":\"inf\"}" : "{\"$num\":\"-inf\"}");
		return;
	}
	char text[DOUBLE_TEXT];
	buf_put(out, text, single ? float_text_marked(text, (float)v) : double_text_marked(text, v));
}

static bool
reserved(const struct mp_token *key)
{
	return key->len >= 4 && key->data[0] == '$' &&
	       (mp_str_is(key, "$bin") || mp_str_is(key, "$num") || mp_str_is(key, "$map") || mp_str_is(key, "$ext"));
}

/* True when the `pairs` that follow can be a JSON object. */
static bool
keys_are_text(struct cursor in, uint32_t pairs)
{
	struct mp_token key;
	for (uint32_t i = 0; i < pairs; i++) {
		if (!mp_next(&in, &key) || key.kind != MP_STR || reserved(&key) || !mp_is_utf8(key.data, key.len))
			return false;
		mp_skip(&in);
	}
	return true;
}

static void value(struct json *j);

static void
object(struct json *j, uint32_t pairs)
{
	buf_putc(j->out, '{');
	for (uint32_t i = 0; i < pairs && !j->odd; i++) {
		struct mp_token key;
		if (i)
			buf_putc(j->out, ',');
		if (!mp_next(&j->in, &key) || key.kind != MP_STR || reserved(&key) ||
		    !put_text(j->out, key.data, key.len)) {
			j->odd = true;
			return;
		}
		buf_putc(j->out, ':');
		value(j);
	}
	buf_putc(j->out, '}');
}

static void
pair_list(struct json *j, uint32_t pairs)
{
	buf_puts(j->out, "{\"$map\":[");
	for (uint32_t i = 0; i < pairs; i++) {
		buf_puts(j->out, i ? ",[" : "[");
		value(j);
		buf_putc(j->out, ',');
		value(j);
		buf_putc(j->out, ']');
	}
	buf_puts(j->out, "]}");
}

static void
array(struct json *j, uint32_t items)
{
	buf_putc(j->out, '[');
	for (uint32_t i = 0; i < items && !j->odd; i++) {
		if (i)
			buf_putc(j->out, ',');
		value(j);
	}
	buf_putc(j->out, ']');
}

/* Recursion is as deep as maps and arrays lie in one another, which the feed has bounded. */
static void
value(struct json *j)
{
	struct mp_token t;
	if (!mp_next(&j->in, &t))
		return;
	switch (t.kind) {
	case MP_NIL:
		buf_puts(j->out, "null");
		break;
	case MP_BOOL:
		buf_puts(j->out, t.b ? "true" : "false");
		break;
	case MP_UINT:
		put_uint(j->out, t.u);
		break;
	case MP_INT:
		put_int(j->out, t.i);
		break;
	case MP_FLOAT:
		put_float(j->out, t.f, t.single);
		break;
	case MP_STR:
		if (!put_text(j->out, t.data, t.len))
			put_bin(j->out, t.data, t.len);
		break;
	case MP_BIN:
		put_bin(j->out, t.data, t.len);
		break;
	case MP_ARRAY:
		array(j, t.len);
		break;
	case MP_MAP:
		if (j->look_first && !keys_are_text(j->in, t.len))
			pair_list(j, t.len);
		else
			object(j, t.len);
		break;
	case MP_EXT:
		buf_printf(j->out, "{\"$ext\":[%d,\"", t.ext);
		put_base64(j->out, t.data, t.len);
		buf_puts(j->out, "\"]}");
		break;
	}
}

void
json_text(struct bytes text, struct buf *out)
{
	if (!put_text(out, text.p, text.n))
		put_bin(out, text.p, text.n);
}

void
json_object(struct bytes whole, struct buf *out)
{
	if (json_quick(whole, out))
		return;
	size_t start = out->len;
	for (int look_first = 0; look_first < 2; look_first++) {
		struct json j = {.out = out, .look_first = look_first};
		cursor_init(&j.in, whole.p, whole.n);
		out->len = start;
		value(&j);
		if (!j.odd)
			break;
	}
}

void
format_json(const struct event *ev, struct buf *out)
{
	json_object(ev->raw, out);
	buf_putc(out, '\n');
}
