/* SPDX-License-Identifier: ISC */
/*
 * mp: token reading by a switch over the first byte; skipping by a count of the objects that are still due, and where that will
 * not do by a small stack of such counts.
 */
#include "libbx/core/mp.h"

static uint8_t *
room(struct buf *b, size_t n)
{
	return buf_reserve(b, MP_HEADER_MAX + n);
}

#define MP_ADD(call)                                                                                                   \
	do {                                                                                                           \
		uint8_t *p = room(b, 0);                                                                               \
		if (p)                                                                                                 \
			b->len = (size_t)((call)-b->data);                                                             \
	} while (0)

void
mp_add_nil(struct buf *b)
{
	MP_ADD(mp_put_nil(p));
}

void
mp_add_bool(struct buf *b, bool v)
{
	MP_ADD(mp_put_bool(p, v));
}

void
mp_add_uint(struct buf *b, uint64_t v)
{
	MP_ADD(mp_put_uint(p, v));
}

void
mp_add_int(struct buf *b, int64_t v)
{
	MP_ADD(mp_put_int(p, v));
}

void
mp_add_double(struct buf *b, double v)
{
	MP_ADD(mp_put_double(p, v));
}

void
mp_add_text(struct buf *b, const char *s)
{
	size_t n = strlen(s);
	if (mp_is_utf8(s, n))
		mp_add_str(b, s, n);
	else
		mp_add_bin(b, s, n);
}

void
mp_add_array(struct buf *b, uint32_t n)
{
	MP_ADD(mp_put_array_header(p, n));
}

void
mp_add_map(struct buf *b, uint32_t n)
{
	MP_ADD(mp_put_map_header(p, n));
}

void
mp_pair_bool(struct buf *b, const char *key, bool v)
{
	mp_add_strz(b, key);
	mp_add_bool(b, v);
}

void
mp_pair_uint(struct buf *b, const char *key, uint64_t v)
{
	mp_add_strz(b, key);
	mp_add_uint(b, v);
}

void
mp_pair_double(struct buf *b, const char *key, double v)
{
	mp_add_strz(b, key);
	mp_add_double(b, v);
}

void
mp_pair_text(struct buf *b, const char *key, const char *v)
{
	mp_add_strz(b, key);
	mp_add_text(b, v);
}

void
mp_add_str(struct buf *b, const void *s, size_t n)
{
	if (n > UINT32_MAX) {
		b->err = b->err ? b->err : BX_ELIMIT;
		return;
	}
	MP_ADD(mp_put_str_header(p, (uint32_t)n));
	buf_put(b, s, n);
}

void
mp_add_strz(struct buf *b, const char *s)
{
	mp_add_str(b, s, strlen(s));
}

void
mp_add_bin(struct buf *b, const void *s, size_t n)
{
	if (n > UINT32_MAX) {
		b->err = b->err ? b->err : BX_ELIMIT;
		return;
	}
	MP_ADD(mp_put_bin_header(p, (uint32_t)n));
	buf_put(b, s, n);
}

static bool
take_uint(struct mp_token *t, uint64_t v)
{
	t->kind = MP_UINT;
	t->u = v;
	return true;
}

static bool
take_int(struct mp_token *t, int64_t v)
{
	if (v >= 0)
		return take_uint(t, (uint64_t)v);
	t->kind = MP_INT;
	t->i = v;
	return true;
}

static bool
take_bytes(struct cursor *c, struct mp_token *t, enum mp_kind kind, uint32_t n)
{
	t->kind = kind;
	t->len = n;
	t->data = cursor_take(c, n);
	return t->data != NULL;
}

static bool
take_ext(struct cursor *c, struct mp_token *t, uint32_t n)
{
	t->ext = (int8_t)cursor_u8(c);
	return take_bytes(c, t, MP_EXT, n);
}

static bool
take_header(struct mp_token *t, enum mp_kind kind, uint32_t n)
{
	t->kind = kind;
	t->len = n;
	return true;
}

static bool
take_float(struct mp_token *t, uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	t->kind = MP_FLOAT;
	t->single = true;
	t->f = (double)f;
	return true;
}

