/* SPDX-License-Identifier: ISC */
/*
 * cursor: bounded reading of bytes someone else sent us.
 *
 * A cursor never reads past its end.  The first failure sticks: every later read returns zero and leaves the error
 * alone, so a decoder reads a record straight through and asks cursor_err() once at the end.  The cursor borrows its
 * bytes; pointers it hands out live as long as they do.
 */
#ifndef BLUEOX_CORE_CURSOR_H
#define BLUEOX_CORE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/bytes.h"
#include "libbx/core/err.h"

struct cursor {
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
	enum bx_err err;
};

void cursor_init(struct cursor *c, const void *p, size_t n);
void cursor_fail(struct cursor *c, enum bx_err err); /* keeps an earlier error */

static inline enum bx_err
cursor_err(const struct cursor *c)
{
	return c->err;
}

static inline size_t
cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static inline size_t
cursor_offset(const struct cursor *c)
{
	return (size_t)(c->at - c->start);
}

/* Borrows n bytes, or NULL and BX_ESHORT.  The only place that compares a length with what is left. */
static inline const uint8_t *
cursor_take(struct cursor *c, size_t n)
{
	if (c->err != BX_OK || n > (size_t)(c->end - c->at)) { /* at + n may wrap: n came off the wire */
		cursor_fail(c, BX_ESHORT);
		return NULL;
	}
	const uint8_t *p = c->at;
	c->at += n;
	return p;
}

static inline uint8_t
cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);
	return p ? *p : 0;
}

#define CURSOR_INTEGER(bits, order)                                                                                    \
	static inline uint##bits##_t cursor_u##bits##order(struct cursor *c)                                           \
	{                                                                                                              \
		const uint8_t *p = cursor_take(c, bits / 8);                                                           \
		return p ? get_u##bits##order(p) : 0;                                                                  \
	}

CURSOR_INTEGER(16, be)
CURSOR_INTEGER(32, be)
CURSOR_INTEGER(64, be)
CURSOR_INTEGER(16, le)
CURSOR_INTEGER(32, le)
CURSOR_INTEGER(64, le)

#undef CURSOR_INTEGER

#endif
