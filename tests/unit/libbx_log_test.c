/* SPDX-License-Identifier: ISC */
/* LIBS: -Wl,--export-dynamic-symbol=pthread_once */
/* libbx_log_test: log lines, stacks, and when a stack is not taken. */
#include "tests/unit/libbx_world.h"

#include <dlfcn.h>

static struct bx_counters
counters(void)
{
	struct bx_counters c;
	bx_stats(&c);
	return c;
}

/* What stands at a key of an event's body; false when nothing does. */
static bool
field(const struct event *ev, const char *key, struct mp_token *value, struct cursor *behind)
{
	struct mp_token t;
	cursor_init(behind, ev->body.p, ev->body.n);
	assert_true(mp_next(behind, &t) && t.kind == MP_MAP);
	for (uint32_t i = 0, pairs = t.len; i < pairs; i++) {
		assert_true(mp_next(behind, &t));
		if (mp_str_is(&t, key))
			return mp_next(behind, value);
		assert_true(mp_skip(behind));
	}
	return false;
}

/* The error's stack as MessagePack; NULL: it has none. */
static struct bytes
stack_of(const struct event *ev)
{
	struct cursor c;
	struct mp_token t;
	assert_true(field(ev, "error", &t, &c) && t.kind == MP_MAP);
	for (uint32_t i = 0, pairs = t.len; i < pairs; i++) {
		assert_true(mp_next(&c, &t));
		const uint8_t *value = c.at;
		bool found = mp_str_is(&t, "stack");
		assert_true(mp_skip(&c));
		if (found)
			return (struct bytes){value, (size_t)(c.at - value)};
	}
	return (struct bytes){0};
}

static bool
has_stack(const struct event *ev)
{
	return stack_of(ev).p != NULL;
}

TEST(a_log_line_is_a_sub_event)
{
	configure();
	bx_begin("request");
	errno = ENOENT;
	assert_int_equal(bx_log(BX_INFO, "cache", "missed %d times: %m", 3), 1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(bx_end(), 1);
	assert_int_equal(bx_log(BX_NOTICE, NULL, "alone"), 1);
	const struct event *line = event_of(look(), "request.log");
	assert_body(
	    line, "{\"name\":\"cache\",\"level\":\"info\",\"msg\":\"missed 3 times: No such file or directory\"}");
	assert_true(bytes_equal(line->parent, event_of(look(), "request")->span));
	assert_body(event_of(look(), "log"), "{\"level\":\"notice\",\"msg\":\"alone\"}");
}

TEST(errors_carry_their_level_as_code_and_a_stack)
{
	static const char *const words[] = {"emerg", "alert", "crit", "err"};
	configure();
	for (int level = BX_EMERG; level <= BX_ERR; level++)
		assert_int_equal(bx_log((enum bx_level)level, "db", "gone"), 1);
	assert_int_equal(bx_log(BX_WARNING, "db", "slow"), 1);
	const struct seen *seen = look();
	for (int i = 0; i < 4; i++) {
		struct cursor c;
		struct mp_token t;
		assert_true(has_stack(&seen->events[i]));
		assert_true(field(&seen->events[i], "level", &t, &c) && mp_str_is(&t, words[i]));
		assert_true(field(&seen->events[i], "error", &t, &c));
		assert_true(mp_next(&c, &t) && mp_str_is(&t, "class") && mp_next(&c, &t) && mp_str_is(&t, "log"));
		assert_true(mp_next(&c, &t) && mp_str_is(&t, "code") && mp_next(&c, &t) && mp_str_is(&t, words[i]));
	}
	assert_body(&seen->events[4], "{\"name\":\"db\",\"level\":\"warning\",\"msg\":\"slow\"}");
}

TEST(threshold_and_type_are_configured)
{
	configure();
	assert_int_equal(bx_log(BX_DEBUG, "a", "too small"), 0);
	assert_int_equal(bx_log_configure(BX_DEBUG, "audit.line"), 0);
	assert_int_equal(bx_log(BX_DEBUG, "a", "now"), 1);
	assert_int_equal(bx_log_configure(BX_CRIT, NULL), 0);
	assert_int_equal(bx_log(BX_ERR, "a", "too small"), 0);
	assert_int_equal(bx_log(BX_CRIT, "a", "now"), 1);
	assert_int_equal(bx_log((enum bx_level) - 7, "a", "as emerg"), 1);
	assert_int_equal(bx_log((enum bx_level)99, "a", "as debug"), 0);
	const struct seen *seen = look();
	assert_int_equal(seen->count, 3);
	for (int i = 0; i < 3; i++)
		assert_memory_equal(seen->events[i].type.p, "audit.line", 10);
}

TEST(eight_types_in_the_life_of_a_process)
{
	char type[400];
	configure();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 8; i++) {
			snprintf(type, sizeof type, "type%d", i);
			assert_int_equal(bx_log_configure(BX_INFO, type), 0);
		}
	}
	assert_int_equal(bx_log_configure(BX_DEBUG, "ninth"), -1);
	memset(type, 'x', sizeof type);
	type[300] = '\0';
	assert_int_equal(bx_log_configure(BX_DEBUG, type), -1);
	assert_int_equal(bx_log(BX_DEBUG, NULL, "nothing was changed"), 0);
	assert_int_equal(bx_log(BX_INFO, NULL, "still"), 1);
	event_of(look(), "type7");
}

