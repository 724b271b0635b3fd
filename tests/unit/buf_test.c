/* SPDX-License-Identifier: ISC */
/* buf: growth, and every allocation failing in turn. */
/* LIBS: -Wl,--wrap=realloc */
#include "libbx/core/buf.h"

#include "tests/unit/unit.h"

static int allocations_left = -1; /* negative: as many as wanted */

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *
__wrap_realloc(void *p, size_t n)
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	return __real_realloc(p, n);
}

static void
content_survives_growth(void **state)
{
	(void)state;
	struct buf b = {0};
	for (unsigned i = 0; i < 100000; i++)
		buf_putc(&b, (char)(i * 7));
	assert_int_equal(b.err, BX_OK);
	assert_int_equal(b.len, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], (uint8_t)(i * 7));
	buf_fini(&b);
	assert_null(b.data);
	assert_int_equal(b.len + b.cap, 0);
}

static void
every_way_of_appending_appends(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_put(&b, "ab", 2);
	buf_put(&b, NULL, 0);
	buf_puts(&b, "cd");
	buf_putc(&b, 'e');
	buf_printf(&b, "%d-%s", 42, "x");
	memcpy(buf_extend(&b, 2), "yz", 2);
	assert_non_null(buf_reserve(&b, 1000));
	assert_int_equal(b.len, strlen("abcde42-xyz"));
	assert_memory_equal(b.data, "abcde42-xyz", b.len);
	buf_fini(&b);
}

static void
dropping_the_front_moves_the_rest(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_drop_front(&b, 3);
	buf_puts(&b, "abcdef");
	buf_drop_front(&b, 0);
	buf_drop_front(&b, 2);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "cdef", 4);
	buf_drop_front(&b, 99);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void
fill(struct buf *b)
{
	for (int i = 0; i < 40; i++) {
		buf_puts(b, "0123456789abcdef");
		buf_printf(b, "%030d", i);
		buf_putc(b, '.');
	}
}

static void
the_nth_failing_allocation_sticks_and_keeps_what_was_there(void **state)
{
	(void)state;
	struct buf whole = {0};
	fill(&whole);
	int failing = 0;
	for (;; failing++) {
		struct buf b = {0};
		allocations_left = failing;
		fill(&b);
		allocations_left = -1;
		assert_true(b.len <= whole.len);
		if (b.len)
			assert_memory_equal(b.data, whole.data, b.len);
		if (b.err == BX_OK) {
			buf_fini(&b);
			break;
		}
		assert_int_equal(b.err, BX_ENOMEM);
		size_t len = b.len;
		buf_puts(&b, "more"); /* there is memory again, but something is missing already */
		assert_int_equal(b.len, len);
		assert_null(buf_reserve(&b, 0));
		buf_clear(&b);
		buf_puts(&b, "fresh");
		assert_int_equal(b.err, BX_OK);
		assert_memory_equal(b.data, "fresh", 5);
		buf_fini(&b);
	}
	assert_true(failing >= 3);
	buf_fini(&whole);
}

static void
a_size_that_cannot_be_is_out_of_memory(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_puts(&b, "x");
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_int_equal(b.err, BX_ENOMEM);
	assert_int_equal(b.len, 1);
	buf_fini(&b);
}

static void
an_earlier_error_is_kept_by_a_bad_format(void **state)
{
	(void)state;
	struct buf b = {.err = BX_ENOMEM};
	const wchar_t unencodable[] = {(wchar_t)0xd800, 0};
	buf_printf(&b, "%ls", unencodable);
	assert_int_equal(b.err, BX_ENOMEM);
	buf_clear(&b);
	buf_printf(&b, "%ls", unencodable);
	assert_int_equal(b.err, BX_EBAD);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(content_survives_growth),
	    cmocka_unit_test(every_way_of_appending_appends),
	    cmocka_unit_test(dropping_the_front_moves_the_rest),
	    cmocka_unit_test(the_nth_failing_allocation_sticks_and_keeps_what_was_there),
	    cmocka_unit_test(a_size_that_cannot_be_is_out_of_memory),
	    cmocka_unit_test(an_earlier_error_is_kept_by_a_bad_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
