/* SPDX-License-Identifier: ISC */
/* cursor: reading is inline, in the header; what is rare is here. */
#include "libbx/core/cursor.h"

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