TEST(a_long_message_is_cut_between_characters)
{
	static char text[6000];
	configure();
	for (size_t i = 0; i + 3 < sizeof text; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	for (int shift = 0; shift < 3; shift++)
		assert_int_equal(bx_log(BX_ERR, NULL, "%.*s%s", shift, "abc", text), 1);
	const struct seen *seen = look();
	for (int i = 0; i < 3; i++) {
		struct cursor c;
		struct mp_token t;
		assert_true(field(&seen->events[i], "msg", &t, &c));
		assert_int_equal(t.kind, MP_STR);
		assert_in_range(t.len, 4080, 4096);
	}
}

TEST(unconfigured_it_formats_nothing)
{
	int n = 0;
	assert_int_equal(bx_log(BX_ERR, "a", "%n", &n), 0);
	bx_stack("where");
	configure();
	assert_int_equal(n, 0);
}

static atomic_bool stop;

static void *
log_until_told(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		bx_log(BX_INFO, "thread", "line");
	return NULL;
}

TEST(it_is_configured_while_others_log)
{
	pthread_t thread;
	configure();
	assert_int_equal(pthread_create(&thread, NULL, log_until_told, NULL), 0);
	for (int i = 0; i < 500; i++)
		assert_int_equal(bx_log_configure(i % 2 ? BX_INFO : BX_ERR, i % 3 ? "a" : "b.c"), 0);
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

TEST(a_stack_alone)
{
	struct cursor c;
	struct mp_token t;
	configure();
	bx_begin("t");
	bx_stack("where");
	bx_stack(NULL);
	assert_int_equal(bx_end(), 1);
	bx_stack("nowhere");
	assert_true(field(event_of(look(), "t"), "where", &t, &c) && t.kind == MP_MAP && t.len == 2);
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "modules") && mp_skip(&c));
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "frames") && mp_next(&c, &t) && t.kind == MP_ARRAY);
	assert_in_range(t.len, 2, 64);
}

/* ---- the first stack, and signal handlers ---- */

static void
emit(const char *type)
{
	bx_begin(type);
	bx_error("demo", NULL, "text");
	bx_end();
}

static bool
emit_error(const char *type)
{
	emit(type);
	return has_stack(event_of(look(), type));
}

static int had_stack;

static void
handler(int sig)
{
	(void)sig;
	emit("in_handler");
}

static void
raise_with(int flags, int sig)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};
	sigaction(sig, &sa, NULL);
	raise(sig);
	const struct seen *seen = look(); /* not in the handler: it allocates */
	had_stack = has_stack(&seen->events[seen->count - 1]);
	sa.sa_handler = SIG_DFL;
	sigaction(sig, &sa, NULL);
}

/* libunwind's own call finds this one first: where it sets itself up, once, a signal arrives. */
static bool interrupted;
static void (*set_up)(void);

static void
set_up_interrupted(void)
{
	interrupted = raise(SIGUSR1) == 0;
	set_up();
}

int
pthread_once(pthread_once_t *once, void (*routine)(void))
{
	int (*real)(pthread_once_t *, void (*)(void));
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_once");
	struct sigaction now;
	if (sigaction(SIGUSR1, NULL, &now) != 0 || now.sa_handler != handler || interrupted)
		return real(once, routine);
	set_up = routine;
	return real(once, set_up_interrupted);
}

/* Where the unwinder would wait for itself, for good. */
TEST(a_handler_that_interrupts_the_unwinder_takes_no_stack)
{
	struct sigaction sa = {.sa_handler = handler};
	configure();
	sigaction(SIGUSR1, &sa, NULL);
	assert_true(emit_error("outside"));
	assert_true(interrupted);
	assert_int_equal(counters().stacks_refused, 1);
	raise(SIGUSR1); /* it may when nothing is interrupted */
	assert_int_equal(counters().stacks_refused, 1);
}

TEST(a_handler_does_not_open_the_unwinder)
{
	configure();
	raise_with(0, SIGUSR1);
	assert_int_equal(had_stack, 0);
	assert_int_equal(counters().stacks_refused, 1);
	raise_with(SA_NODEFER, SIGUSR1);
	assert_int_equal(had_stack, 0);
	raise_with((int)SA_RESETHAND, SIGSEGV);
	assert_int_equal(had_stack, 0);
	assert_int_equal(counters().stacks_refused, 3);
	assert_true(emit_error("outside"));
	raise_with(0, SIGUSR1); /* it is open now */
	assert_int_equal(counters().stacks_refused, 3);
}

