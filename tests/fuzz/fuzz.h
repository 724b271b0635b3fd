/* SPDX-License-Identifier: ISC */
/* fuzz: what the fuzz targets share: a check that is never compiled out, and input taken in pieces. */
#ifndef BLUEOX_TESTS_FUZZ_H
#define BLUEOX_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(claim)                                                                                                    \
	do {                                                                                                           \
		if (!(claim)) {                                                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim);                            \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* A copy of exactly n bytes, so that a read past them is seen.  Owned by the caller. */
static inline uint8_t *
exact_copy(const void *p, size_t n)
{
	uint8_t *copy = calloc(1, n ? n : 1);
	MUST(copy != NULL);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

#endif
