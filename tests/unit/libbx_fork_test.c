/* SPDX-License-Identifier: ISC */
/* LIBS: -Wl,--export-dynamic-symbol=dl_iterate_phdr -Wl,--export-dynamic-symbol=pthread_once */
/* libbx_fork_test: forks while another thread is inside libunwind, with the loader's lock taken. */
#include "tests/unit/libbx_world.h"

#include <dlfcn.h>
#include <link.h>
#include <linux/futex.h>
#include <sys/syscall.h>

enum { TRIES = 20 };

static struct bx_counters
counters(void)
{
	struct bx_counters c;
	bx_stats(&c);
	return c;
}

static void
emit_error(void)
{
	bx_begin("t");
	bx_error("demo", NULL, "text");
	bx_end();
}

static bool
takes_a_stack(void)
{
	uint64_t refused = counters().stacks_refused;
	emit_error();
	return counters().stacks_refused == refused;
}

/* ---- a thread that is held inside libunwind ---- */

typedef int visit(struct dl_phdr_info *, size_t, void *);

static _Thread_local bool hold_me;
static atomic_bool held, leave;
static bool leaves_a_fork; /* who is held leaves when a fork waits for him */
static atomic_int waits;   /* of a fork, for those inside */

/* The sanitizers' own start comes through these three, before there is anything of theirs. */
#define EARLY __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize("undefined")))

/* In place of libc's: libbx waits by it; and looks at memory by such a call that waits for no time. */
EARLY long
syscall(long number, ...)
{
	long (*real)(long, ...);
	long a[6];
	va_list list;
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	const struct timespec *most = (const struct timespec *)a[3]; /* NOLINT(performance-no-int-to-ptr) */
	if (number == SYS_futex && a[1] == FUTEX_WAIT_PRIVATE && most && (most->tv_sec || most->tv_nsec))
		atomic_fetch_add(&waits, 1);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* With the loader's lock taken. */
static int
hold(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info, (void)size, (void)unused;
	atomic_store(&held, true);
	while (!atomic_load(&leave) && !(leaves_a_fork && atomic_load(&waits)))
		;
	return 1;
}

/* libunwind's own call finds this one first. */
EARLY int
dl_iterate_phdr(visit *callback, void *data)
{
	int (*real)(visit *, void *);
	*(void **)&real = dlsym(RTLD_NEXT, "dl_iterate_phdr");
	if (hold_me)
		real(hold, NULL);
	hold_me = false;
	return real(callback, data);
}

static void *
be_held(void *unused)
{
	(void)unused;
	hold_me = true;
	emit_error();
	return NULL;
}

static pthread_t
hold_one(void)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, be_held, NULL), 0);
	assert_true(comes_true(atomic_load(&held), 20));
	return thread;
}

/* ---- forks ---- */

/* A child that hangs is killed. */
static bool
ends_well(pid_t child)
{
	int status = -1;
	assert_true(child > 0);
	bool ended = comes_true(waitpid(child, &status, WNOHANG) == child, 20);
	if (!ended) {
		print_error("a child has not ended after 20 s\n");
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What a child and a child of that may not do is counted in each. */
static _Noreturn void
live_cut_off(void)
{
	alarm((unsigned)(10 * wait_patience()));
	if (takes_a_stack() || counters().events != 1)
		_exit(1);
	pid_t child = fork();
	if (child == 0) {
		alarm((unsigned)(5 * wait_patience()));
		_exit(takes_a_stack());
	}
	_exit(!ends_well(child));
}

static void
fork_by(pid_t (*how)(void))
{
	configure();
	pthread_t thread = hold_one();
	pid_t child = how();
	if (child == 0)
		live_cut_off();
	bool well = ends_well(child);
	atomic_store(&leave, true);
	pthread_join(thread, NULL);
	assert_true(well);
	assert_true(takes_a_stack()); /* nothing is lost here */
	child = fork();
	if (child == 0)
		_exit(!takes_a_stack());
	assert_true(ends_well(child));
}

TEST(a_child_cut_off_in_the_unwinder_takes_no_stack)
{
	fork_by(fork);
}

TEST(nor_does_one_of_a_fork_that_calls_no_handlers)
{
	fork_by(_Fork);
}

/* ---- a fork waits ---- */

/* Who is inside leaves when the fork waits for him; a fork that does not wait leaves the child without stacks.  Whether it waits
 * long enough is the machine's affair. */
static bool
waits_for_who_is_inside(void)
{
	configure();
	emit_error(); /* opens libunwind: forks wait from now on */
	leaves_a_fork = true;
	pthread_t thread = hold_one();
	pid_t child = fork();
	if (child == 0) {
		alarm((unsigned)(10 * wait_patience()));
		_exit(!takes_a_stack());
	}
	bool well = ends_well(child);
	atomic_store(&leave, true);
	pthread_join(thread, NULL);
	return well;
}

TEST(a_fork_waits_for_who_is_inside)
{
	bool waited = false;
	for (int i = 0; i < TRIES && !waited; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(!waits_for_who_is_inside());
		waited = ends_well(child);
	}
	assert_true(waited);
}

static void *
try_one(void *took)
{
	*(bool *)took = takes_a_stack();
	return NULL;
}

static bool took_while_forking = true;

static void
try_while_forking(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, try_one, &took_while_forking);
	pthread_join(thread, NULL);
}

TEST(who_comes_while_a_thread_forks_takes_no_stack)
{
	pthread_atfork(try_while_forking, NULL, NULL); /* before libbx sets its own, so it runs behind that */
	configure();
	assert_true(takes_a_stack());
	pid_t child = fork();
	if (child == 0)
		_exit(!takes_a_stack());
	assert_true(ends_well(child));
	assert_false(took_while_forking);
	assert_true(takes_a_stack());
}

/* ---- from a handler in the middle of it ---- */

static bool fork_once, forked_well;

/* As a handler would that comes there: where libunwind sets itself up. */
EARLY int
pthread_once(pthread_once_t *once, void (*routine)(void))
{
	int (*real)(pthread_once_t *, void (*)(void));
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_once");
	if (!fork_once)
		return real(once, routine);
	fork_once = false;
	pid_t child = fork(); /* waits for nobody: it is this thread that is inside */
	if (child == 0) {
		alarm((unsigned)(10 * wait_patience()));
		_exit(takes_a_stack());
	}
	forked_well = ends_well(child) && atomic_load(&waits) == 0;
	return real(once, routine);
}

TEST(a_fork_in_the_middle_of_the_unwinder)
{
	configure();
	fork_once = true;
	assert_true(takes_a_stack());
	assert_false(fork_once);
	assert_true(forked_well);
	assert_true(takes_a_stack());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_child_cut_off_in_the_unwinder_takes_no_stack),
	    cmocka_unit_test(nor_does_one_of_a_fork_that_calls_no_handlers),
	    cmocka_unit_test(a_fork_waits_for_who_is_inside),
	    cmocka_unit_test(who_comes_while_a_thread_forks_takes_no_stack),
	    cmocka_unit_test(a_fork_in_the_middle_of_the_unwinder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
