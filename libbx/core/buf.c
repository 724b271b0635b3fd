/* SPDX-License-Identifier: ISC */
/* buf: doubling growth, sticky out-of-memory. */
#include "libbx/core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->err = BX_OK;
}

uint8_t *
buf_grow(struct buf *b, size_t n)
{
	if (b->err != BX_OK)
		return NULL;
	size_t cap = b->cap ? b->cap : 256;
	while (cap - b->len < n) {
		if (cap > SIZE_MAX / 2) {
			b->err = BX_ENOMEM;
			return NULL;
		}
		cap *= 2;
	}
	uint8_t *data = realloc(b->data, cap);
	if (!data) {
		b->err = BX_ENOMEM;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return b->data + b->len;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0) {
		b->err = b->err ? b->err : BX_EBAD;
	} else {
		uint8_t *to = buf_reserve(b, (size_t)n + 1); /* vsnprintf wants a place for its NUL */
		if (to) {
			vsnprintf((char *)to, (size_t)n + 1, fmt, again);
			b->len += (size_t)n;
		}
	}
	va_end(again);
	va_end(ap);
}

void
buf_drop_front(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n)
		memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}
