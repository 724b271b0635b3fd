/* SPDX-License-Identifier: ISC */
/* libbx_stack_test: stacks of other threads while one thread opens libunwind. */
#include "tests/unit/libbx_world.h"

#include <dlfcn.h>

static uint64_t
refused(void)
{
	struct bx_counters c;
	bx_stats(&c);
	return c.stacks_refused;
}

static void *
emit_error(void *unused)
{
	(void)unused;
	bx_begin("t");
	bx_error("demo", NULL, "text");
	bx_end();
	return NULL;
}

static uint64_t refused_meanwhile;
static bool another;

/* In place of libc's: libbx opens libunwind by it. */
void *
dlopen(const char *name, int flags)
{
	void *(*real)(const char *, int);
	*(void **)&real = dlsym(RTLD_NEXT, "dlopen");
	if (another && name && strstr(name, "libunwind")) {
		pthread_t thread;
		another = false;
		assert_int_equal(pthread_create(&thread, NULL, emit_error, NULL), 0);
		pthread_join(thread, NULL); /* it does not wait for us */
		refused_meanwhile = refused();
	}
	return real(name, flags);
}

TEST(who_comes_while_libunwind_is_opened_is_counted)
{
	configure();
	another = true;
	emit_error(NULL);
	assert_false(another);
	assert_int_equal(refused_meanwhile, 1);
	assert_int_equal(refused(), 1); /* the opener has his */
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, emit_error, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(refused(), 1);
	assert_int_equal(look()->count, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_comes_while_libunwind_is_opened_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
