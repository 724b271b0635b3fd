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
