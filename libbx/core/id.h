/* SPDX-License-Identifier: ISC */
/*
 * id: ids and spans in hex.
 *
 * An id is 32 hex digits, the first 8 the time in seconds, so ids sort by age; it has the size and form of a W3C trace
 * id.  A span is 16 hex digits, one event alone.
 */
#ifndef BLUEOX_CORE_ID_H
#define BLUEOX_CORE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "libbx/core/rand.h"

enum { ID_LEN = 32, SPAN_LEN = 16 };

/* Eight bytes as sixteen hex digits, the most significant first, no NUL. */
static inline void
hex_u64(char out[16], uint64_t v)
{
#ifdef __SSE2__
	/* Nibbles into sixteen bytes, then '0' or 'a' - 10 added to each. */
	__m128i bytes = _mm_cvtsi64_si128((long long)__builtin_bswap64(v));
	__m128i low_nibbles = _mm_set1_epi8(15);
	__m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), low_nibbles);
	__m128i digits = _mm_unpacklo_epi8(high, _mm_and_si128(bytes, low_nibbles));
	__m128i letters = _mm_and_si128(_mm_cmpgt_epi8(digits, _mm_set1_epi8(9)), _mm_set1_epi8('a' - 10 - '0'));
	_mm_storeu_si128((__m128i *)(void *)out, _mm_add_epi8(_mm_add_epi8(digits, _mm_set1_epi8('0')), letters));
#else
	static const char digits[] = "0123456789abcdef";
	for (int i = 0; i < 16; i++)
		out[i] = digits[v >> (60 - 4 * i) & 15];
#endif
}

/* An id before it is written; two zeroes are none. */
struct id {
	uint64_t high, low;
};

static inline struct id
id_new(uint64_t epoch_s, struct rand *r)
{
	uint64_t high = (epoch_s << 32) | (rand_u64(r) >> 32);
	return (struct id){high, rand_u64(r)};
}

static inline void
id_hex(char out[ID_LEN], struct id id)
{
	hex_u64(out, id.high);
	hex_u64(out + 16, id.low);
}

static inline uint64_t
span_new(struct rand *r)
{
	uint64_t span = rand_u64(r);
	return span ? span : 1; /* all zero means "none" to W3C */
}

static inline void
id_make(char out[ID_LEN], uint64_t epoch_s, struct rand *r)
{
	id_hex(out, id_new(epoch_s, r));
}

static inline uint64_t
span_make(char out[SPAN_LEN], struct rand *r)
{
	uint64_t span = span_new(r);
	hex_u64(out, span);
	return span;
}

/* Reads 16 hex digits of either case.  False when one is none. */
bool hex_read_u64(const char *hex, uint64_t *out);

/* True, and the id, when a text of n bytes is an id of ours: 32 digits, lower case as we write them, not all zero. */
bool id_read(const char *text, size_t n, struct id *out);

/* Writes n bytes as 2n lower-case hex digits and a NUL. */
void hex_encode(char *out, const void *p, size_t n);

/* Reads 2n hex digits of either case into n bytes.  0, or -1 when a character is no hex digit. */
int hex_decode(void *out, const char *hex, size_t n);

#endif
