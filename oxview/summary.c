/* SPDX-License-Identifier: ISC */
/* summary: a table of fields that tell it all, and for the rest `key=value` of what is not nested too deep. */
#include "oxview/summary.h"

#include "oxview/body.h"
#include "oxview/format_json.h"
#include "oxview/text.h"

enum { FIELDS_SHOWN = 12, TEXT_SHOWN = 200, LEVELS_SHOWN = 3 };

static void
put_scalar(struct bytes object, struct buf *out)
{
	struct bytes text = object_text(object);
	struct mp_token t = object_token(object);
	if (t.kind == MP_BIN && !mp_is_utf8(text.p, text.n)) {
		buf_printf(out, "<%zu bytes>", text.n);
	} else if (text.p) {
		bool blanks = memchr(text.p, ' ', text.n) || text.n == 0;
		buf_puts(out, blanks ? "\"" : "");
		text_folded(out, text.p, text.n < TEXT_SHOWN ? text.n : TEXT_SHOWN);
		buf_puts(out, blanks ? "\"" : "");
	} else {
		size_t start = out->len;
		json_object(object, out);
		if (out->err == BX_OK && out->len - start > TEXT_SHOWN)
			out->len = start + TEXT_SHOWN;
	}
}

struct pairs {
	struct buf *out;
	int left; /* how many more are shown */
	char path[256];
};

/* One field as path=value; a map as its fields. */
static void
put_pairs(struct pairs *p, struct cursor *in, uint32_t count, size_t path_len, int level)
{
	for (uint32_t i = 0; i < count && p->left > 0; i++) {
		struct mp_token key, value;
		if (!mp_next(in, &key))
			return;
		struct cursor at = *in;
		const uint8_t *from = in->at;
		if (!mp_next(&at, &value) || !mp_skip(in))
			return;
		if (key.kind != MP_STR || (level == 0 && mp_str_is(&key, "error")) || mp_str_is(&key, "stack") ||
		    path_len + 1 + key.len >= sizeof p->path)
			continue;
		size_t len = path_len;
		if (len)
			p->path[len++] = '.';
		memcpy(p->path + len, key.data, key.len);
		len += key.len;
		if (value.kind == MP_MAP && value.len > 0 && level + 1 < LEVELS_SHOWN) {
			put_pairs(p, &at, value.len, len, level + 1);
			continue;
		}
		if (p->left-- < FIELDS_SHOWN)
			buf_putc(p->out, ' ');
		text_line(p->out, p->path, len);
		buf_putc(p->out, '=');
		put_scalar((struct bytes){from, (size_t)(in->at - from)}, p->out);
	}
}

static void
put_all(const struct event *ev, struct buf *out)
{
	struct pairs p = {.out = out, .left = FIELDS_SHOWN};
	struct cursor in;
	struct mp_token t;
	cursor_init(&in, ev->body.p, ev->body.n);
	if (mp_next(&in, &t))
		put_pairs(&p, &in, t.len, 0, 0);
}

/* Puts `before`, the field's text and `after`; false when there is no such field. */
static bool
put_field(const struct event *ev, const char *key, const char *before, const char *after, struct buf *out)
{
	struct bytes value = map_get(ev->body, key, strlen(key));
	struct mp_token t = object_token(value);
	if (!value.p || t.kind == MP_NIL)
		return false;
	buf_puts(out, before);
	struct bytes text = object_text(value);
	if (t.kind == MP_STR)
		text_folded(out, text.p, text.n);
	else
		put_scalar(value, out);
	buf_puts(out, after);
	return true;
}

void
summary_body(const struct event *ev, struct buf *out)
{
	if (!ev->body_is_map)
		return;
	if (put_field(ev, "query", "", "", out)) {
		struct mp_token rows = object_token(map_get(ev->body, "row_count", 9));
		put_field(ev, "row_count", "  (", rows.kind == MP_UINT && rows.u == 1 ? " row)" : " rows)", out);
	} else if (map_get(ev->body, "msg", 3).p) {
		put_field(ev, "level", "", ": ", out);
		put_field(ev, "msg", "", "", out);
	} else if (map_get(ev->body, "op", 2).p) {
		put_field(ev, "op", "", "", out);
		put_field(ev, "key", " ", "", out);
		put_field(ev, "key_count", " ", " keys", out);
		put_field(ev, "outcome", "  (", ")", out);
	} else {
		put_all(ev, out);
	}
}

void
summary_error(struct bytes error, struct buf *out)
{
	static const struct {
		const char *key;
		const char *before;
	} parts[] = {{"class", ""}, {"code", " "}, {"message", ": "}};
	size_t start = out->len;
	if (object_token(error).kind != MP_MAP) { /* somebody's own idea of an error */
		put_scalar(error, out);
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		struct bytes value = map_get(error, parts[i].key, strlen(parts[i].key));
		if (!value.p || object_token(value).kind == MP_NIL)
			continue;
		if (out->len > start)
			buf_puts(out, parts[i].before);
		struct bytes text = object_text(value);
		if (text.p)
			text_folded(out, text.p, text.n);
		else
			put_scalar(value, out);
	}
	if (out->len == start)
		buf_puts(out, "error");
}
