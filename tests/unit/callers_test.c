/* SPDX-License-Identifier: ISC */
/* callers: whoever comes, no address has more than half of the places, and one that comes later finds one. */
#include "oxd/callers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { MOST = 20 };

static void
an_address_has_half_of_the_places_at_most(void **state)
{
	(void)state;
	struct callers c = {0};
	for (int fd = 0; fd < MOST / 2; fd++)
		assert_int_equal(callers_come(&c, 1, fd, "10.0.0.1", MOST).fd, -1);
	struct callers_refused refused = callers_come(&c, 1, 99, "10.0.0.1", MOST);
	assert_int_equal(refused.fd, 99);
	assert_string_equal(refused.address, "10.0.0.1");
	assert_int_equal(callers_come(&c, 1, 100, "10.0.0.2", MOST).fd, -1);
	callers_go(&c, 1, 99); /* what was turned away is told of as gone, too */
	assert_int_equal(callers_come(&c, 1, 101, "10.0.0.1", MOST).fd, 101);
	callers_go(&c, 1, 3);
	assert_int_equal(callers_come(&c, 1, 102, "10.0.0.1", MOST).fd, -1);
	assert_int_equal(c.count, MOST / 2 + 1);
	callers_fini(&c);
	assert_int_equal(c.count, 0);
}

static void
where_all_places_are_taken_who_has_the_most_gives_one_up(void **state)
{
	(void)state;
	struct callers c = {0};
	static const char *const hostile[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
	int fd = 0;
	for (; fd < MOST; fd++) /* 7, 7 and 6 of them */
		assert_int_equal(callers_come(&c, 1, fd, hostile[fd % 3], MOST).fd, -1);
	for (int good = 0; good < 4; good++, fd++) {
		struct callers_refused refused = callers_come(&c, 1, fd, "10.0.0.9", MOST);
		assert_true(refused.fd >= 0 && refused.fd < MOST);
		assert_string_not_equal(refused.address, "10.0.0.9");
		assert_int_equal(c.count, MOST);
	}
	assert_int_equal(callers_come(&c, 1, fd, hostile[0], MOST).fd >= 0, true);
	assert_int_equal(c.count, MOST);
	callers_fini(&c);
}

static void
a_descriptor_that_is_used_again_is_another_connection(void **state)
{
	(void)state;
	struct callers c = {0};
	callers_come(&c, 1, 7, "10.0.0.1", MOST);
	callers_come(&c, 2, 7, "10.0.0.2", MOST); /* the first port has not told yet that it went */
	assert_int_equal(c.count, 2);
	callers_go(&c, 1, 7);
	assert_int_equal(c.count, 1);
	callers_come(&c, 2, 7, "10.0.0.3", MOST);
	assert_int_equal(c.count, 1);
	callers_go(&c, 2, 8);
	callers_go(&c, 1, 7);
	assert_int_equal(c.count, 1);
	callers_fini(&c);
}

/* Against plain arrays: whoever comes and goes, in whatever order. */
static void
counts_stay_right_whoever_comes_and_goes(void **state)
{
	(void)state;
	struct callers c = {0};
	int from[200], total = 0, of[5] = {0};
	memset(from, -1, sizeof from);
	srandom(7);
	for (int i = 0; i < 20000; i++) {
		int fd = (int)(random() % 200), who = (int)(random() % 5);
		char address[CALLERS_ADDRESS_MAX] = "10.0.0.0";
		address[7] = (char)('0' + who);
		if (from[fd] >= 0) {
			callers_go(&c, 1, fd);
			total--;
			of[from[fd]]--;
			from[fd] = -1;
		} else {
			struct callers_refused refused = callers_come(&c, 1, fd, address, MOST);
			from[fd] = who;
			of[who]++;
			total++;
			if (refused.fd >= 0) {
				total--;
				of[from[refused.fd]]--;
				from[refused.fd] = -1;
			}
		}
		assert_int_equal(c.count, total);
		assert_true(total <= MOST);
		for (int n = 0; n < 5; n++)
			assert_true(of[n] >= 0 && of[n] <= MOST / 2);
	}
	callers_fini(&c);
}

static void
networks_of_ipv6_count_as_one_address_and_socket_files_as_none(void **state)
{
	(void)state;
	static const struct {
		const char *address, *counted;
	} v6[] = {
	    {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
	    {"2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
	    {"2001:db8:1:3::1", "2001:db8:1:3::/64"},
	    {"::ffff:192.0.2.7", "192.0.2.7"},
	};
	char out[CALLERS_ADDRESS_MAX];
	struct sockaddr_storage from = {.ss_family = AF_UNIX};
	assert_false(callers_address(&from, out));
	for (size_t i = 0; i < sizeof v6 / sizeof *v6; i++) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
		assert_int_equal(inet_pton(AF_INET6, v6[i].address, &in6.sin6_addr), 1);
		memcpy(&from, &in6, sizeof in6);
		assert_true(callers_address(&from, out));
		assert_string_equal(out, v6[i].counted);
	}
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &in4.sin_addr), 1);
	memcpy(&from, &in4, sizeof in4);
	assert_true(callers_address(&from, out));
	assert_string_equal(out, "192.0.2.7");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_has_half_of_the_places_at_most),
	    cmocka_unit_test(where_all_places_are_taken_who_has_the_most_gives_one_up),
	    cmocka_unit_test(a_descriptor_that_is_used_again_is_another_connection),
	    cmocka_unit_test(counts_stay_right_whoever_comes_and_goes),
	    cmocka_unit_test(networks_of_ipv6_count_as_one_address_and_socket_files_as_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
