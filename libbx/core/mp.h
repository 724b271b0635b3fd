/* SPDX-License-Identifier: ISC */
/*
 * mp: MessagePack, written into memory that is there already, and read one token at a time.
 *
 * Source of the format: https://github.com/msgpack/msgpack/blob/master/spec.md.  Writing always takes the shortest
 * form.  Reading trusts nothing: lengths are compared with what is left, nesting is bounded, the reserved byte 0xc1 is
 * malformed.  Decoding to object trees is msgpack-c's business; what is here is what a ring reader or a filter needs,
 * which must not allocate.
 */
#ifndef BLUEOX_CORE_MP_H
#define BLUEOX_CORE_MP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "libbx/core/buf.h"
#include "libbx/core/bytes.h"
#include "libbx/core/cursor.h"

enum { MP_DEPTH_MAX = 64 }; /* maps and arrays inside one another */
enum { MP_HEADER_MAX = 9 }; /* bytes that any scalar, or any header, takes at most */

/*
 * Writers: each writes at p, where the caller has seen to at least MP_HEADER_MAX bytes (and n more for the content of
 * strings), and returns the first byte behind what it wrote.
 */
static inline uint8_t *
mp_put_nil(uint8_t *p)
{
	*p = 0xc0;
	return p + 1;
}

static inline uint8_t *
mp_put_bool(uint8_t *p, bool v)
{
	*p = v ? 0xc3 : 0xc2;
	return p + 1;
}

static inline uint8_t *
mp_put_uint(uint8_t *p, uint64_t v)
{
	if (v < 0x80) {
		*p = (uint8_t)v;
		return p + 1;
	}
	if (v <= UINT8_MAX) {
		p[0] = 0xcc;
		p[1] = (uint8_t)v;
		return p + 2;
	}
	if (v <= UINT16_MAX) {
		p[0] = 0xcd;
		put_u16be(p + 1, (uint16_t)v);
		return p + 3;
	}
	if (v <= UINT32_MAX) {
		p[0] = 0xce;
		put_u32be(p + 1, (uint32_t)v);
		return p + 5;
	}
	p[0] = 0xcf;
	put_u64be(p + 1, v);
	return p + 9;
}

static inline uint8_t *
mp_put_int(uint8_t *p, int64_t v)
{
	if (v >= 0)
		return mp_put_uint(p, (uint64_t)v);
	if (v >= -32) {
		*p = (uint8_t)v;
		return p + 1;
	}
	if (v >= INT8_MIN) {
		p[0] = 0xd0;
		p[1] = (uint8_t)v;
		return p + 2;
	}
	if (v >= INT16_MIN) {
		p[0] = 0xd1;
		put_u16be(p + 1, (uint16_t)v);
		return p + 3;
	}
	if (v >= INT32_MIN) {
		p[0] = 0xd2;
		put_u32be(p + 1, (uint32_t)v);
		return p + 5;
	}
	p[0] = 0xd3;
	put_u64be(p + 1, (uint64_t)v);
	return p + 9;
}

static inline uint8_t *
mp_put_double(uint8_t *p, double v)
{
	p[0] = 0xcb;
	put_u64be(p + 1, bits_of_double(v));
	return p + 9;
}

static inline uint8_t *
mp_put_float(uint8_t *p, float v)
{
	uint32_t u;
	memcpy(&u, &v, sizeof u);
	p[0] = 0xca;
	put_u32be(p + 1, u);
	return p + 5;
}

static inline uint8_t *
mp_put_str_header(uint8_t *p, uint32_t n)
{
	if (n < 32) {
		*p = (uint8_t)(0xa0 | n);
		return p + 1;
	}
	if (n <= UINT8_MAX) {
		p[0] = 0xd9;
		p[1] = (uint8_t)n;
		return p + 2;
	}
	if (n <= UINT16_MAX) {
		p[0] = 0xda;
		put_u16be(p + 1, (uint16_t)n);
		return p + 3;
	}
	p[0] = 0xdb;
	put_u32be(p + 1, n);
	return p + 5;
}

static inline uint8_t *
mp_put_bin_header(uint8_t *p, uint32_t n)
{
	if (n <= UINT8_MAX) {
		p[0] = 0xc4;
		p[1] = (uint8_t)n;
		return p + 2;
	}
	if (n <= UINT16_MAX) {
		p[0] = 0xc5;
		put_u16be(p + 1, (uint16_t)n);
		return p + 3;
	}
	p[0] = 0xc6;
	put_u32be(p + 1, n);
	return p + 5;
}

static inline uint8_t *
mp_put_array_header(uint8_t *p, uint32_t n)
{
	if (n < 16) {
		*p = (uint8_t)(0x90 | n);
		return p + 1;
	}
	if (n <= UINT16_MAX) {
		p[0] = 0xdc;
		put_u16be(p + 1, (uint16_t)n);
		return p + 3;
	}
	p[0] = 0xdd;
	put_u32be(p + 1, n);
	return p + 5;
}

