/* SPDX-License-Identifier: ISC */
/* parse: each unit, each limit, and that nothing is written unless the whole text was read. */
#include "libbx/core/parse.h"

#include "tests/unit/unit.h"

static const struct {
	const char *text;
	bool ok;
	uint64_t value;
} uints[] =
    {
	{"0", true, 0},
	{"7", true, 7},
	{"007", true, 7},
	{"18446744073709551615", true, UINT64_MAX},
	{"18446744073709551616", false, 0},
	{"99999999999999999999", false, 0},
	{"", false, 0},
	{"x", false, 0},
	{"1x", false, 0},
	{" 1", false, 0},
	{"1 ", false, 0},
	{"+1", false, 0},
	{"-1", false, 0},
	{"0x10", false, 0},
},
  sizes[] = {
      {"4096", true, 4096},
      {"256k", true, 262144},
      {"256K", true, 262144},
      {"1kb", true, 1024},
      {"1KiB", true, 1024},
      {"64m", true, 67108864},
      {"8g", true, 8589934592ULL},
      {"2T", true, 2199023255552ULL},
      {"5b", true, 5},
      {"0", true, 0},
      {"16777215t", true, 16777215ULL << 40},
      {"16777216t", false, 0},
      {"18014398509481983k", true, 18014398509481983ULL << 10},
      {"18014398509481984k", false, 0},
      {"k", false, 0},
      {"", false, 0},
      {"1.5k", false, 0},
      {"1kk", false, 0},
      {"1 k", false, 0},
      {"-1k", false, 0},
      {"1p", false, 0},
};

static const struct {
	const char *text;
	bool ok;
	int64_t ns;
} durations[] = {
    {"0", true, 0},
    {"2", true, 2000000000},
    {"2s", true, 2000000000},
    {"250ms", true, 250000000},
    {"10us", true, 10000},
    {"5ns", true, 5},
    {"5m", true, 300000000000},
    {"5min", true, 300000000000},
    {"1h", true, 3600000000000},
    {"30d", true, 2592000000000000},
    {"1.5s", true, 1500000000},
    {"0.1", true, 100000000},
    {"0.29s", true, 290000000},
    {"1.000000001s", true, 1000000001},
    {"0.5ns", true, 1},
    {"1.5h", true, 5400000000000},
    {"9223372036s", true, 9223372036000000000},
    {"9223372037s", false, 0},
    {"106752d", false, 0},
    {"9223372036.9s", false, 0},
    {"18446744073709551615ns", false, 0},
    {"", false, 0},
    {"s", false, 0},
    {"1.s", false, 0},
    {".5s", false, 0},
    {"-1s", false, 0},
    {"1S", false, 0},
    {"1 s", false, 0},
    {"1.5.5s", false, 0},
    {"1e3", false, 0},
};

static const struct {
	const char *text;
	bool ok, value;
} bools[] = {
    {"1", true, true},
    {"yes", true, true},
    {"TRUE", true, true},
    {"On", true, true},
    {"0", true, false},
    {"no", true, false},
    {"False", true, false},
    {"OFF", true, false},
    {"", false, false},
    {"2", false, false},
    {"y", false, false},
    {"yes ", false, false},
    {"enable", false, false},
};

static void
unsigned_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(uints); i++) {
		uint64_t v = 4711;
		bool ok = parse_uint(uints[i].text, &v);
		if (ok != uints[i].ok || v != (ok ? uints[i].value : 4711))
			fail_msg("'%s': %s, %llu", uints[i].text, ok ? "taken" : "refused", (unsigned long long)v);
	}
}

static void
sizes_in_powers_of_1024(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		uint64_t v = 4711;
		bool ok = parse_size(sizes[i].text, &v);
		if (ok != sizes[i].ok || v != (ok ? sizes[i].value : 4711))
			fail_msg("'%s': %s, %llu", sizes[i].text, ok ? "taken" : "refused", (unsigned long long)v);
	}
}

static void
durations_in_nanoseconds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(durations); i++) {
		int64_t v = 4711;
		bool ok = parse_duration_ns(durations[i].text, &v);
		if (ok != durations[i].ok || v != (ok ? durations[i].ns : 4711))
			fail_msg("'%s': %s, %lld", durations[i].text, ok ? "taken" : "refused", (long long)v);
	}
}

static void
every_thousandth_is_exact(void **state)
{
	(void)state;
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {{"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"h", 3600000000000}};
	for (size_t u = 0; u < COUNT_OF(units); u++) {
		for (int i = 0; i < 1000; i++) {
			char text[32];
			int64_t v = -1;
			snprintf(text, sizeof text, "3.%03d%s", i, units[u].unit);
			assert_true(parse_duration_ns(text, &v));
			if (v != (3000 + i) * units[u].ns / 1000)
				fail_msg("'%s' is %lld", text, (long long)v);
		}
	}
}

static void
yes_and_no_in_any_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bools); i++) {
		for (int before = 0; before < 2; before++) {
			bool v = before;
			bool ok = parse_bool(bools[i].text, &v);
			if (ok != bools[i].ok || v != (ok ? bools[i].value : (bool)before))
				fail_msg("'%s': %s, %d", bools[i].text, ok ? "taken" : "refused", v);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unsigned_numbers),
	    cmocka_unit_test(sizes_in_powers_of_1024),
	    cmocka_unit_test(durations_in_nanoseconds),
	    cmocka_unit_test(every_thousandth_is_exact),
	    cmocka_unit_test(yes_and_no_in_any_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
