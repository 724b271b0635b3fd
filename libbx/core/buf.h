/* SPDX-License-Identifier: ISC */
/*
 * buf: bytes that grow.
 *
 * The first failed allocation sticks: later appends do nothing and buf_err() tells once at the end.  Meant for the
 * programs (oxd, oxview); libbx writes into memory that it owns already.
 */
#ifndef BLUEOX_CORE_BUF_H
#define BLUEOX_CORE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "libbx/core/err.h"

struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	enum bx_err err;
};

/* A buf of all zeroes is valid and empty; buf_fini() frees and leaves it so. */
void buf_fini(struct buf *b);

/* Forgets the content and the error, keeps the memory. */
void buf_clear(struct buf *b);

/* Moves the content to where n more bytes have room: the slow part of buf_reserve(). */
uint8_t *buf_grow(struct buf *b, size_t n);

/* Makes room for n more bytes and returns where they go, or NULL with the error set.  len does not move. */
static inline uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	if (__builtin_expect(
		!b->data || n > b->cap - b->len || b->err != BX_OK, 0)) /* NULL is for errors, not for n = 0 */
		return buf_grow(b, n);
	return b->data + b->len;
}

/* As buf_reserve, and counts the n bytes as content (their values are whatever the caller writes there). */
static inline uint8_t *
buf_extend(struct buf *b, size_t n)
{
	uint8_t *p = buf_reserve(b, n);
	if (p)
		b->len += n;
	return p;
}

static inline void
buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *to = buf_extend(b, n);
	if (to && n)
		memcpy(to, p, n);
}

static inline void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

static inline void
buf_putc(struct buf *b, char c)
{
	uint8_t *to = buf_extend(b, 1);
	if (to)
		*to = (uint8_t)c;
}

void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Takes the first n bytes away and moves the rest to the front. */
void buf_drop_front(struct buf *b, size_t n);

#endif