static bool
next_wide(struct cursor *c, struct mp_token *t, uint8_t b)
{
	switch (b) {
	case 0xc0:
		t->kind = MP_NIL;
		return true;
	case 0xc2:
	case 0xc3:
		t->kind = MP_BOOL;
		t->b = b == 0xc3;
		return true;
	case 0xc4:
		return take_bytes(c, t, MP_BIN, cursor_u8(c));
	case 0xc5:
		return take_bytes(c, t, MP_BIN, cursor_u16be(c));
	case 0xc6:
		return take_bytes(c, t, MP_BIN, cursor_u32be(c));
	case 0xc7:
		return take_ext(c, t, cursor_u8(c));
	case 0xc8:
		return take_ext(c, t, cursor_u16be(c));
	case 0xc9:
		return take_ext(c, t, cursor_u32be(c));
	case 0xca:
		return take_float(t, cursor_u32be(c));
	case 0xcb:
		t->kind = MP_FLOAT;
		t->f = double_of_bits(cursor_u64be(c));
		return true;
	case 0xcc:
		return take_uint(t, cursor_u8(c));
	case 0xcd:
		return take_uint(t, cursor_u16be(c));
	case 0xce:
		return take_uint(t, cursor_u32be(c));
	case 0xcf:
		return take_uint(t, cursor_u64be(c));
	case 0xd0:
		return take_int(t, (int8_t)cursor_u8(c));
	case 0xd1:
		return take_int(t, (int16_t)cursor_u16be(c));
	case 0xd2:
		return take_int(t, (int32_t)cursor_u32be(c));
	case 0xd3:
		return take_int(t, (int64_t)cursor_u64be(c));
	case 0xd4:
	case 0xd5:
	case 0xd6:
	case 0xd7:
	case 0xd8:
		return take_ext(c, t, 1U << (b - 0xd4));
	case 0xd9:
		return take_bytes(c, t, MP_STR, cursor_u8(c));
	case 0xda:
		return take_bytes(c, t, MP_STR, cursor_u16be(c));
	case 0xdb:
		return take_bytes(c, t, MP_STR, cursor_u32be(c));
	case 0xdc:
		return take_header(t, MP_ARRAY, cursor_u16be(c));
	case 0xdd:
		return take_header(t, MP_ARRAY, cursor_u32be(c));
	case 0xde:
		return take_header(t, MP_MAP, cursor_u16be(c));
	case 0xdf:
		return take_header(t, MP_MAP, cursor_u32be(c));
	default: /* 0xc1 */
		cursor_fail(c, BX_EBAD);
		return false;
	}
}

bool
mp_next(struct cursor *c, struct mp_token *t)
{
	const uint8_t *p = cursor_take(c, 1);
	if (!p)
		return false;
	*t = (struct mp_token){0};
	uint8_t b = *p;
	if (b < 0x80)
		return take_uint(t, b);
	if (b < 0x90)
		return take_header(t, MP_MAP, b & 15);
	if (b < 0xa0)
		return take_header(t, MP_ARRAY, b & 15);
	if (b < 0xc0)
		return take_bytes(c, t, MP_STR, b & 31);
	if (b >= 0xe0)
		return take_int(t, (int8_t)b);
	return next_wide(c, t, b) && c->err == BX_OK;
}

/*
 * Skips one whole object without noting where its maps and arrays end: what counts is how many objects are still due in
 * all.  Each case adds a constant of its own, since an address that comes from a predicted branch is known early, and one that comes from
 * a table waits for two loads; the events of a program look alike, so the branches are predicted.  False, and the
 * cursor has not moved: something that mp_next() must read, the end is near, or as many maps and arrays as might lie too deep.
 */
#define AHEAD(n)                                                                                                       \
	p += (n);                                                                                                      \
	__asm__("" : "+r"(p)); /* or the compiler makes a table of it */                                               \
	break;
#define FIX(b, n)                                                                                                      \
	case (b):                                                                                                      \
		AHEAD((n) + 1)
#define FIX4(b, n) FIX((b) + (n), n) FIX((b) + (n) + 1, (n) + 1) FIX((b) + (n) + 2, (n) + 2) FIX((b) + (n) + 3, (n) + 3)
#define CONTAINER(items, header)                                                                                       \
	if (containers-- == 0)                                                                                         \
		return false;                                                                                          \
	due += (items);                                                                                                \
	p += (header);                                                                                                 \
	break;

