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

const uint8_t *cursor_take(struct cursor *c, size_t n); /* borrows n bytes, or NULL and BX_ESHORT */

uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16be(struct cursor *c);
uint32_t cursor_u32be(struct cursor *c);
uint64_t cursor_u64be(struct cursor *c);
uint16_t cursor_u16le(struct cursor *c);
uint32_t cursor_u32le(struct cursor *c);
uint64_t cursor_u64le(struct cursor *c);

#endif
