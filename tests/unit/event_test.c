/* SPDX-License-Identifier: ISC */
/* event: any order, anything missing, anything odd, and every truncation. */
#include "libbx/core/event.h"

#include "libbx/core/mp.h"
#include "tests/unit/unit.h"

enum { KEYS = 9 };
static const char *const keys[KEYS] = {"id", "type", "host", "pid", "start", "end", "body", "span", "parent"};

static void
add_value(struct buf *b, int key)
{
	switch (key) {
	case 3:
		mp_add_uint(b, 4711);
		break;
	case 4:
		mp_add_double(b, 1000.25);
		break;
	case 5:
		mp_add_double(b, 1000.5);
		break;
	case 6:
		mp_add_map(b, 1);
		mp_add_strz(b, "k");
		mp_add_array(b, 2);
		mp_add_nil(b);
		mp_add_map(b, 0);
		break;
	default:
		buf_putc(b, (char)(0xa0 | (strlen(keys[key]) + 2)));
		buf_printf(b, "v-%s", keys[key]);
		break;
	}
}

/* An event with these keys in this order. */
static void
build(struct buf *b, const int *order, int count)
{
	buf_clear(b);
	mp_add_map(b, (uint32_t)count);
	for (int i = 0; i < count; i++) {
		mp_add_strz(b, keys[order[i]]);
		add_value(b, order[i]);
	}
	assert_int_equal(b->err, BX_OK);
}

static void
assert_text(struct bytes got, const char *expected)
{
	if (!expected) {
		assert_null(got.p);
		assert_int_equal(got.n, 0);
		return;
	}
	if (got.n != strlen(expected) || memcmp(got.p, expected, got.n) != 0)
		fail_msg("got '%.*s', expected '%s'", (int)got.n, (const char *)got.p, expected);
}

/* The view of an event that has the keys of this set (bit i: keys[i]). */
static void
assert_view(const struct event *ev, unsigned set)
{
	assert_text(ev->id, set & 1 ? "v-id" : NULL);
	assert_int_equal(ev->id_raw.n, set & 1 ? 5 : 0);
	assert_text(ev->type, set & 2 ? "v-type" : NULL);
	assert_text(ev->host, set & 4 ? "v-host" : NULL);
	assert_int_equal(ev->has_pid, (set & 8) != 0);
	assert_int_equal(ev->pid, set & 8 ? 4711 : 0);
	assert_int_equal(ev->has_start, (set & 16) != 0);
	assert_true(ev->start == (set & 16 ? 1000.25 : 0));
	assert_int_equal(ev->has_end, (set & 32) != 0);
	assert_true(ev->end == (set & 32 ? 1000.5 : 0));
	assert_int_equal(ev->body_is_map, (set & 64) != 0);
	assert_int_equal(ev->body.n, set & 64 ? 6 : 0);
	assert_text(ev->span, set & 128 ? "v-span" : NULL);
	assert_text(ev->parent, set & 256 ? "v-parent" : NULL);
}

static bool
next_permutation(int *a, int n)
{
	int i = n - 2;
	while (i >= 0 && a[i] > a[i + 1])
		i--;
	if (i < 0)
		return false;
	int j = n - 1;
	while (a[j] < a[i])
		j--;
	int kept = a[i];
	a[i] = a[j];
	a[j] = kept;
	for (int low = i + 1, high = n - 1; low < high; low++, high--) {
		kept = a[low];
		a[low] = a[high];
		a[high] = kept;
	}
	return true;
}

static void
keys_come_in_every_order(void **state)
{
	(void)state;
	int order[KEYS] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
	struct buf b = {0};
	struct event ev;
	do {
		build(&b, order, KEYS);
		assert_int_equal(event_parse(b.data, b.len, &ev), BX_OK);
		assert_view(&ev, 0x1ff);
		assert_ptr_equal(ev.raw.p, b.data);
		assert_int_equal(ev.raw.n, b.len);
	} while (next_permutation(order, KEYS));
	buf_fini(&b);
}

static void
any_set_of_keys_may_be_missing(void **state)
{
	(void)state;
	struct buf b = {0};
	struct event ev;
	for (unsigned set = 0; set < 1U << KEYS; set++) {
		int order[KEYS], count = 0;
		for (int i = 0; i < KEYS; i++)
			if (set >> i & 1)
				order[count++] = i;
		build(&b, order, count);
		assert_int_equal(event_parse(b.data, b.len, &ev), BX_OK);
		assert_view(&ev, set);
	}
	buf_fini(&b);
}

static void
every_truncation_is_short_and_leaves_an_empty_view(void **state)
{
	(void)state;
	static const int order[KEYS] = {6, 5, 3, 4, 2, 1, 0, 7, 8};
	struct buf b = {0};
	build(&b, order, KEYS);
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		assert_non_null(copy);
		memcpy(copy, b.data, n);
		struct event ev;
		enum bx_err err;
		assert_int_equal(event_parse(copy, n, &ev), BX_ESHORT);
		assert_view(&ev, 0);
		assert_null(ev.raw.p);
		assert_int_equal(event_length(copy, n, &err), 0);
		assert_int_equal(err, BX_ESHORT);
		free(copy);
	}
	buf_fini(&b);
}