bool
mp_skip_flat(struct cursor *c, int containers)
{
	/* The longest object here whose length nobody looks at has 33 bytes. */
	const uint8_t *p = c->at, *safe = cursor_left(c) > 40 ? c->end - 40 : c->at;
	for (uint64_t due = 1; due > 0; due--) {
		if (p >= safe)
			return false;
		switch (*p) {
			FIX4(0xa0, 0)
			FIX4(0xa0, 4)
			FIX4(0xa0, 8)
			FIX4(0xa0, 12)
			FIX4(0xa0, 16)
			FIX4(0xa0, 20)
			FIX4(0xa0, 24)
			FIX4(0xa0, 28)
		case 0x00 ... 0x7f:
		case 0xe0 ... 0xff:
		case 0xc0:
		case 0xc2:
		case 0xc3:
			AHEAD(1)
		case 0xcc:
		case 0xd0:
			AHEAD(2)
		case 0xcd:
		case 0xd1:
			AHEAD(3)
		case 0xca:
		case 0xce:
		case 0xd2:
			AHEAD(5)
		case 0xcb:
		case 0xcf:
		case 0xd3:
			AHEAD(9)
		case 0xd9:
		case 0xc4:
			if (p[1] > (size_t)(c->end - p) - 2)
				return false;
			p += 2 + (size_t)p[1];
			break;
		case 0xda:
		case 0xc5:
			if (get_u16be(p + 1) > (size_t)(c->end - p) - 3)
				return false;
			p += 3 + (size_t)get_u16be(p + 1);
			break;
		case 0x80 ... 0x8f:
			CONTAINER(2 * (*p & 15U), 1)
		case 0x90 ... 0x9f:
			CONTAINER(*p & 15U, 1)
		case 0xde:
			CONTAINER(2 * (uint64_t)get_u16be(p + 1), 3)
		case 0xdc:
			CONTAINER(get_u16be(p + 1), 3)
		default:
			return false;
		}
	}
	c->at = p;
	return true;
}

enum { MISSES_MAX = 8 }; /* a miss has walked in vain: whoever chose the bytes could have it happen at each level */

bool
mp_skip_within(struct cursor *c, int depth_max)
{
	uint64_t due[MP_DEPTH_MAX + 1]; /* objects still to come, of each container that we are in */
	int depth = 0, misses = c->err == BX_OK ? 0 : MISSES_MAX;
	due[0] = 1;
	for (;;) {
		while (due[depth] == 0)
			if (depth-- == 0)
				return true;
		due[depth]--;
		if (misses < MISSES_MAX) {
			if (mp_skip_flat(c, depth_max - depth))
				continue;
			misses++;
		}
		struct mp_token t;
		if (!mp_next(c, &t))
			return false;
		if (t.kind != MP_ARRAY && t.kind != MP_MAP)
			continue;
		uint64_t n = t.kind == MP_MAP ? 2 * (uint64_t)t.len : t.len;
		if (n > cursor_left(c)) { /* every object is a byte at least */
			cursor_fail(c, BX_ESHORT);
			return false;
		}
		if (depth >= depth_max) {
			cursor_fail(c, BX_ELIMIT);
			return false;
		}
		due[++depth] = n;
	}
}

bool
mp_skip(struct cursor *c)
{
	return mp_skip_within(c, MP_DEPTH_MAX);
}

bool
mp_is_one_map(const void *p, size_t n)
{
	struct cursor c;
	cursor_init(&c, p, n);
	if (n == 0)
		return false;
	uint8_t b = *c.at;
	if ((b & 0xf0) != 0x80 && b != 0xde && b != 0xdf)
		return false;
	return mp_skip(&c) && cursor_left(&c) == 0;
}

bool
mp_is_one_map_in(const void *p, size_t n, size_t room)
{
	struct cursor c;
	const uint8_t *start = p;
	cursor_init(&c, start, room);
	if (n == 0 || ((*start & 0xf0) != 0x80 && *start != 0xde) || !mp_skip_flat(&c, MP_DEPTH_MAX))
		return mp_is_one_map(p, n);
	return c.at == start + n; /* where it ends does not depend on what lies behind */
}

/* Continuation bytes that follow a lead byte, and the range that the first of them must lie in (RFC 3629, table). */
static int
utf8_follow(uint8_t lead, uint8_t *low, uint8_t *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (lead == 0xe0)
			*low = 0xa0;
		if (lead == 0xed)
			*high = 0x9f;
		return 2;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (lead == 0xf0)
			*low = 0x90;
		if (lead == 0xf4)
			*high = 0x8f;
		return 3;
	}
	return -1;
}

bool
mp_is_utf8(const void *p, size_t n)
{
	const uint8_t *s = p;
	const uint8_t *end = s + n;
	while (s < end) {
		while ((size_t)(end - s) >= 8) { /* most text is ASCII: eight bytes at a time */
			if (get_u64le(s) & 0x8080808080808080ULL)
				break;
			s += 8;
		}
		if (s == end)
			break;
		uint8_t lead = *s++;
		if (lead < 0x80)
			continue;
		uint8_t low, high;
		int follow = utf8_follow(lead, &low, &high);
		if (follow < 0 || follow > end - s || *s < low || *s > high)
			return false;
		s++;
		while (--follow > 0)
			if ((*s++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}
