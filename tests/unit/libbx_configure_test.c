/* SPDX-License-Identifier: ISC */
/* libbx_configure_test: what the environment says, and turning recording on and off while others emit. */
#include "tests/unit/libbx_world.h"

#include "libbx/settings.h"

static uint64_t
bad_settings(void)
{
	struct bx_counters c;
	bx_stats(&c);
	return c.bad_settings;
}

TEST(a_value_that_is_not_understood_is_counted_and_the_default_stands)
{
	setenv("BLUEOX_RING_SIZE", "lots", 1);
	setenv("BLUEOX_EVENT_MAX", "-5", 1);
	setenv("BLUEOX_STACKS", "perhaps", 1);
	setenv("TRACEPARENT", "00-what-is-this", 1);
	configure();
	assert_int_equal(bad_settings(), 4);
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->ring_bytes, 256 * 1024);
}

TEST(an_empty_value_is_as_if_it_were_not_set)
{
	for (size_t i = 0; i < bx_setting_count; i++)
		if (strcmp(bx_settings[i].name, "BLUEOX_RUN_DIR") != 0)
			setenv(bx_settings[i].name, "", 1);
	configure();
	assert_int_equal(bad_settings(), 0);
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
}

TEST(the_environment_is_read_once)
{
	setenv("BLUEOX_RING_SIZE", "64k", 1);
	configure();
	bx_shutdown();
	setenv("BLUEOX_RING_SIZE", "128k", 1);
	configure();
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->ring_bytes, 64 * 1024);
}

TEST(the_largest_ring_is_as_large_as_is_said)
{
	setenv("BLUEOX_RING_SIZE", "8m", 1);
	configure();
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->ring_bytes, 4 << 20);
}

TEST(an_event_is_never_larger_than_a_frame_takes)
{
	static char text[900000];
	struct bx_counters c;
	memset(text, 'x', sizeof text - 1);
	setenv("BLUEOX_RING_SIZE", "4m", 1);
	setenv("BLUEOX_EVENT_MAX", "1m", 1);
	configure();
	bx_begin("t");
	bx_set("large", text);
	assert_int_equal(bx_end(), 1);
	bx_stats(&c);
	assert_int_equal(c.fields_left_out, 1);
}

TEST(counters_are_told_also_when_recording_is_off)
{
	struct bx_counters c;
	configure();
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
	bx_shutdown();
	bx_stats(&c);
	assert_int_equal(c.events, 1);
}

TEST(a_program_of_an_older_header_gets_the_counters_that_it_knows)
{
	struct bx_counters c;
	memset(&c, 0xaa, sizeof c);
	configure();
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
	bx__stats(&c, 2 * sizeof(uint64_t));
	assert_int_equal(c.events, 1);
	assert_int_equal(c.dropped_ring_full, 0);
	assert_int_equal(c.dropped_no_ring, 0xaaaaaaaaaaaaaaaaU); /* not touched */
	struct {
		struct bx_counters known;
		uint64_t later;
	} newer = {.later = 7};
	bx__stats(&newer.known, sizeof newer);
	assert_int_equal(newer.known.events, 1);
	assert_int_equal(newer.later, 0);
}

TEST(what_was_open_when_recording_was_turned_off_is_over)
{
	configure();
	bx_begin("before");
	bx_shutdown();
	bx_begin("while_off");
	configure();
	bx_begin("after");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(bx_end(), 0); /* while_off */
	assert_int_equal(bx_end(), 0); /* before */
	assert_null(bx_current());
	bx_begin(".top");
	assert_int_equal(bx_end(), 1);
	const struct seen *seen = look();
	assert_int_equal(seen->count, 2);
	event_of(seen, "after");
	event_of(seen, "top");
	assert_int_equal(seen->rings, 1);
}

TEST(a_handle_from_before_it_was_turned_off_emits_nothing_after)
{
	configure();
	bx_ctx *stopped = bx_new("stopped"), *open = bx_new("open");
	bx_start(open);
	bx_shutdown();
	configure();
	bx_start(stopped);
	bx_begin(".top");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(bx_done(stopped), 0);
	assert_int_equal(bx_done(open), 0);
	const struct seen *seen = look();
	assert_int_equal(seen->count, 1);
	event_of(seen, "top");
}