static void
length_is_that_of_the_first_map(void **state)
{
	(void)state;
	static const int order[KEYS] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
	struct buf b = {0};
	struct event ev;
	enum bx_err err = BX_EIO;
	build(&b, order, KEYS);
	size_t n = b.len;
	assert_int_equal(event_length(b.data, b.len, &err), n);
	assert_int_equal(err, BX_OK);
	buf_putc(&b, 'x');
	assert_int_equal(event_length(b.data, b.len, NULL), n);
	assert_int_equal(event_parse(b.data, b.len, &ev), BX_EBAD); /* something behind it */
	assert_int_equal(event_length("\x91\x01", 2, &err), 0);
	assert_int_equal(err, BX_EBAD);
	assert_int_equal(event_parse("\x91\x01", 2, &ev), BX_EBAD);
	assert_int_equal(event_length("\xc1", 1, &err), 0);
	assert_int_equal(err, BX_EBAD);
	buf_fini(&b);
}

struct odd {
	const char *what;
	const char *bytes;
	size_t n;
};

/* An event of one key, `key`, and this value. */
static struct event
event_with(struct buf *b, const char *key, const char *value, size_t n)
{
	struct event ev;
	buf_clear(b);
	mp_add_map(b, 1);
	mp_add_strz(b, key);
	buf_put(b, value, n);
	assert_int_equal(event_parse(b->data, b->len, &ev), BX_OK);
	return ev;
}

static void
an_id_of_any_type_is_kept_raw(void **state)
{
	(void)state;
	static const struct odd ids[] = {{"nil", "\xc0", 1}, {"int", "\x2a", 1}, {"float", "\xcb\0\0\0\0\0\0\0\0", 9},
	    {"array", "\x92\x01\x02", 3}, {"map", "\x81\xa1k\x01", 4}, {"ext", "\xd4\x01x", 3}};
	struct buf b = {0};
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct event ev = event_with(&b, "id", ids[i].bytes, ids[i].n);
		assert_null(ev.id.p);
		assert_int_equal(ev.id_raw.n, ids[i].n);
		assert_memory_equal(ev.id_raw.p, ids[i].bytes, ids[i].n);
	}
	struct event ev = event_with(&b, "id", "\xc4\x02\xff\xfe", 4); /* bin */
	assert_int_equal(ev.id.n, 2);
	assert_memory_equal(ev.id.p, "\xff\xfe", 2);
	ev = event_with(&b, "id", "\xa2\xff\xfe", 3); /* a Python 2 client's raw bytes */
	assert_int_equal(ev.id.n, 2);
	buf_fini(&b);
}

static void
a_body_of_any_type_is_kept_raw(void **state)
{
	(void)state;
	struct buf b = {0};
	struct event ev = event_with(&b, "body", "\xc0", 1);
	assert_false(ev.body_is_map);
	assert_int_equal(ev.body.n, 1);
	ev = event_with(&b, "body", "\x80", 1);
	assert_true(ev.body_is_map);
	ev = event_with(&b, "body", "\x91\x80", 2);
	assert_false(ev.body_is_map);
	assert_int_equal(ev.body.n, 2);
	buf_fini(&b);
}

static void
a_value_of_an_unexpected_type_is_absent(void **state)
{
	(void)state;
	struct buf b = {0};
	assert_null(event_with(&b, "type", "\x05", 1).type.p);
	assert_null(event_with(&b, "host", "\xc0", 1).host.p);
	assert_false(event_with(&b, "pid", "\xff", 1).has_pid);
	assert_false(event_with(&b, "pid",
	    "\xa1"
	    "7",
	    2)
			 .has_pid);
	assert_false(event_with(&b, "start", "\xc0", 1).has_start);
	assert_false(event_with(&b, "end",
	    "\xa1"
	    "7",
	    2)
			 .has_end);
	buf_fini(&b);
}

static void
times_may_be_integers_and_single_floats(void **state)
{
	(void)state;
	struct buf b = {0};
	assert_true(event_with(&b, "end", "\xce\x4f\x5f\x6f\x7f", 5).end == (double)0x4f5f6f7f);
	assert_true(event_with(&b, "end", "\xff", 1).end == -1.0);
	assert_true(event_with(&b, "start", "\xca\x3f\xc0\0\0", 5).start == 1.5);
	buf_fini(&b);
}

static void
keys_that_are_no_strings_or_unknown_are_passed_over(void **state)
{
	(void)state;
	static const char bytes[] = "\x86\x01\x02\xc0\xc0\x91\x01\x02\xa3xyz\x05\xc4\x02id\xa1i\xa4type\xa1t";
	struct event ev;
	assert_int_equal(event_parse(bytes, sizeof bytes - 1, &ev), BX_OK);
	assert_text(ev.id, "i"); /* a key written as bin counts */
	assert_text(ev.type, "t");
}

