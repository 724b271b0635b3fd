/* SPDX-License-Identifier: ISC */
/* libbx_sample_test: which contexts are recorded, in every form that a program or BLUEOX_SAMPLE can ask for. */
#include "tests/unit/libbx_world.h"

enum { MANY = 4000 };

/* Within six standard deviations of what the rate promises. */
static void
assert_near(int got, int of, double rate)
{
	double expected = of * rate, bound = 6 * of * rate * (1 - rate);
	if ((got - expected) * (got - expected) > bound * 6)
		fail_msg("%d of %d at a rate of %g", got, of, rate);
}

static struct bx_counters
counters(void)
{
	struct bx_counters c;
	bx_stats(&c);
	return c;
}

static int
emit_sampled(const char *scope, double rate)
{
	int kept = 0;
	for (int i = 0; i < MANY; i++) {
		bx_ctx *c =
		    bx_new_with(&(struct bx_options){.name = "request", .sample = {.scope = scope, .rate = rate}});
		kept += bx_done(c);
		drain_all();
	}
	return kept;
}

TEST(a_rate_for_the_context_itself_is_drawn_each_time)
{
	configure();
	assert_near(emit_sampled(".", 0.25), MANY, 0.25);
	assert_near(emit_sampled("request", 0.75), MANY, 0.75);
	assert_near(counters().sampled_out, 2 * MANY, 0.5);
}

TEST(rates_of_zero_and_one_are_never_and_always)
{
	configure();
	assert_int_equal(emit_sampled(".", 0), 0);
	assert_int_equal(emit_sampled(".", 1), MANY);
	assert_int_equal(emit_sampled(".", -3), 0);
	assert_int_equal(emit_sampled(".", 17), MANY);
	assert_int_equal(emit_sampled(".", __builtin_nan("")), MANY);
}

TEST(without_a_scope_the_rate_is_not_looked_at)
{
	configure();
	assert_int_equal(emit_sampled(NULL, 0), MANY);
	assert_int_equal(counters().sampled_out, 0);
}

TEST(with_no_such_parent_the_rate_is_for_the_context_itself)
{
	configure();
	assert_near(emit_sampled("..", 0.5), MANY, 0.5);
	assert_near(emit_sampled("^", 0.5), MANY, 0.5);
	assert_near(emit_sampled("nobody", 0.5), MANY, 0.5);
	assert_near(emit_sampled("", 0.5), MANY, 0.5);
}

/* How many of ten sub-events under one parent are recorded; each must be like the first. */
static bool
all_or_none(const char *name, const char *scope, double rate)
{
	int kept = 0;
	for (int i = 0; i < 10; i++)
		kept +=
		    bx_done(bx_new_with(&(struct bx_options){.name = name, .sample = {.scope = scope, .rate = rate}}));
	if (kept != 0 && kept != 10)
		fail_msg("%d of 10 sub-events of one parent", kept);
	return kept != 0;
}

TEST(one_decision_for_each_parent_and_name)
{
	enum { PARENTS = 1000 };
	int a = 0, b = 0, both = 0;
	configure();
	for (int i = 0; i < PARENTS; i++) {
		BX_CONTEXT("request")
		{
			bool first = all_or_none(".memcache", "..", 0.5), other = all_or_none(".sql", "..", 0.5);
			a += first;
			b += other;
			both += first && other;
			assert_int_equal(all_or_none("request.memcache", "..", 0.5), first); /* the same name */
		}
		drain_all();
	}
	assert_near(a, PARENTS, 0.5);
	assert_near(b, PARENTS, 0.5);
	assert_near(both, PARENTS, 0.25); /* names are decided independently */
}

TEST(one_decision_for_each_outermost_context)
{
	enum { PARENTS = 1000 };
	int kept = 0;
	configure();
	for (int i = 0; i < PARENTS; i++) {
		BX_CONTEXT("request")
		{
			bool first = false;
			BX_CONTEXT(".a")
			first = all_or_none("^.memcache", "^", 0.5);
			BX_CONTEXT(".b")
			assert_int_equal(all_or_none("^.memcache", "^", 0.5), first);
			kept += first;
		}
		drain_all();
	}
	assert_near(kept, PARENTS, 0.5);
}

TEST(one_decision_for_each_open_context_of_a_name)
{
	enum { PARENTS = 1000 };
	int kept = 0;
	configure();
	for (int i = 0; i < PARENTS; i++) {
		BX_CONTEXT("job")
		BX_CONTEXT("job.step")
		{
			bool first = false;
			BX_CONTEXT(".x")
			first = all_or_none("^.memcache", "job.step", 0.5);
			BX_CONTEXT(".y")
			assert_int_equal(all_or_none("^.memcache", "job.step", 0.5), first);
			kept += first;
		}
		drain_all();
	}
	assert_near(kept, PARENTS, 0.5);
}

static bool decided;

static void *
decide_on_a_thread(void *arg)
{
	bx_start(arg);
	decided = all_or_none(".memcache", "..", 0.5);
	bx_stop(arg);
	return NULL;
}

