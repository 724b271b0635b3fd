/* SPDX-License-Identifier: ISC */
/* addr: each form that people write, each mistake told, and the endpoint it becomes. */
#include "libbx/core/addr.h"

#include "tests/unit/unit.h"

enum { NONE = -1 };

static const struct {
	const char *text;
	int default_port;
	const char *endpoint; /* NULL: refused */
	bool local;
} cases[] = {
    {"127.0.0.1:3514", NONE, "tcp://127.0.0.1:3514", true},
    {"master:3514", NONE, "tcp://master:3514", false},
    {"tcp://master:3514", NONE, "tcp://master:3514", false},
    {"localhost:1", NONE, "tcp://localhost:1", true},
    {"[::1]:3514", NONE, "tcp://[::1]:3514", true},
    {"[fe80::1%eth0]:65535", NONE, "tcp://[fe80::1%eth0]:65535", false},
    {"*:3514", NONE, "tcp://*:3514", false},
    {"127.0.0.1:0", NONE, "tcp://127.0.0.1:*", true},
    {"3513", NONE, "tcp://127.0.0.9:3513", true},
    {"0", NONE, "tcp://127.0.0.9:*", true},
    {"master", 3514, "tcp://master:3514", false},
    {"[::1]", 3514, "tcp://[::1]:3514", true},
    {"ipc:///run/x/sock", NONE, "ipc:///run/x/sock", true},
    {"ipc://rel", NONE, "ipc://rel", true},
    {"127.evil.example:1", NONE, "tcp://127.evil.example:1", false},
    {"127.0.0.1.evil.example:1", NONE, "tcp://127.0.0.1.evil.example:1", false},
    {"", NONE, NULL, false},
    {"", 3514, NULL, false},
    {":3514", NONE, NULL, false},
    {"master", NONE, NULL, false},
    {"[::1]", NONE, NULL, false},
    {"master:", NONE, NULL, false},
    {"master:x", NONE, NULL, false},
    {"master:-1", NONE, NULL, false},
    {"master:+1", NONE, NULL, false},
    {"master:65536", NONE, NULL, false},
    {"master:123456", NONE, NULL, false},
    {"master: 1", NONE, NULL, false},
    {"65536", NONE, NULL, false},
    {"::1", NONE, NULL, false},
    {"::1:3514", NONE, NULL, false},
    {"[::1", NONE, NULL, false},
    {"[]:1", NONE, NULL, false},
    {"[::1]3514", NONE, NULL, false},
    {"[::1]x", 3514, NULL, false},
    {"a b:1", NONE, NULL, false},
    {"a/b:1", NONE, NULL, false},
    {"a\n:1", NONE, NULL, false},
    {"ipc://", NONE, NULL, false},
};

static void
every_form_is_read_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct addr a;
		char endpoint[ADDR_ENDPOINT_MAX] = "";
		const char *wrong = addr_parse(cases[i].text, "127.0.0.9", cases[i].default_port, &a);
		if (!wrong != (cases[i].endpoint != NULL))
			fail_msg("'%s': %s", cases[i].text, wrong ? wrong : "taken");
		if (wrong) {
			assert_true(strlen(wrong) > 8);
			continue;
		}
		addr_endpoint(&a, endpoint);
		assert_string_equal(endpoint, cases[i].endpoint);
		if (addr_is_local(&a) != cases[i].local)
			fail_msg("'%s' is %slocal", cases[i].text, cases[i].local ? "not " : "");
	}
}

static void
a_host_or_path_that_is_too_long_is_refused(void **state)
{
	(void)state;
	char text[400];
	struct addr a;
	for (int n = 250; n < 300; n++) {
		snprintf(text, sizeof text, "%0*d:1", n, 0);
		assert_int_equal(addr_parse(text, "x", -1, &a) == NULL, n < ADDR_HOST_MAX);
	}
	for (int n = 90; n < 110; n++) {
		snprintf(text, sizeof text, "ipc://%0*d", n, 0);
		assert_int_equal(addr_parse(text, "x", -1, &a) == NULL, n < 100);
	}
}

static void
the_longest_address_fits_its_endpoint(void **state)
{
	(void)state;
	struct addr a = {.port = 65535};
	char endpoint[ADDR_ENDPOINT_MAX];
	memset(a.host, ':', sizeof a.host - 1);
	addr_endpoint(&a, endpoint);
	assert_int_equal(strlen(endpoint), strlen("tcp://[]:65535") + ADDR_HOST_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_form_is_read_as_written),
	    cmocka_unit_test(a_host_or_path_that_is_too_long_is_refused),
	    cmocka_unit_test(the_longest_address_fits_its_endpoint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
