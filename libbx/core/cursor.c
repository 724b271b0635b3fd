/* SPDX-License-Identifier: ISC */
/* cursor: every read goes through cursor_take, which is the only place that compares lengths. */
#include "libbx/core/cursor.h"

#include "libbx/core/bytes.h"

void
cursor_init(struct cursor *c, const void *p, size_t n)
{
	static const uint8_t nothing[1];
	c->start = c->at = n ? p : nothing;
	c->end = c->at + n;
	c->err = BX_OK;
}

void
cursor_fail(struct cursor *c, enum bx_err err)
{
	if (c->err == BX_OK)
		c->err = err;
}

const uint8_t *
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

uint8_t
cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);
	return p ? *p : 0;
}

#define CURSOR_INTEGER(bits, order)                                                                                    \
	uint##bits##_t cursor_u##bits##order(struct cursor *c)                                                         \
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
