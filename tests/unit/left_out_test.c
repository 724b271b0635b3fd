/* SPDX-License-Identifier: ISC */
/* left_out: what is encoded fits, however many rules there are, and nothing of it is lost. */
#include "oxd/left_out.h"

#include <stdio.h>
#include <string.h>

#include "oxd/source.h"
#include "tests/unit/unit.h"

enum { RULES = 300 };

static const char *const reasons[] = {"rule", "quota", "bad_map", "frame_too_big"};
static char rules[RULES][64];

/* Rule n leaves out n + 1 events of 10 bytes, each reason in turn. */
static void
leave_out(struct left_out *l, const char *host)
{
	for (int n = 0; n < RULES; n++) {
		snprintf(rules[n], sizeof rules[n], "app.module%03d.request where status == 200 : drop", n);
		left_out_add(l, (struct bytes){(const uint8_t *)host, strlen(host)}, reasons[n % 4], rules[n],
		    (uint64_t)n + 1, 10);
	}
}

static void
add_up(const struct buf *b, uint64_t events[4], uint64_t *bytes)
{
	struct cursor c;
	struct left_item item;
	cursor_init(&c, b->data, b->len);
	while (left_out_next(&c, &item)) {
		int reason = 0;
		while (reason < 4 && strcmp(item.reason, reasons[reason]) != 0)
			reason++;
		assert_true(reason < 4);
		events[reason] += item.events;
		*bytes += item.bytes;
	}
	assert_int_equal(c.err, BX_OK);
}

static void
check_sums(const uint64_t events[4], uint64_t bytes)
{
	for (int reason = 0; reason < 4; reason++) {
		uint64_t expected = 0;
		for (int n = reason; n < RULES; n += 4)
			expected += (uint64_t)n + 1;
		assert_int_equal(events[reason], expected);
	}
	assert_int_equal(bytes, 10 * RULES);
}

static void
all_of_a_ring_fits_into_one_record(void **state)
{
	(void)state;
	struct left_out l = {0};
	struct buf out = {0};
	uint64_t events[4] = {0}, bytes = 0;
	size_t at = 0;
	leave_out(&l, "");
	left_out_encode(&l, &at, true, LEFT_OUT_MAX, &out);
	assert_int_equal(at, RULES);
	assert_true(out.len <= LEFT_OUT_MAX);
	add_up(&out, events, &bytes);
	check_sums(events, bytes);
	buf_fini(&out);
	left_out_fini(&l);
}

static void
what_clients_lost_takes_as_many_records_as_it_needs(void **state)
{
	(void)state;
	struct left_out l = {0};
	struct buf out = {0};
	uint64_t events[4] = {0}, bytes = 0;
	size_t at = 0, records = 0;
	leave_out(&l, "web1.example.org");
	while (at < l.count) {
		buf_clear(&out);
		left_out_encode(&l, &at, false, LEFT_OUT_MAX, &out);
		assert_true(out.len > 0 && out.len <= LEFT_OUT_MAX);
		add_up(&out, events, &bytes);
		records++;
	}
	assert_true(records > 1);
	check_sums(events, bytes);
	buf_fini(&out);
	left_out_fini(&l);
}

static void
a_rule_in_the_place_of_one_that_is_gone_is_another(void **state)
{
	(void)state;
	struct left_out l = {0};
	char rule[] = "a : drop";
	left_out_add(&l, (struct bytes){0}, reasons[0], rule, 1, 1);
	left_out_add(&l, (struct bytes){0}, reasons[0], rule, 1, 1);
	assert_int_equal(l.count, 1);
	left_out_outlive_rules(&l);
	rule[0] = 'b';
	left_out_add(&l, (struct bytes){0}, reasons[0], rule, 1, 1);
	assert_int_equal(l.count, 2);
	assert_string_equal(l.items[0].rule, "a : drop");
	assert_string_equal(l.items[1].rule, "b : drop");
	assert_int_equal(l.items[0].events, 2);
	left_out_passed(&l, 1);
	assert_string_equal(l.items[0].rule, "b : drop");
	left_out_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_of_a_ring_fits_into_one_record),
	    cmocka_unit_test(what_clients_lost_takes_as_many_records_as_it_needs),
	    cmocka_unit_test(a_rule_in_the_place_of_one_that_is_gone_is_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
