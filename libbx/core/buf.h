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

/* Makes room for n more bytes and returns where they go, or NULL with the error set.  len does not move. */
uint8_t *buf_reserve(struct buf *b, size_t n);

/* As buf_reserve, and counts the n bytes as content (their values are whatever the caller writes there). */
uint8_t *buf_extend(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Takes the first n bytes away and moves the rest to the front. */
void buf_drop_front(struct buf *b, size_t n);

#endif