TEST(a_decision_holds_wherever_its_parent_goes)
{
	configure();
	for (int i = 0; i < 20; i++) {
		pthread_t thread;
		bx_ctx *request = bx_new("request");
		bx_start(request);
		bool here = all_or_none(".memcache", "..", 0.5);
		bx_stop(request);
		assert_int_equal(pthread_create(&thread, NULL, decide_on_a_thread, request), 0);
		pthread_join(thread, NULL);
		assert_int_equal(decided, here);
		assert_int_equal(bx_done(request), 1);
	}
}

TEST(one_that_is_not_recorded_silences_what_is_below_it)
{
	configure();
	BX_CONTEXT("request", .sample = {".", 0})
	{
		bx_set("a", 1);
		BX_CONTEXT(".sql")
		{
			bx_set("b", 2);
			bx_error("class", "code", "message");
			BX_CONTEXT("request.sql.deep", .sample = {".", 1})
			bx_set("c", 3);
		}
		BX_CONTEXT("^.cache")
		bx_set("d", 4);
		BX_CONTEXT("unrelated")
		bx_set("e", 5);
	}
	assert_int_equal(look()->count, 1);
	event_of(look(), "unrelated"); /* a top of its own lies under nothing */
	assert_int_equal(counters().sampled_out, 1);
	assert_int_equal(counters().fields_ignored, 0);
}

TEST(what_hangs_on_one_that_is_not_recorded_is_not_recorded)
{
	configure();
	BX_CONTEXT("request", .sample = {".", 0})
	BX_CONTEXT("other", .sample = {"request", 1})
	bx_set("a", 1);
	assert_null(bx_current());
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->count, 1);
}

TEST(rules_from_outside_come_first)
{
	int own = 0, mem = 0;
	setenv("BLUEOX_SAMPLE", " request = 0.5 , *.memcache=..:0.25, never=0,half*=50%", 1);
	configure();
	for (int i = 0; i < MANY; i++) {
		bx_begin("request");
		own += bx_end();
		bx_begin("never");
		assert_int_equal(bx_end(), 0);
		bx_begin("front");
		mem += all_or_none(".memcache", ".", 1); /* what the program asks for is overruled */
		assert_int_equal(bx_end(), 1);
		drain_all();
	}
	assert_near(own, MANY, 0.5);
	assert_near(mem, MANY, 0.25);
	assert_int_equal(counters().bad_settings, 0);
}

TEST(rules_that_are_not_understood_are_left_out_and_counted)
{
	setenv("BLUEOX_SAMPLE", "request,=0.5,a=,b=x,c=1.5,d=-1,e=:0.5,f=0.5.5,g=nan,h=0x1,good=0,,", 1);
	configure();
	assert_int_equal(counters().bad_settings, 1);
	bx_begin("good");
	assert_int_equal(bx_end(), 0);
	static const char *const others[] = {"request", "a", "b", "c", "d", "e", "f", "g", "h"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		bx_begin(others[i]);
		assert_int_equal(bx_end(), 1);
	}
}

TEST(too_many_rules_are_too_many)
{
	char text[800] = "";
	for (int i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "name%d=0,", i);
	setenv("BLUEOX_SAMPLE", text, 1);
	configure();
	assert_int_equal(counters().bad_settings, 1);
	bx_begin("name31");
	assert_int_equal(bx_end(), 0);
	bx_begin("name32");
	assert_int_equal(bx_end(), 1);
}

static void *
sampled_out_on_a_thread(void *arg)
{
	(void)arg;
	for (int i = 0; i < 70; i++)
		bx_done(bx_new_with(&(struct bx_options){.name = "t", .sample = {".", 0}}));
	return NULL;
}

TEST(a_thread_leaves_its_count_behind)
{
	pthread_t thread;
	configure();
	assert_int_equal(pthread_create(&thread, NULL, sampled_out_on_a_thread, NULL), 0);
	pthread_join(thread, NULL);
	sampled_out_on_a_thread(NULL);
	assert_int_equal(counters().sampled_out, 140);
	pid_t pid = fork();
	if (pid == 0) {
		sampled_out_on_a_thread(NULL);
		_exit(counters().sampled_out != 70);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_rate_for_the_context_itself_is_drawn_each_time),
	    cmocka_unit_test(rates_of_zero_and_one_are_never_and_always),
	    cmocka_unit_test(without_a_scope_the_rate_is_not_looked_at),
	    cmocka_unit_test(with_no_such_parent_the_rate_is_for_the_context_itself),
	    cmocka_unit_test(one_decision_for_each_parent_and_name),
	    cmocka_unit_test(one_decision_for_each_outermost_context),
	    cmocka_unit_test(one_decision_for_each_open_context_of_a_name),
	    cmocka_unit_test(a_decision_holds_wherever_its_parent_goes),
	    cmocka_unit_test(one_that_is_not_recorded_silences_what_is_below_it),
	    cmocka_unit_test(what_hangs_on_one_that_is_not_recorded_is_not_recorded),
	    cmocka_unit_test(rules_from_outside_come_first),
	    cmocka_unit_test(rules_that_are_not_understood_are_left_out_and_counted),
	    cmocka_unit_test(too_many_rules_are_too_many),
	    cmocka_unit_test(a_thread_leaves_its_count_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