TEST(a_handler_on_its_own_stack_does_not_open_the_unwinder)
{
	static char memory[256 * 1024];
	stack_t alternate = {.ss_sp = memory, .ss_size = sizeof memory};
	configure();
	assert_int_equal(sigaltstack(&alternate, NULL), 0);
	raise_with((int)SA_ONSTACK | (int)SA_NODEFER, SIGUSR1);
	assert_int_equal(had_stack, 0);
	assert_true(emit_error("outside"));
}

TEST(opened_early_it_serves_handlers_too)
{
	setenv("BLUEOX_STACKS", "early", 1);
	configure();
	raise_with(0, SIGUSR1);
	assert_int_equal(had_stack, 1);
	assert_int_equal(counters().stacks_refused, 0);
}

TEST(a_type_that_is_no_name_is_refused)
{
	configure();
	assert_int_equal(bx_log_configure(BX_DEBUG, ""), -1);
	assert_int_equal(bx_log_configure(BX_DEBUG, "..bad"), -1);
	assert_int_equal(bx_log_configure(BX_DEBUG, "bad."), -1);
	assert_int_equal(bx_log(BX_INFO, NULL, "x"), 1);
	assert_int_equal(bx_log_configure(BX_DEBUG, "^.line"), 0);
	assert_int_equal(bx_log(BX_INFO, NULL, "x"), 1);
	event_of(look(), "line");
}

TEST(an_error_keeps_errno_also_when_it_cannot_be_formatted)
{
	configure();
	bx_begin("t");
	errno = 77;
	bx_error("c", "k", "%ls", (const wchar_t[]){0xd800, 0});
	assert_int_equal(errno, 77);
	assert_int_equal(bx_end(), 1);
}

TEST(a_stack_under_a_key_that_is_too_long_is_left_out)
{
	char key[1026];
	memset(key, 'k', 1025);
	key[1025] = '\0';
	configure();
	bx_begin("t");
	bx_stack(key);
	assert_int_equal(bx_end(), 1);
	assert_body(event_of(look(), "t"), "{\"truncated\":1}");
}

TEST(threads_that_block_all_signals_take_stacks)
{
	sigset_t all;
	for (int sig = 1; sig < 32; sig++) /* cmocka's own */
		signal(sig, SIG_DFL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	configure();
	assert_true(emit_error("worker"));
}

enum { TOGETHER = 24 };
static pthread_barrier_t together;

static void *
report_together(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&together);
	assert_int_equal(bx_log(BX_ERR, "worker", "gone"), 1);
	pthread_barrier_wait(&together);
	return NULL;
}

/* Those for which libunwind keeps a table, and those whose stacks are walked; the second time others may be the first. */
TEST(many_threads_at_once_take_the_same_stack)
{
	pthread_t ids[TOGETHER];
	setenv("BLUEOX_STACKS", "early", 1); /* while libunwind is opened others go without */
	configure();
	pthread_barrier_init(&together, NULL, TOGETHER);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < TOGETHER; i++)
			assert_int_equal(pthread_create(&ids[i], NULL, report_together, NULL), 0);
		for (int i = 0; i < TOGETHER; i++)
			assert_int_equal(pthread_join(ids[i], NULL), 0);
	}
	const struct seen *seen = look();
	struct bytes first = stack_of(&seen->events[0]);
	assert_int_equal(seen->count, 2 * TOGETHER);
	assert_non_null(first.p);
	for (int i = 1; i < seen->count; i++)
		assert_true(bytes_equal(stack_of(&seen->events[i]), first));
}

TEST(without_stacks_there_is_none)
{
	setenv("BLUEOX_STACKS", "0", 1);
	configure();
	assert_false(emit_error("t"));
	assert_int_equal(counters().stacks_refused, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_log_line_is_a_sub_event),
	    cmocka_unit_test(errors_carry_their_level_as_code_and_a_stack),
	    cmocka_unit_test(threshold_and_type_are_configured),
	    cmocka_unit_test(eight_types_in_the_life_of_a_process),
	    cmocka_unit_test(a_long_message_is_cut_between_characters),
	    cmocka_unit_test(unconfigured_it_formats_nothing),
	    cmocka_unit_test(it_is_configured_while_others_log),
	    cmocka_unit_test(a_stack_alone),
	    cmocka_unit_test(a_handler_does_not_open_the_unwinder),
	    cmocka_unit_test(a_handler_on_its_own_stack_does_not_open_the_unwinder),
	    cmocka_unit_test(a_handler_that_interrupts_the_unwinder_takes_no_stack),
	    cmocka_unit_test(opened_early_it_serves_handlers_too),
	    cmocka_unit_test(a_type_that_is_no_name_is_refused),
	    cmocka_unit_test(an_error_keeps_errno_also_when_it_cannot_be_formatted),
	    cmocka_unit_test(a_stack_under_a_key_that_is_too_long_is_left_out),
	    cmocka_unit_test(threads_that_block_all_signals_take_stacks),
	    cmocka_unit_test(many_threads_at_once_take_the_same_stack),
	    cmocka_unit_test(without_stacks_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
