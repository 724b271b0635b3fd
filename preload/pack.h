/* SPDX-License-Identifier: ISC */
/*
 * pack: fields of an event, written one after the other where span_open() says.
 *
 * One call into libbx for all of them: a field that libbx sets by itself costs about 20 ns, one that is written here two
 * or three.  What a field takes at most is its key, PACK_MORE, and its text.
 */
#ifndef BLUEOX_PRELOAD_PACK_H
#define BLUEOX_PRELOAD_PACK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "libbx/core/mp.h"

enum { PACK_MORE = MP_HEADER_MAX + 1 }; /* the header of a key, and that of a value or a number */

struct pack {
	uint8_t *at;
	uint32_t count; /* fields so far */
};

/* Keys are literals of at most 31 bytes. */
#define PACK_KEY(pack, key) pack_key((pack), "" key, sizeof(key) - 1)

static inline void
pack_key(struct pack *p, const char *key, size_t n)
{
	*p->at = (uint8_t)(0xa0 | n);
	memcpy(p->at + 1, key, n);
	p->at += 1 + n;
	p->count++;
}

static inline void
pack_uint(struct pack *p, uint64_t value)
{
	p->at = mp_put_uint(p->at, value);
}

static inline void
pack_int(struct pack *p, int64_t value)
{
	p->at = mp_put_int(p->at, value);
}

static inline void
pack_double(struct pack *p, double value)
{
	p->at = mp_put_double(p->at, value);
}

static inline void
pack_true(struct pack *p)
{
	p->at = mp_put_bool(p->at, true);
}

/* Text that is no UTF-8 is written as bytes. */
static inline void
pack_text(struct pack *p, const char *text, size_t n)
{
	p->at = mp_is_text(text, n) ? mp_put_str_header(p->at, (uint32_t)n) : mp_put_bin_header(p->at, (uint32_t)n);
	copy_short(p->at, text, n);
	p->at += n;
}

static inline void
pack_bytes(struct pack *p, const void *bytes, size_t n)
{
	p->at = mp_put_bin_header(p->at, (uint32_t)n);
	memcpy(p->at, bytes, n);
	p->at += n;
}

/* Fields that were packed before. */
static inline void
pack_fields(struct pack *p, const uint8_t *fields, size_t n, uint32_t count)
{
	copy_short(p->at, fields, n);
	p->at += n;
	p->count += count;
}

/* The length of a text that is cut at `max` bytes, without cutting a UTF-8 character in two. */
static inline size_t
pack_cut(const char *text, size_t n, size_t max)
{
	if (n <= max)
		return n;
	n = max;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) /* a continuation byte: back to its start */
		n--;
	return n;
}

#endif
