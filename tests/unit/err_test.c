/* SPDX-License-Identifier: ISC */
/* err: every error has a phrase of its own. */
#include "libbx/core/err.h"

#include "tests/unit/unit.h"

static void
every_error_has_a_phrase_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < BX_ERR_COUNT; i++) {
		assert_non_null(bx_err_text((enum bx_err)i));
		assert_true(strlen(bx_err_text((enum bx_err)i)) > 0);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(bx_err_text((enum bx_err)i), bx_err_text((enum bx_err)j));
	}
}

static void
an_unknown_error_has_a_phrase_too(void **state)
{
	(void)state;
	assert_string_equal(bx_err_text(BX_ERR_COUNT), "unknown error");
	assert_string_equal(bx_err_text((enum bx_err) - 1), "unknown error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_error_has_a_phrase_of_its_own),
	    cmocka_unit_test(an_unknown_error_has_a_phrase_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
