/* SPDX-License-Identifier: ISC */
/* event: one pass over the top map, one line a key. */
#include "libbx/core/event.h"

#include "libbx/core/mp.h"

enum field_kind { TEXT, NUMBER_TIME, NUMBER_PID, OBJECT, ID };

/* The keys of an event and where each goes in the view. */
static const struct field {
	const char *key;
	uint8_t key_len;
	uint8_t kind;
	uint16_t offset;
} fields[] = {
    {"id", 2, ID, offsetof(struct event, id)},
    {"type", 4, TEXT, offsetof(struct event, type)},
    {"host", 4, TEXT, offsetof(struct event, host)},
    {"pid", 3, NUMBER_PID, offsetof(struct event, pid)},
    {"start", 5, NUMBER_TIME, offsetof(struct event, start)},
    {"end", 3, NUMBER_TIME, offsetof(struct event, end)},
    {"body", 4, OBJECT, offsetof(struct event, body)},
    {"span", 4, TEXT, offsetof(struct event, span)},
    {"parent", 6, TEXT, offsetof(struct event, parent)},
};

static const struct field *
field_of(const struct mp_token *key)
{
	if (key->kind != MP_STR && key->kind != MP_BIN)
		return NULL;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (fields[i].key_len == key->len && memcmp(fields[i].key, key->data, key->len) == 0)
			return &fields[i];
	return NULL;
}

static bool
number(const struct mp_token *t, double *out)
{
	switch (t->kind) {
	case MP_UINT:
		*out = (double)t->u;
		return true;
	case MP_INT:
		*out = (double)t->i;
		return true;
	case MP_FLOAT:
		*out = t->f;
		return true;
	default:
		return false;
	}
}

static void
take_field(struct event *ev, const struct field *f, const struct mp_token *t, struct bytes raw)
{
	char *at = (char *)ev + f->offset;
	bool text = t->kind == MP_STR || t->kind == MP_BIN;
	switch (f->kind) {
	case ID:
		ev->id_raw = raw;
		/* fall through */
	case TEXT:
		*(struct bytes *)(void *)at = text ? (struct bytes){t->data, t->len} : (struct bytes){0};
		break;
	case NUMBER_TIME: {
		bool *has = f->offset == offsetof(struct event, start) ? &ev->has_start : &ev->has_end;
		*has = number(t, (double *)(void *)at);
		break;
	}
	case NUMBER_PID:
		ev->has_pid = t->kind == MP_UINT;
		ev->pid = ev->has_pid ? t->u : 0;
		break;
	default:
		ev->body = raw;
		ev->body_is_map = t->kind == MP_MAP;
		break;
	}
}

/* Reads one object: its first token, and in raw all of its bytes. */
static bool
take_object(struct cursor *c, struct mp_token *t, struct bytes *raw)
{
	struct cursor start = *c;
	if (!mp_next(c, t))
		return false;
	if (t->kind == MP_MAP || t->kind == MP_ARRAY) {
		*c = start;
		if (!mp_skip_within(c, MP_DEPTH_MAX - 1)) /* it lies in the top map already */
			return false;
	}
	*raw = (struct bytes){start.at, (size_t)(c->at - start.at)};
	return true;
}

static enum bx_err
parse(struct cursor *c, struct event *ev)
{
	struct mp_token top;
	if (!mp_next(c, &top))
		return c->err;
	if (top.kind != MP_MAP)
		return BX_EBAD;
	for (uint32_t i = 0; i < top.len; i++) {
		struct mp_token key, value;
		struct bytes raw;
		if (!take_object(c, &key, &raw))
			return c->err;
		const struct field *f = field_of(&key);
		if (!take_object(c, &value, &raw))
			return c->err;
		if (f)
			take_field(ev, f, &value, raw);
	}
	return BX_OK;
}

/* ---- the usual form, quickly ------------------------------------------------------------------------------------- */

enum { ROOM = 32 }; /* a key, the header of its value and a double, whatever they are */

/* A key of at most 7 bytes and its length as one number, so that one comparison tells it; 8 bytes may be read. */
static uint64_t
key_word(const uint8_t *key, size_t n)
{
	return (get_u64le(key) & ((UINT64_C(1) << 8 * n) - 1)) | (uint64_t)n << 56;
}

