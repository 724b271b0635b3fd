/* SPDX-License-Identifier: ISC */
/* hist: against all the numbers themselves, sorted. */
#include "oxview/hist.h"

#include <math.h>

#include "libbx/core/rand.h"
#include "tests/unit/unit.h"

enum { COUNT = 4000 };

static const double shares[] = {0, 0.001, 0.5, 0.9, 0.99, 0.999, 1};

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Numbers of 30 powers of ten, some of them negative, some zero. */
static double
any_number(struct rand *r, unsigned kind)
{
	double size = pow(10, rand_unit(r) * 30 - 15);
	if (kind == 0)
		return rand_unit(r);
	return rand_u64(r) % 10 == 0 ? 0 : rand_u64(r) % 3 == 0 ? -size : size;
}

static void
quantiles_are_right_to_the_stated_error(void **state)
{
	(void)state;
	static double sorted[COUNT];
	for (unsigned kind = 0; kind < 2; kind++) {
		struct rand r = {{1, 2, 3, kind}};
		struct hist h = {0}, halves[2];
		long double sum = 0;
		memset(halves, 0, sizeof halves);
		for (unsigned n = 0; n < COUNT; n++) {
			sorted[n] = any_number(&r, kind);
			sum += (long double)sorted[n];
			assert_true(hist_add(&h, sorted[n]) && hist_add(&halves[n % 2], sorted[n]));
		}
		qsort(sorted, COUNT, sizeof *sorted, by_size);
		assert_true(hist_merge(&halves[0], &halves[1]));
		for (size_t i = 0; i < COUNT_OF(shares); i++) {
			size_t rank = (size_t)ceil(shares[i] * COUNT);
			double exact = sorted[rank ? rank - 1 : 0], got = hist_quantile(&h, shares[i]);
			if (fabs(got - exact) > fabs(exact) / 256)
				fail_msg("quantile %g of kind %u: got %.17g, exact %.17g", shares[i], kind, got, exact);
			assert_true(hist_quantile(&halves[0], shares[i]) == got);
		}
		assert_true(h.least == sorted[0] && h.greatest == sorted[COUNT - 1] && h.count == COUNT);
		assert_true(fabs(hist_mean(&h) - (double)(sum / COUNT)) <= fabs(hist_mean(&h)) * 1e-12);
		hist_fini(&h);
		hist_fini(&halves[0]);
		hist_fini(&halves[1]);
	}
}

static void
every_number_lies_in_its_bucket(void **state)
{
	(void)state;
	static const double odd[] = {
	    0x1p-1022, 0x1p-1074, 0x1.fffffffffffffp1023, 1, 2, 127.99, 128, 0, -0.0, -1, -3.5};
	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		struct hist h = {0};
		struct hist_bucket b;
		uint64_t at = 0;
		assert_true(hist_add(&h, odd[i]));
		assert_true(hist_next(&h, &at, &b));
		assert_int_equal(b.count, 1);
		if (!(b.from <= odd[i] && odd[i] <= b.to))
			fail_msg("%g is not within %g .. %g", odd[i], b.from, b.to);
		assert_false(hist_next(&h, &at, &b));
		assert_true(hist_quantile(&h, 0.5) == odd[i]);
		hist_fini(&h);
	}
}

static void
what_is_no_finite_number_does_not_count(void **state)
{
	(void)state;
	struct hist h = {0};
	assert_true(hist_add(&h, (double)NAN) && hist_add(&h, (double)INFINITY) && hist_add(&h, -(double)INFINITY));
	assert_int_equal(h.count, 0);
	assert_true(hist_quantile(&h, 0.5) == 0 && hist_mean(&h) == 0);
	hist_fini(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quantiles_are_right_to_the_stated_error),
	    cmocka_unit_test(every_number_lies_in_its_bucket),
	    cmocka_unit_test(what_is_no_finite_number_does_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
