/* SPDX-License-Identifier: ISC */
/*
 * double: the shortest decimal text that reads back as the same number.
 *
 * The digits of everyday numbers are found by Dragonbox (Junekey Jeon), in the form that the fmt library has of it; all others
 * are written by libstdc++'s std::to_chars (Ryu), which takes twice as long.  This is a C++ file, because C has nothing
 * like either (`%.17g` is eight times slower and prints 0.1 as 0.10000000000000001).
 */
#ifndef BLUEOX_OXVIEW_DOUBLE_H
#define BLUEOX_OXVIEW_DOUBLE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DOUBLE_TEXT = 40 };

/*
 * Each writes at most DOUBLE_TEXT bytes, without a NUL, and returns how many of them count.  Infinities and NaN are `inf` and
 * `nan`.
 */
size_t double_text(char *out, double value);
size_t float_text(char *out, float value);

/* The same for finite numbers, and behind a whole one stands `.0`, so that it is a float when it is read again. */
size_t double_text_marked(char *out, double value);
size_t float_text_marked(char *out, float value);

#ifdef __cplusplus
}
#endif

#endif
