/* SPDX-License-Identifier: ISC */
/* sort: against a plain sort of everything, for every limit, both ways round. */
#include "oxview/sort.h"

#include "libbx/core/mp.h"
#include "tests/unit/unit.h"

enum { COUNT = 60 };

static struct paths *
path_of(const char *text)
{
	struct filter_error err;
	struct paths *p = paths_parse(text, strlen(text), &err);
	assert_non_null(p);
	return p;
}

/* Event i: value (i * 37) % 17, as a number, a text or not at all. */
static void
add_event(struct buf *b, unsigned i)
{
	unsigned value = i * 37 % 17;
	mp_add_map(b, 5);
	mp_add_strz(b, "type");
	mp_add_strz(b, i % 2 ? "b" : "a");
	mp_add_strz(b, "pid");
	mp_add_uint(b, i);
	mp_add_strz(b, "start");
	mp_add_double(b, 100);
	mp_add_strz(b, "end");
	mp_add_double(b, 100 + value);
	mp_add_strz(b, "body");
	mp_add_map(b, 1);
	mp_add_strz(b, "deep");
	mp_add_map(b, 1);
	mp_add_strz(b, "value");
	if (value < 12)
		mp_add_int(b, (int)value - 5);
	else if (value < 15)
		mp_add_str(b, &"xyz"[value - 12], 1);
	else
		mp_add_nil(b);
}

static void
make_events(struct buf bufs[COUNT], struct event events[COUNT])
{
	for (unsigned i = 0; i < COUNT; i++) {
		bufs[i] = (struct buf){0};
		add_event(&bufs[i], i);
		assert_int_equal(event_parse(bufs[i].data, bufs[i].len, &events[i]), BX_OK);
	}
}

/* Insertion sort, which is stable and plain to see. */
static void
expected_order(const struct event *events, struct paths *field, bool reverse, unsigned out[COUNT])
{
	for (unsigned i = 0; i < COUNT; i++) {
		unsigned at = i;
		struct sort_key key = sort_key_of(&events[i], field);
		for (; at > 0; at--) {
			struct sort_key before = sort_key_of(&events[out[at - 1]], field);
			if (sort_compare(&before, &key, reverse) <= 0)
				break;
			out[at] = out[at - 1];
		}
		out[at] = i;
	}
}

static void
every_limit_gives_the_front_of_the_whole_order(void **state)
{
	(void)state;
	static const char *const fields[] = {
	    "end", "duration", "deep.value", "body.deep.value", "type", "pid", "nothing"};
	struct buf bufs[COUNT];
	struct event events[COUNT];
	make_events(bufs, events);
	for (size_t f = 0; f < COUNT_OF(fields); f++) {
		struct paths *field = path_of(fields[f]);
		for (int reverse = 0; reverse < 2; reverse++) {
			unsigned expected[COUNT];
			expected_order(events, field, reverse, expected);
			for (unsigned limit = 0; limit <= COUNT + 1; limit++) {
				struct sorter s;
				sorter_init(&s, field, reverse, limit, 1 << 20);
				for (unsigned i = 0; i < COUNT; i++)
					assert_true(sorter_add(&s, &events[i]));
				sorter_finish(&s);
				assert_int_equal(s.count, limit && limit < COUNT ? limit : COUNT);
				for (unsigned i = 0; i < s.count; i++) {
					struct event got;
					sorter_get(&s, i, &got);
					if (got.pid != expected[i])
						fail_msg("%s reverse %d limit %u: place %u has event %u, expected %u",
						    fields[f], reverse, limit, i, (unsigned)got.pid, expected[i]);
				}
				sorter_fini(&s);
			}
		}
		paths_free(&field);
	}
	for (unsigned i = 0; i < COUNT; i++)
		buf_fini(&bufs[i]);
}

static void
events_without_the_field_come_last_either_way(void **state)
{
	(void)state;
	struct sort_key number = {.kind = SORT_NUMBER, .number = 1}, none = {.kind = SORT_MISSING};
	struct sort_key text = {.kind = SORT_TEXT, .text = {(const uint8_t *)"a", 1}};
	assert_true(sort_compare(&number, &none, false) < 0);
	assert_true(sort_compare(&number, &none, true) < 0);
	assert_true(sort_compare(&number, &text, false) < 0);
	assert_true(sort_compare(&number, &text, true) > 0);
	assert_int_equal(sort_compare(&none, &none, true), 0);
}

static void
memory_is_bounded_and_the_limit_keeps_within_it(void **state)
{
	(void)state;
	struct buf bufs[COUNT];
	struct event events[COUNT];
	struct sorter s;
	make_events(bufs, events);
	struct paths *end = path_of("end");
	sorter_init(&s, end, false, 0, 4096);
	unsigned taken = 0;
	while (taken < COUNT && sorter_add(&s, &events[taken]))
		taken++;
	assert_true(taken > 5 && taken < COUNT);
	sorter_fini(&s);
	sorter_init(&s, end, false, 5, 4096);
	for (unsigned round = 0; round < 100; round++)
		for (unsigned i = 0; i < COUNT; i++)
			assert_true(sorter_add(&s, &events[i]));
	assert_int_equal(s.count, 5);
	sorter_fini(&s);
	paths_free(&end);
	for (unsigned i = 0; i < COUNT; i++)
		buf_fini(&bufs[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_limit_gives_the_front_of_the_whole_order),
	    cmocka_unit_test(events_without_the_field_come_last_either_way),
	    cmocka_unit_test(memory_is_bounded_and_the_limit_keeps_within_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
