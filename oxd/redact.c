/* SPDX-License-Identifier: ISC */
/* redact: a map is written again with fewer pairs; as deep as the event, which mp_skip() has bounded. */
#include "oxd/redact.h"

#include "libbx/core/mp.h"
#include "libbx/core/name.h"

static void copy_object(struct redact *r, struct cursor *c, struct buf *out, bool *any);

/* Adds the key to the path; returns how long the path was before. */
static size_t
enter(struct redact *r, const struct mp_token *key)
{
	size_t before = r->path.len;
	if (before > 0)
		buf_putc(&r->path, '.');
	if (key->kind == MP_STR || key->kind == MP_BIN)
		buf_put(&r->path, key->data, key->len);
	return before;
}

static bool
is_named(struct redact *r)
{
	if (r->path.err != BX_OK)
		return true; /* without memory to say which field it is, it is taken for one that must go */
	for (size_t i = 0; i < r->count; i++) {
		if (!name_glob(r->patterns[i].glob, (const char *)r->path.data, r->path.len))
			continue;
		r->patterns[i].fields_taken++;
		return true;
	}
	return false;
}

static void
take_key(struct cursor *c, struct mp_token *key, struct bytes *raw)
{
	const uint8_t *start = c->at;
	struct cursor peek = *c;
	mp_next(&peek, key);
	mp_skip(c);
	*raw = (struct bytes){start, (size_t)(c->at - start)};
}

/* The header is written with as many pairs as are left: it has room for the longest form, and is shortened after. */
static void
copy_map(struct redact *r, struct cursor *c, uint32_t pairs, struct buf *out, bool *any)
{
	struct buf inside = {0};
	uint32_t left = 0;
	for (uint32_t i = 0; i < pairs && c->err == BX_OK; i++) {
		struct mp_token key;
		struct bytes raw;
		take_key(c, &key, &raw);
		size_t before = enter(r, &key);
		if (is_named(r)) {
			mp_skip(c);
			*any = true;
		} else {
			buf_put(&inside, raw.p, raw.n);
			copy_object(r, c, &inside, any);
			left++;
		}
		r->path.len = before;
	}
	mp_add_map(out, left);
	buf_put(out, inside.data, inside.len);
	if (inside.err != BX_OK)
		out->err = inside.err;
	buf_fini(&inside);
}

static void
copy_object(struct redact *r, struct cursor *c, struct buf *out, bool *any)
{
	struct cursor start = *c;
	struct mp_token t;
	if (!mp_next(c, &t))
		return;
	if (t.kind == MP_MAP) {
		copy_map(r, c, t.len, out, any);
		return;
	}
	buf_put(out, start.at, (size_t)(c->at - start.at)); /* a list's header, or all of a scalar */
	for (uint32_t i = 0; t.kind == MP_ARRAY && i < t.len && c->err == BX_OK; i++)
		copy_object(r, c, out, any);
}

bool
redact_event(struct redact *r, struct bytes map, struct buf *out)
{
	struct cursor c;
	struct mp_token top, key;
	bool any = false;
	cursor_init(&c, map.p, map.n);
	mp_next(&c, &top);
	mp_add_map(out, top.len);
	buf_clear(&r->path);
	for (uint32_t i = 0; i < top.len && c.err == BX_OK; i++) {
		struct bytes raw;
		take_key(&c, &key, &raw);
		buf_put(out, raw.p, raw.n);
		size_t before = enter(r, &key);
		bool body = (key.kind == MP_STR || key.kind == MP_BIN) && key.len == 4 && !memcmp(key.data, "body", 4);
		const uint8_t *value = c.at;
		if (body) {
			copy_object(r, &c, out, &any);
		} else {
			mp_skip(&c);
			buf_put(out, value, (size_t)(c.at - value));
		}
		r->path.len = before;
	}
	return any;
}

void
redact_fini(struct redact *r)
{
	buf_fini(&r->path);
}
