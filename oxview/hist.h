/* SPDX-License-Identifier: ISC */
/*
 * hist: how numbers are spread, in a few kilobytes however many they are.
 *
 * A log-linear histogram: each power of two is cut into 128 buckets of the same width, so a bucket is at most 1/128 of
 * the numbers in it wide, and its middle is within 0.4 % (1/256) of every number in it, from the least normal double to
 * the greatest, negative ones too.  After HdrHistogram (Gil Tene) and DDSketch.  Count, sum, least and greatest are exact.
 *
 * Buckets are kept from the least to the greatest one that is used, so numbers of like size cost little.
 */
#ifndef BLUEOX_OXVIEW_HIST_H
#define BLUEOX_OXVIEW_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hist_side {        /* numbers of one sign, by size */
	uint64_t *counts; /* owned */
	uint32_t first, n;
};

/* All zeroes is empty. */
struct hist {
	struct hist_side above, below; /* 0 */
	uint64_t zeroes, count;
	double least, greatest;
	long double sum, sum_rest; /* and what of the numbers was lost to rounding in it */
};

void hist_fini(struct hist *h);

/* What is no finite number is left out.  False: out of memory. */
bool hist_add(struct hist *h, double value);
bool hist_merge(struct hist *to, const struct hist *from);

double hist_mean(const struct hist *h);
/* The least number that `share` of all are not above, to 0.4 %: 0.5 is the median.  0 when it is empty. */
double hist_quantile(const struct hist *h, double share);

size_t hist_bytes(const struct hist *h); /* what it holds in memory besides itself */

/* One bucket after the other, from the least; `at` is 0 to begin with.  Those that are empty are left out. */
struct hist_bucket {
	double from, to; /* from <= x < to; of negative numbers from < x <= to; of zeroes both are 0 */
	uint64_t count;
};
bool hist_next(const struct hist *h, uint64_t *at, struct hist_bucket *out);

#endif
