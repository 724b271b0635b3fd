/* SPDX-License-Identifier: ISC */
/*
 * double: the shortest decimal text that reads back as the same number.
 *
 * The algorithm is libstdc++'s std::to_chars; this is the one C++ file, because C has nothing like it (`%.17g` is eight
 * times slower and prints 0.1 as 0.10000000000000001).
 */
#ifndef BLUEOX_OXVIEW_DOUBLE_H
#define BLUEOX_OXVIEW_DOUBLE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DOUBLE_TEXT = 32 };

/* Each writes at most DOUBLE_TEXT bytes, without a NUL, and returns how many.  Infinities and NaN are `inf` and `nan`. */
size_t double_text(char *out, double value);
size_t float_text(char *out, float value);

#ifdef __cplusplus
}
#endif

#endif