static void
of_a_repeated_key_the_last_one_counts(void **state)
{
	(void)state;
	static const char bytes[] = "\x88\xa2id\xa1x\xa2id\x07\xa3pid\x05\xa3pid\xc0\xa4type\xa1x\xa4type\xa1y"
				    "\xa4span\xa1x\xa4span\xc0";
	struct event ev;
	assert_int_equal(event_parse(bytes, sizeof bytes - 1, &ev), BX_OK);
	assert_null(ev.id.p);
	assert_int_equal(ev.id_raw.n, 1);
	assert_false(ev.has_pid);
	assert_int_equal(ev.pid, 0);
	assert_text(ev.type, "y");
	assert_null(ev.span.p);
}

static void
whatever_parses_is_one_map_also_at_the_depth_limit(void **state)
{
	(void)state;
	for (int depth = MP_DEPTH_MAX - 2; depth <= MP_DEPTH_MAX + 1; depth++) {
		struct buf b = {0};
		struct event ev;
		mp_add_map(&b, 1);
		mp_add_strz(&b, "body");
		for (int i = 1; i < depth; i++)
			mp_add_array(&b, 1);
		mp_add_nil(&b);
		enum bx_err expected = depth <= MP_DEPTH_MAX ? BX_OK : BX_ELIMIT, err;
		assert_int_equal(mp_is_one_map(b.data, b.len), expected == BX_OK);
		assert_int_equal(event_parse(b.data, b.len, &ev), expected);
		event_length(b.data, b.len, &err);
		assert_int_equal(err, expected);
		buf_fini(&b);
	}
}

static void
equal_bytes_are_equal(void **state)
{
	(void)state;
	const uint8_t *p = (const uint8_t *)"abab";
	assert_true(bytes_equal((struct bytes){p, 2}, (struct bytes){p + 2, 2}));
	assert_false(bytes_equal((struct bytes){p, 2}, (struct bytes){p + 1, 2}));
	assert_false(bytes_equal((struct bytes){p, 2}, (struct bytes){p, 3}));
	assert_true(bytes_equal((struct bytes){NULL, 0}, (struct bytes){p, 0}));
}

/* Odd values, keys twice, keys that are none, cut anywhere: the two never disagree. */
static void
a_glance_sees_what_reading_sees(void **state)
{
	(void)state;
	static const char *const files[] = {"event_top.mp", "event_sub.mp", "event_python2.mp", "event_odd.mp"};
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		char path[64];
		uint8_t whole[4096];
		snprintf(path, sizeof path, "tests/golden/%s", files[i]);
		FILE *f = fopen(path, "re");
		assert_non_null(f);
		size_t n = fread(whole, 1, sizeof whole, f);
		fclose(f);
		assert_true(n > 0);
		for (size_t change = 0; n > 0 && change < 3 * n; change++) {
			struct event read, seen;
			size_t read_used = 0, seen_used = 0, len = change < n ? change : n;
			uint8_t before = whole[change % n];
			whole[change % n] ^= change < n ? 0 : change < 2 * n ? 0x01 : 0x40;
			uint8_t *p = malloc(len + 1);
			assert_non_null(p);
			memcpy(p, whole, len);
			enum bx_err err = event_read(p, len, &read, &read_used);
			assert_int_equal(event_glance(p, len, &seen, &seen_used), err);
			assert_int_equal(seen_used, read_used);
			assert_true(bytes_equal(seen.id, read.id) && seen.raw.n == read.raw.n);
			assert_true(seen.has_start == read.has_start && seen.has_end == read.has_end);
			assert_memory_equal(&seen.start, &read.start, sizeof read.start);
			assert_memory_equal(&seen.end, &read.end, sizeof read.end);
			free(p);
			whole[change % n] = before;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_come_in_every_order),
	    cmocka_unit_test(a_glance_sees_what_reading_sees),
	    cmocka_unit_test(any_set_of_keys_may_be_missing),
	    cmocka_unit_test(every_truncation_is_short_and_leaves_an_empty_view),
	    cmocka_unit_test(length_is_that_of_the_first_map),
	    cmocka_unit_test(an_id_of_any_type_is_kept_raw),
	    cmocka_unit_test(a_body_of_any_type_is_kept_raw),
	    cmocka_unit_test(a_value_of_an_unexpected_type_is_absent),
	    cmocka_unit_test(times_may_be_integers_and_single_floats),
	    cmocka_unit_test(keys_that_are_no_strings_or_unknown_are_passed_over),
	    cmocka_unit_test(of_a_repeated_key_the_last_one_counts),
	    cmocka_unit_test(whatever_parses_is_one_map_also_at_the_depth_limit),
	    cmocka_unit_test(equal_bytes_are_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