#define KEY(n, a, b, c, d, e, f)                                                                                       \
	((uint64_t)(n) << 56 | (uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |        \
	    (uint64_t)(e) << 32 | (uint64_t)(f) << 40)

static bool
usual_text(struct cursor *c, struct bytes *out)
{
	const uint8_t *v = c->at;
	size_t header = 1, n = *v & 31U;
	if ((*v & 0xe0) != 0xa0) {
		if (*v != 0xd9)
			return false;
		header = 2;
		n = v[1];
	}
	if (n > cursor_left(c) - header)
		return false;
	*out = (struct bytes){v + header, n};
	c->at += header + n;
	return true;
}

static bool
usual_time(struct cursor *c, double *out)
{
	if (*c->at != 0xcb)
		return false;
	*out = double_of_bits(get_u64be(c->at + 1));
	c->at += 9;
	return true;
}

static bool
usual_pid(struct cursor *c, struct event *ev)
{
	const uint8_t *v = c->at;
	size_t n = *v < 0x80 ? 1 : *v == 0xcd ? 3 : *v == 0xce ? 5 : *v == 0xcc ? 2 : 0;
	ev->pid = n == 1 ? *v : n == 3 ? get_u16be(v + 1) : n == 5 ? get_u32be(v + 1) : v[1];
	ev->has_pid = true;
	c->at += n;
	return n > 0;
}

static bool
usual_body(struct cursor *c, struct event *ev)
{
	const uint8_t *v = c->at;
	if ((*v & 0xf0) != 0x80 && *v != 0xde)
		return false;
	ev->body_is_map = true;
	if (!mp_skip_within(c, MP_DEPTH_MAX - 1))
		return false;
	ev->body = (struct bytes){v, (size_t)(c->at - v)};
	return true;
}

static bool
usual_value(struct cursor *c, uint64_t key, struct event *ev)
{
	const uint8_t *v = c->at;
	switch (key) {
	case KEY(2, 'i', 'd', 0, 0, 0, 0):
		if (!usual_text(c, &ev->id))
			return false;
		ev->id_raw = (struct bytes){v, (size_t)(c->at - v)};
		return true;
	case KEY(4, 't', 'y', 'p', 'e', 0, 0):
		return usual_text(c, &ev->type);
	case KEY(4, 'h', 'o', 's', 't', 0, 0):
		return usual_text(c, &ev->host);
	case KEY(4, 's', 'p', 'a', 'n', 0, 0):
		return usual_text(c, &ev->span);
	case KEY(6, 'p', 'a', 'r', 'e', 'n', 't'):
		return usual_text(c, &ev->parent);
	case KEY(5, 's', 't', 'a', 'r', 't', 0):
		return ev->has_start = usual_time(c, &ev->start);
	case KEY(3, 'e', 'n', 'd', 0, 0, 0):
		return ev->has_end = usual_time(c, &ev->end);
	case KEY(3, 'p', 'i', 'd', 0, 0, 0):
		return usual_pid(c, ev);
	case KEY(4, 'b', 'o', 'd', 'y', 0, 0):
		return usual_body(c, ev);
	default:
		return mp_skip_within(c, MP_DEPTH_MAX - 1);
	}
}

/*
 * Reads what nearly every event is made of: a short map of short keys, and under those that we know values of the kind
 * that libbx writes.  False: it is something else, or near the end of the bytes; look properly.
 */
static bool
read_usual(struct cursor *c, struct event *ev)
{
	if (cursor_left(c) < ROOM || (*c->at & 0xf0) != 0x80)
		return false;
	for (unsigned pairs = *c->at++ & 15; pairs > 0; pairs--) {
		size_t n = cursor_left(c) < ROOM ? ROOM : *c->at & 31U;
		if (n > 7 || (*c->at & 0xe0) != 0xa0)
			return false; /* longer keys are none of ours, and rare */
		uint64_t key = key_word(c->at + 1, n);
		c->at += 1 + n;
		if (!usual_value(c, key, ev))
			return false;
	}
	return true;
}

/* ---- what libbx writes, in the order in which it writes it ------------------------------------------------------- */

enum { STRIDE = 64 }; /* room for what lies between two texts or a text and the body, keys included, and an id */

/* The text at p, a fixstr or str 8; NULL: it is none, or there is not a stride of bytes behind it. */
static inline const uint8_t *
text_at(const uint8_t *p, const uint8_t *end, struct bytes *out)
{
	size_t header = 1, n = *p & 31U;
	if ((*p & 0xe0) != 0xa0) {
		if (*p != 0xd9)
			return NULL;
		header = 2;
		n = p[1];
	}
	if (n + STRIDE > (size_t)(end - p))
		return NULL;
	*out = (struct bytes){p + header, n};
	return p + header + n;
}

/* The pid at p, as short as it can be written. */
static inline const uint8_t *
pid_at(const uint8_t *p, uint64_t *out)
{
	switch (*p) {
	case 0xcd:
		*out = get_u16be(p + 1);
		return p + 3;
	case 0xce:
		*out = get_u32be(p + 1);
		return p + 5;
	case 0xcc:
		*out = p[1];
		return p + 2;
	default:
		*out = *p;
		return *p < 0x80 ? p + 1 : NULL;
	}
}

#define IS(p, text) (memcmp((p), (text), sizeof(text) - 1) == 0)

/* From the first key to the end. NULL: it is something else, or there is not a stride of bytes behind it. */
static inline const uint8_t *
written_head(const uint8_t *p, const uint8_t *end, struct event *ev)
{
	if (!IS(p, "\xa2id"))
		return NULL;
	const uint8_t *id = p + 3;
	p = text_at(id, end, &ev->id);
	if (!p || !IS(p, "\xa4type"))
		return NULL;
	ev->id_raw = (struct bytes){id, (size_t)(p - id)};
	p = text_at(p + 5, end, &ev->type);
	if (!p || ev->type.n == 0 || !IS(p, "\xa4host"))
		return NULL;
	p = text_at(p + 5, end, &ev->host);
	if (!p || !IS(p, "\xa3pid"))
		return NULL;
	ev->pid_at = p + 4;
	p = pid_at(p + 4, &ev->pid);
	if (!p || !IS(p, "\xa5start\xcb"))
		return NULL;
	ev->start_at = p + 6;
	ev->start = double_of_bits(get_u64be(p + 7));
	if (!IS(p + 15, "\xa3" /* the next letter is no digit of it */ "end\xcb"))
		return NULL;
	ev->end = double_of_bits(get_u64be(p + 20));
	return p + 28;
}

static inline bool
written_body(struct cursor *c, struct event *ev, const struct event_passer *passer)
{
	const uint8_t *v = c->at;
	if ((*v & 0xf0) != 0x80 && *v != 0xde)
		return false;
	if (passer)
		passer->pass(passer->context, c);
	else if (!mp_skip_flat(c, MP_DEPTH_MAX - 1))
		return false;
	ev->body = (struct bytes){v, (size_t)(c->at - v)};
	return c->err == BX_OK && cursor_left(c) >= STRIDE;
}

/*
 * Reads an event as libbx writes it.  Nothing that is not looked at varies, so a processor that has seen one knows all
 * the branches of the next.  False: look properly; the view is then half filled in.
 */
static bool
read_written(struct cursor *c, struct event *ev, const struct event_passer *passer)
{
	unsigned pairs = cursor_left(c) > STRIDE ? *c->at & 15U : 0;
	if ((pairs != 8 && pairs != 9) || (*c->at & 0xf0) != 0x80)
		return false;
	ev->raw.p = c->at;
	const uint8_t *p = written_head(c->at + 1, c->end, ev);
	if (!p)
		return false;
	ev->parent = ev->body = ev->span = (struct bytes){0};
	for (pairs -= 6; pairs > 0; pairs--) {
		if (IS(p, "\xa4"
			  "body") &&
		    !ev->body.p) {
			c->at = p + 5;
			if (!written_body(c, ev, passer))
				return false;
			p = c->at;
		} else if (IS(p, "\xa4span") && !ev->span.p) {
			p = text_at(p + 5, c->end, &ev->span);
		} else if (IS(p, "\xa6parent") && !ev->parent.p) {
			p = text_at(p + 7, c->end, &ev->parent);
		} else {
			return false;
		}
		if (!p)
			return false;
	}
	c->at = p;
	ev->raw.n = (size_t)(p - ev->raw.p);
	ev->found_by = NULL;
	ev->body_is_map = ev->has_pid = ev->has_start = ev->has_end = ev->written = true;
	return ev->body.p != NULL;
}

static enum bx_err
read_any(struct cursor *c, const uint8_t *p, size_t n, struct event *ev, size_t *used)
{
	cursor_init(c, p, n);
	*ev = (struct event){0};
	if (!read_usual(c, ev)) {
		cursor_init(c, p, n);
		*ev = (struct event){0};
		enum bx_err err = parse(c, ev);
		if (err != BX_OK) {
			*ev = (struct event){0};
			return err;
		}
	}
	*used = cursor_offset(c);
	ev->raw = (struct bytes){p, *used};
	return BX_OK;
}

enum bx_err
event_read_through(
    const void *p, size_t n, struct event *ev, size_t *used, const struct event_passer *passer, bool *passed)
{
	struct cursor c;
	cursor_init(&c, p, n);
	*passed = read_written(&c, ev, passer);
	if (!*passed)
		return read_any(&c, p, n, ev, used);
	*used = ev->raw.n;
	return BX_OK;
}

enum bx_err
event_read(const void *p, size_t n, struct event *ev, size_t *used)
{
	bool passed;
	return event_read_through(p, n, ev, used, NULL, &passed);
}

/* The value of a key that libbx writes, in the form in which it writes it.  False: something else, nothing was taken. */
static bool
glance_value(struct cursor *c, const uint8_t *key, size_t key_len, struct event *ev)
{
	const uint8_t *v = c->at;
	size_t left = cursor_left(c);
	if (key_len == 2 && key[0] == 'i' && key[1] == 'd') {
		size_t header = left > 1 && *v == 0xd9 ? 2 : 1;
		if (left < 2 || (header == 1 && (*v & 0xe0) != 0xa0))
			return false;
		size_t len = header == 2 ? v[1] : *v & 31U;
		if (left - header < len)
			return false;
		ev->id = (struct bytes){v + header, len};
		c->at += header + len;
		return true;
	}
	bool start = key_len == 5 && memcmp(key, "start", 5) == 0, end = key_len == 3 && memcmp(key, "end", 3) == 0;
	if (!start && !end)
		return mp_skip_within(c, MP_DEPTH_MAX - 1);
	if (left < 9 || *v != 0xcb)
		return false;
	*(start ? &ev->start : &ev->end) = double_of_bits(get_u64be(v + 1));
	*(start ? &ev->has_start : &ev->has_end) = true;
	c->at += 9;
	return true;
}

/* Keys that are short strings, values in their usual form: what nearly every event is made of.  False: look properly. */
static bool
glance(struct cursor *c, struct event *ev)
{
	if (cursor_left(c) == 0 || (*c->at & 0xf0) != 0x80)
		return false;
	for (unsigned pairs = *c->at++ & 15; pairs > 0; pairs--) {
		size_t left = cursor_left(c), key_len = left > 0 ? *c->at & 31U : 0;
		if (left <= key_len || (*c->at & 0xe0) != 0xa0)
			return false;
		const uint8_t *key = c->at + 1;
		c->at += 1 + key_len;
		if (!glance_value(c, key, key_len, ev))
			return false;
	}
	return true;
}

enum bx_err
event_glance(const void *p, size_t n, struct event *ev, size_t *used)
{
	struct cursor c;
	struct event whole;
	cursor_init(&c, p, n);
	*ev = (struct event){0};
	if (glance(&c, ev)) {
		*used = cursor_offset(&c);
		ev->raw = (struct bytes){p, *used};
		return BX_OK;
	}
	enum bx_err err = event_read(p, n, &whole, used);
	*ev = (struct event){.raw = whole.raw,
	    .id = whole.id,
	    .has_start = whole.has_start,
	    .has_end = whole.has_end,
	    .start = whole.start,
	    .end = whole.end};
	return err;
}

enum bx_err
event_parse(const void *p, size_t n, struct event *ev)
{
	size_t used;
	enum bx_err err = event_read(p, n, ev, &used);
	if (err == BX_OK && used != n) {
		*ev = (struct event){0};
		return BX_EBAD;
	}
	return err;
}

size_t
event_length(const void *p, size_t n, enum bx_err *err)
{
	struct cursor c;
	cursor_init(&c, p, n);
	struct cursor peek = c;
	struct mp_token t;
	enum bx_err e = BX_OK;
	if (!mp_next(&peek, &t))
		e = peek.err;
	else if (t.kind != MP_MAP)
		e = BX_EBAD;
	else if (!mp_skip(&c))
		e = c.err;
	if (err)
		*err = e;
	return e == BX_OK ? cursor_offset(&c) : 0;
}
