/* SPDX-License-Identifier: ISC */
/* units: durations and counts as people read them. */
#ifndef BLUEOX_OXVIEW_UNITS_H
#define BLUEOX_OXVIEW_UNITS_H

#include <stdbool.h>
#include <stdint.h>

enum { UNITS_TEXT = 40 };

/* `812 us`, `12.3 ms`, `1.23 s`, `2m 05s`, `3h 12m`, `4d 06h`, with three digits where that says something. */
void duration_text(double seconds, bool utf8, char out[UNITS_TEXT]);

/* 1234567 as `1,234,567` */
void count_text(uint64_t n, char out[UNITS_TEXT]);

#endif
