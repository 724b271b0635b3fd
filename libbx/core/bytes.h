/* SPDX-License-Identifier: ISC */
/*
 * bytes: fixed-width integers at any alignment, in a stated byte order.
 *
 * Our own files and frames are little-endian, MessagePack and wire version 3 are big-endian.  Nothing here checks
 * bounds: see cursor.h for bytes that someone else sent.
 */
#ifndef BLUEOX_CORE_BYTES_H
#define BLUEOX_CORE_BYTES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BYTES_INTEGER(bits, order)                                                                                     \
	static inline uint##bits##_t get_u##bits##order(const void *p)                                                 \
	{                                                                                                              \
		uint##bits##_t v;                                                                                      \
		memcpy(&v, p, sizeof v);                                                                               \
		return order##bits##toh(v);                                                                            \
	}                                                                                                              \
	static inline void put_u##bits##order(void *p, uint##bits##_t v)                                               \
	{                                                                                                              \
		v = hto##order##bits(v);                                                                               \
		memcpy(p, &v, sizeof v);                                                                               \
	}

BYTES_INTEGER(16, le)
BYTES_INTEGER(32, le)
BYTES_INTEGER(64, le)
BYTES_INTEGER(16, be)
BYTES_INTEGER(32, be)
BYTES_INTEGER(64, be)

#undef BYTES_INTEGER

/*
 * memcpy for the few bytes that a key or a short text has: two loads and stores that may overlap, no call.  The areas
 * must not overlap each other.
 */
static inline void
copy_short(void *to, const void *from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;
	if (n > 32) {
		memcpy(t, f, n);
	} else if (n >= 16) {
		memcpy(t, f, 16);
		memcpy(t + n - 16, f + n - 16, 16);
	} else if (n >= 8) {
		memcpy(t, f, 8);
		memcpy(t + n - 8, f + n - 8, 8);
	} else if (n >= 4) {
		memcpy(t, f, 4);
		memcpy(t + n - 4, f + n - 4, 4);
	} else if (n > 0) {
		t[0] = f[0];
		t[n / 2] = f[n / 2];
		t[n - 1] = f[n - 1];
	}
}

static inline uint64_t
bits_of_double(double f)
{
	uint64_t u;
	memcpy(&u, &f, sizeof u);
	return u;
}

static inline double
double_of_bits(uint64_t u)
{
	double f;
	memcpy(&f, &u, sizeof f);
	return f;
}

#endif