static inline uint8_t *
mp_put_map_header(uint8_t *p, uint32_t n)
{
	if (n < 16) {
		*p = (uint8_t)(0x80 | n);
		return p + 1;
	}
	if (n <= UINT16_MAX) {
		p[0] = 0xde;
		put_u16be(p + 1, (uint16_t)n);
		return p + 3;
	}
	p[0] = 0xdf;
	put_u32be(p + 1, n);
	return p + 5;
}

static inline uint8_t *
mp_put_str(uint8_t *p, const void *s, uint32_t n)
{
	p = mp_put_str_header(p, n);
	if (n)
		memcpy(p, s, n);
	return p + n;
}

/* The same onto a growing buf; an allocation that fails sticks in the buf. */
void mp_add_nil(struct buf *b);
void mp_add_bool(struct buf *b, bool v);
void mp_add_uint(struct buf *b, uint64_t v);
void mp_add_int(struct buf *b, int64_t v);
void mp_add_double(struct buf *b, double v);
void mp_add_str(struct buf *b, const void *s, size_t n);
void mp_add_strz(struct buf *b, const char *s);
void mp_add_bin(struct buf *b, const void *s, size_t n);
void mp_add_text(struct buf *b, const char *s); /* bin where it is not UTF-8, which is all that a str may hold */
void mp_add_array(struct buf *b, uint32_t n);
void mp_add_map(struct buf *b, uint32_t n);

/* A key and its value. */
void mp_pair_bool(struct buf *b, const char *key, bool v);
void mp_pair_uint(struct buf *b, const char *key, uint64_t v);
void mp_pair_double(struct buf *b, const char *key, double v);
void mp_pair_text(struct buf *b, const char *key, const char *v);

enum mp_kind {
	MP_NIL,
	MP_BOOL,
	MP_UINT,  /* an integer >= 0, however it was written */
	MP_INT,   /* an integer < 0 */
	MP_FLOAT, /* 32 or 64 bits */
	MP_STR,
	MP_BIN,
	MP_ARRAY,
	MP_MAP,
	MP_EXT,
};

struct mp_token {
	enum mp_kind kind;
	uint32_t len;        /* str, bin, ext: bytes; array: items; map: pairs */
	int8_t ext;          /* type of an ext */
	bool single;         /* a float that was written in 32 bits */
	const uint8_t *data; /* str, bin, ext: borrowed from the cursor */
	union {
		bool b;
		uint64_t u;
		int64_t i;
		double f;
	};
};

/* Reads one scalar, or one header of an array or map.  False when the cursor has failed. */
bool mp_next(struct cursor *c, struct mp_token *t);

/* Reads past one whole object, content included, without recursion.  False when the cursor has failed. */
bool mp_skip(struct cursor *c);

/* As mp_skip, for an object that lies inside others already: at most this many maps and arrays inside one another. */
bool mp_skip_within(struct cursor *c, int depth_max);

/* The first try of mp_skip_within: false, and nothing happened, where it takes more than a count. */
bool mp_skip_flat(struct cursor *c, int containers);

/* The same, deciding what is a short text or a double without a call. */
static inline bool
mp_skip_quick(struct cursor *c, int depth_max)
{
	size_t left = cursor_left(c), n = left > 9 ? *c->at : 0xc1;
	if ((n & 0xe0) == 0xa0)
		n = 1 + (n & 31);
	else if (n == 0xcb)
		n = 9;
	else if (n == 0xd9)
		n = 2 + (size_t)c->at[1];
	else
		n = n < 0x80 ? 1 : left + 1;
	if (n > left)
		return mp_skip_within(c, depth_max);
	c->at += n;
	return true;
}

/* True when these bytes are exactly one map, whole, and nothing behind it. */
bool mp_is_one_map(const void *p, size_t n);

/* The same, quicker where more bytes may be read behind the n: `room` of them from p on, whatever they are. */
bool mp_is_one_map_in(const void *p, size_t n, size_t room);

/* True when the bytes are valid UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
bool mp_is_utf8(const void *p, size_t n);

/* The same, deciding the common case, ASCII, without a call. */
static inline bool
mp_is_text(const void *p, size_t n)
{
	const uint8_t *s = (const uint8_t *)p;
	uint64_t high = 0;
	if (n >= 8) {
		for (size_t i = 0; i + 8 <= n; i += 8)
			high |= get_u64le(s + i);
		high |= get_u64le(s + n - 8);
	} else if (n >= 4) {
		high = get_u32le(s) | get_u32le(s + n - 4);
	} else if (n > 0) {
		high = (uint64_t)(s[0] | s[n / 2] | s[n - 1]);
	}
	return (high & 0x8080808080808080ULL) == 0 || mp_is_utf8(p, n);
}

static inline bool
mp_str_is(const struct mp_token *t, const char *s)
{
	return t->kind == MP_STR && t->len == strlen(s) && memcmp(t->data, s, t->len) == 0;
}

#endif