TEST(a_scope_that_was_open_across_off_and_on_ends_nothing_else)
{
	configure();
	BX_CONTEXT("outer")
	{
		bx_shutdown();
		configure();
		bx_begin("inner");
	}
	assert_non_null(bx_current());
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->count, 1);
}

static atomic_bool stop_emitting;

static void *
emit_until_told(void *arg)
{
	uint64_t *kept = arg;
	while (!atomic_load(&stop_emitting)) {
		BX_CONTEXT("t")
		{
			bx_set("a", 1);
			bx_begin(".sub");
			bx_set("text", "something");
			*kept += (uint64_t)bx_end();
		}
	}
	return NULL;
}

TEST(recording_is_turned_off_and_on_while_threads_emit)
{
	enum { THREADS = 3, ROUNDS = 300 };
	pthread_t threads[THREADS];
	uint64_t kept[THREADS] = {0}, sum = 0;
	struct bx_counters c;
	setenv("BLUEOX_RING_SIZE", "16k", 1);
	configure();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, emit_until_told, &kept[i]), 0);
	for (int i = 0; i < ROUNDS; i++) {
		bx_shutdown();
		assert_false(bx_configured());
		configure();
		bx_stats(&c);
		sched_yield();
	}
	atomic_store(&stop_emitting, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += kept[i];
	}
	bx_stats(&c);
	assert_true(c.events >= sum); /* and the outer ones */
	assert_in_range(c.rings, 0, THREADS);
}

static void *
configure_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++) {
		bx_configure_default();
		bx_shutdown();
	}
	return NULL;
}

TEST(two_threads_configure_and_shut_down_at_once)
{
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, configure_often, NULL), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	configure();
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
}

TEST(shutdown_in_a_forked_child_leaves_the_parent_alone)
{
	configure();
	bx_begin("request");
	pid_t pid = fork();
	if (pid == 0) {
		bx_shutdown();
		bx_shutdown();
		_exit(bx_configured() || bx_end());
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(bx_end(), 1);
}

TEST(a_child_forked_while_another_thread_configures_can_configure)
{
#ifdef __SANITIZE_THREAD__ /* it takes the thread that stayed in the parent for a leak of the child */
	return;
#endif
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, configure_often, NULL), 0);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			alarm((unsigned)(20 * wait_patience()));
			bx_shutdown();
			_exit(bx_configure_default() != 0);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	pthread_join(thread, NULL);
}

static void
shut_down_at_exit(void)
{
	bx_begin("last");
	if (!bx_end())
		_exit(2);
	bx_shutdown();
	bx_shutdown();
}

TEST(shutdown_from_atexit_comes_after_the_last_event)
{
	configure();
	pid_t pid = fork();
	if (pid == 0) {
		atexit(shut_down_at_exit);
		exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	event_of(look(), "last");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_value_that_is_not_understood_is_counted_and_the_default_stands),
	    cmocka_unit_test(an_empty_value_is_as_if_it_were_not_set),
	    cmocka_unit_test(the_environment_is_read_once),
	    cmocka_unit_test(the_largest_ring_is_as_large_as_is_said),
	    cmocka_unit_test(an_event_is_never_larger_than_a_frame_takes),
	    cmocka_unit_test(counters_are_told_also_when_recording_is_off),
	    cmocka_unit_test(a_program_of_an_older_header_gets_the_counters_that_it_knows),
	    cmocka_unit_test(what_was_open_when_recording_was_turned_off_is_over),
	    cmocka_unit_test(a_handle_from_before_it_was_turned_off_emits_nothing_after),
	    cmocka_unit_test(a_scope_that_was_open_across_off_and_on_ends_nothing_else),
	    cmocka_unit_test(recording_is_turned_off_and_on_while_threads_emit),
	    cmocka_unit_test(two_threads_configure_and_shut_down_at_once),
	    cmocka_unit_test(shutdown_in_a_forked_child_leaves_the_parent_alone),
	    cmocka_unit_test(a_child_forked_while_another_thread_configures_can_configure),
	    cmocka_unit_test(shutdown_from_atexit_comes_after_the_last_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
