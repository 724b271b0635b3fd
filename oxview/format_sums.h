/* SPDX-License-Identifier: ISC */
/*
 * format_sums: groups and their counts, as lines of JSON, as CSV, or drawn for people.
 *
 *     type          response.status  count  duration.mean  .p50  .p90  .p99  .max
 *     shop.request  200                912        31.2 ms  ...
 *
 *     shop.request  ▁▂▂▃▅█▇▅▃▂▁▁  912, at most 81 in 1m 00s
 *
 *     0.0156 .. 0.0312  ━━━━━━━━━━━━━━━━━━  4,711
 */
#ifndef BLUEOX_OXVIEW_FORMAT_SUMS_H
#define BLUEOX_OXVIEW_FORMAT_SUMS_H

#include "oxview/sums.h"
#include "oxview/term.h"

struct sums_shape {
	enum { SUMS_TEXT, SUMS_JSON, SUMS_CSV } form;
	bool spread;   /* the last number is shown bucket by bucket: --histogram */
	uint64_t most; /* groups; 0: all */
};

/* The sums are finished. */
void format_sums(const struct sums *s, const struct sums_shape *shape, const struct term *term, struct buf *out);

#endif
