/* SPDX-License-Identifier: ISC */
/*
 * id: ids and spans in hex.
 *
 * An id is 32 hex digits, the first 8 the time in seconds, so ids sort by age; it has the size and form of a W3C trace
 * id.  A span is 16 hex digits, one event alone.
 */
#ifndef BLUEOX_CORE_ID_H
#define BLUEOX_CORE_ID_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "libbx/core/rand.h"

enum { ID_LEN = 32, SPAN_LEN = 16 };

/* Eight bytes as sixteen hex digits, the most significant first, no NUL. */
static inline void
hex_u64(char out[16], uint64_t v)
{
	/* Spread the nibbles over two words of bytes, then add '0' or 'a' - 10 to all eight at once. */
	for (int half = 0; half < 2; half++) {
		uint64_t x = half ? v & 0xffffffffU : v >> 32;
		x = ((x << 16) | x) & 0x0000ffff0000ffffULL;
		x = ((x << 8) | x) & 0x00ff00ff00ff00ffULL;
		x = ((x << 4) | x) & 0x0f0f0f0f0f0f0f0fULL;
		uint64_t letters = ((x + 0x0606060606060606ULL) >> 4) & 0x0101010101010101ULL;
		x += 0x3030303030303030ULL + letters * ('a' - 10 - '0');
		x = __builtin_bswap64(x);
		memcpy(out + 8 * half, &x, 8);
	}
}

static inline void
id_make(char out[ID_LEN], uint64_t epoch_s, struct rand *r)
{
	hex_u64(out, (epoch_s << 32) | (rand_u64(r) >> 32));
	hex_u64(out + 16, rand_u64(r));
}

static inline uint64_t
span_make(char out[SPAN_LEN], struct rand *r)
{
	uint64_t span;
	while ((span = rand_u64(r)) == 0) /* all zero means "none" to W3C */
		;
	hex_u64(out, span);
	return span;
}

/* Writes n bytes as 2n lower-case hex digits and a NUL. */
void hex_encode(char *out, const void *p, size_t n);

/* Reads 2n hex digits of either case into n bytes.  0, or -1 when a character is no hex digit. */
int hex_decode(void *out, const char *hex, size_t n);

#endif
