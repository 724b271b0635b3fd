/* SPDX-License-Identifier: ISC */
/* hist: a bucket's number is the upper bits of the double, which are in the order of the numbers. */
#include "oxview/hist.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/bytes.h"

enum { FRACTION_BITS = 7, LEAST_BUCKETS = 32, ALL_BUCKETS = 2048 << FRACTION_BITS };

static uint32_t
bucket_of(double size)
{
	return (uint32_t)(bits_of_double(size) >> (52 - FRACTION_BITS));
}

static double
lower_edge(uint32_t bucket)
{
	return double_of_bits((uint64_t)bucket << (52 - FRACTION_BITS));
}

void
hist_fini(struct hist *h)
{
	free(h->above.counts);
	free(h->below.counts);
	*h = (struct hist){0};
}

/* Makes room for this bucket, and as much again on the side to which it grows. */
static bool
widen(struct hist_side *s, uint32_t bucket)
{
	uint32_t first = s->first, end = s->first + s->n, more = s->n > LEAST_BUCKETS ? s->n : LEAST_BUCKETS;
	if (s->n == 0)
		first = end = bucket;
	if (bucket < first)
		first = bucket > more / 2 ? bucket - more / 2 : 0;
	if (bucket >= end)
		end = bucket + more / 2 < ALL_BUCKETS ? bucket + more / 2 + 1 : ALL_BUCKETS;
	uint64_t *counts = calloc(end - first, sizeof *counts);
	if (!counts)
		return false;
	if (s->n > 0)
		memcpy(counts + (s->first - first), s->counts, s->n * sizeof *counts);
	free(s->counts);
	s->counts = counts;
	s->first = first;
	s->n = end - first;
	return true;
}

static bool
side_add(struct hist_side *s, uint32_t bucket, uint64_t count)
{
	if (bucket - s->first >= s->n && !widen(s, bucket))
		return false;
	s->counts[bucket - s->first] += count;
	return true;
}

/*
 * The sum and what rounding takes from it (Neumaier), so that the sum of parts is that of the whole: whoever reads a log in two
 * lanes gets the same mean each time.
 */
static void
add_to_sum(struct hist *h, long double value)
{
	long double sum = h->sum + value;
	h->sum_rest += fabsl(h->sum) >= fabsl(value) ? h->sum - sum + value : value - sum + h->sum;
	h->sum = sum;
}

bool
hist_add(struct hist *h, double value)
{
	if (!isfinite(value))
		return true;
	if (value == 0)
		h->zeroes++;
	else if (!side_add(value > 0 ? &h->above : &h->below, bucket_of(fabs(value)), 1))
		return false;
	if (h->count == 0 || value < h->least)
		h->least = value;
	if (h->count == 0 || value > h->greatest)
		h->greatest = value;
	h->count++;
	add_to_sum(h, (long double)value);
	return true;
}

static bool
side_merge(struct hist_side *to, const struct hist_side *from)
{
	for (uint32_t i = 0; i < from->n; i++)
		if (from->counts[i] && !side_add(to, from->first + i, from->counts[i]))
			return false;
	return true;
}

bool
hist_merge(struct hist *to, const struct hist *from)
{
	if (from->count == 0)
		return true;
	if (!side_merge(&to->above, &from->above) || !side_merge(&to->below, &from->below))
		return false;
	if (to->count == 0 || from->least < to->least)
		to->least = from->least;
	if (to->count == 0 || from->greatest > to->greatest)
		to->greatest = from->greatest;
	to->zeroes += from->zeroes;
	to->count += from->count;
	add_to_sum(to, from->sum);
	to->sum_rest += from->sum_rest;
	return true;
}

double
hist_mean(const struct hist *h)
{
	return h->count ? (double)((h->sum + h->sum_rest) / (long double)h->count) : 0;
}

bool
hist_next(const struct hist *h, uint64_t *at, struct hist_bucket *out)
{
	for (; *at < h->below.n; (*at)++) {
		uint32_t i = h->below.n - 1 - (uint32_t)*at;
		if (h->below.counts[i] == 0)
			continue;
		uint32_t bucket = h->below.first + i;
		*out = (struct hist_bucket){-lower_edge(bucket + 1), -lower_edge(bucket), h->below.counts[i]};
		(*at)++;
		return true;
	}
	if (*at == h->below.n) {
		(*at)++;
		if (h->zeroes) {
			*out = (struct hist_bucket){0, 0, h->zeroes};
			return true;
		}
	}
	for (; *at - h->below.n - 1 < h->above.n; (*at)++) {
		uint32_t i = (uint32_t)(*at - h->below.n - 1);
		if (h->above.counts[i] == 0)
			continue;
		uint32_t bucket = h->above.first + i;
		*out = (struct hist_bucket){lower_edge(bucket), lower_edge(bucket + 1), h->above.counts[i]};
		(*at)++;
		return true;
	}
	return false;
}

double
hist_quantile(const struct hist *h, double share)
{
	uint64_t at = 0, rank = (uint64_t)ceil(share * (double)h->count), passed = 0;
	struct hist_bucket b;
	while (hist_next(h, &at, &b)) {
		passed += b.count;
		if (passed < rank)
			continue;
		double middle = b.from / 2 + b.to / 2;
		return middle < h->least ? h->least : middle > h->greatest ? h->greatest : middle;
	}
	return 0;
}

size_t
hist_bytes(const struct hist *h)
{
	return ((size_t)h->above.n + h->below.n) * sizeof(uint64_t);
}
