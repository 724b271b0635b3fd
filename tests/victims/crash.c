/* SPDX-License-Identifier: ISC */
/* LIBS: -L@B@ -l:libbx.so.1 */
/* crash: ends in the way that it is told, after one line to syslog with which the shim begins to watch. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "include/blueox.h"

static volatile int zero;

static __attribute__((noinline)) void
fault(void)
{
	*(volatile int *)(uintptr_t)(zero + 16) = 1;
}

static void
by_null(void)
{
	fault();
}

static void
by_wild_call(void)
{
	void (*volatile wild)(void) = (void (*)(void))(uintptr_t)(zero + 32);
	wild();
	zero++;
}

static __attribute__((noinline)) int
deeper(int n)
{
	volatile char room[1024];
	room[n % 1024] = (char)n;
	return zero ? room[0] : deeper(n + 1) + room[n % 1024];
}

static void
by_overflow(void)
{
	zero = deeper(0);
}

static void
by_division(void)
{
	zero = (zero + 7) / zero;
}

static void
by_illegal(void)
{
	__builtin_trap();
}

static void
by_bus(void)
{
	int fd = memfd_create("nothing", 0);
	volatile char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	*p = 1;
}

static void
by_abort(void)
{
	abort();
}

static void
by_abort_blocked(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	abort();
}

static void
by_raise(void)
{
	raise(SIGSEGV);
}

static void
by_kill(void)
{
	printf("%d\n", (int)getpid());
	fflush(stdout);
	for (;;)
		pause();
}

static void
by_double_free(void)
{
	char *volatile p = malloc(64);
	free(p);
	free(p); /* NOLINT(clang-analyzer-unix.Malloc): what it is here for */
}

static void
on_user(int number)
{
	(void)number;
	fault();
}

static void
by_handler(void)
{
	signal(SIGUSR1, on_user);
	raise(SIGUSR1);
}

static void
say_and_leave(int number)
{
	(void)number;
	_exit(3);
}

static void
by_own_handler(void)
{
	signal(SIGSEGV, say_and_leave);
	fault();
}

/* As a handler does that wants the core dump: back to the default, and once more. */
static void
say_and_repeat(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static void
by_own_handler_and_again(void)
{
	signal(SIGSEGV, say_and_repeat);
	fault();
}

static void
by_small_stack(void)
{
	static char small[8192];
	stack_t stack = {.ss_sp = small, .ss_size = sizeof small};
	sigaltstack(&stack, NULL);
	fault();
}

/* The smallest that the system allows: the kernel's frame, and little else. */
static void
by_smallest_stack(void)
{
	static char small[64 * 1024];
	stack_t stack = {.ss_sp = small, .ss_size = (size_t)MINSIGSTKSZ};
	sigaltstack(&stack, NULL);
	fault();
}

/* Inside of libbx, in the middle of a call. */
static void
by_bad_text(void)
{
	bx_begin("request");
	bx_set("text", (const char *)(uintptr_t)(zero + 48));
}

static void
by_contexts(void)
{
	bx_begin("request");
	bx_begin(".part");
	fault();
}

static void
by_silent_context(void)
{
	BX_CONTEXT("request", .sample = {".", 0})
	{
		fault();
	}
}

static void
by_trashed_stack(void)
{
	volatile uintptr_t here[1];
	for (int i = 0; i < 24; i++)
		((volatile uintptr_t *)here)[i] = 0x4141414141414141;
	fault();
}

static void *
in_thread(void *how)
{
	syslog(LOG_INFO, "thread");
	(*(void (**)(void))how)();
	return NULL;
}

static void
run_thread(void (*how)(void))
{
	pthread_t thread;
	pthread_create(&thread, NULL, in_thread, &how);
	pthread_join(thread, NULL);
}

static void
by_thread(void)
{
	run_thread(by_null);
}

static void
by_thread_overflow(void)
{
	run_thread(by_overflow);
}

static pthread_barrier_t together;

static void *
at_once(void *unused)
{
	(void)unused;
	syslog(LOG_INFO, "thread");
	pthread_barrier_wait(&together);
	fault();
	return NULL;
}

static void
by_two(void)
{
	pthread_t threads[4];
	pthread_barrier_init(&together, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, at_once, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void
wait_and_say(pid_t child)
{
	int status;
	waitpid(child, &status, 0);
	printf("child: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
	fflush(stdout);
}

static void
by_child(void)
{
	pid_t child = fork();
	if (child == 0)
		fault(); /* NOLINT(clang-analyzer-unix.Vfork): what it is here for */
	wait_and_say(child);
	syslog(LOG_INFO, "parent");
	exit(0);
}

/* The child of a vfork() crashes in the parent's memory; then the parent does. */
static void
by_vfork_child(void)
{
	pid_t child = vfork();
	if (child == 0)
		fault(); /* NOLINT: that a child may not do so is what it is here for */
	wait_and_say(child);
	fault();
}

static const struct {
	const char *name;
	void (*way)(void);
} ways[] = {{"null", by_null}, {"wild-call", by_wild_call}, {"overflow", by_overflow}, {"division", by_division},
    {"illegal", by_illegal}, {"bus", by_bus}, {"abort", by_abort}, {"abort-blocked", by_abort_blocked},
    {"raise", by_raise}, {"kill", by_kill}, {"double-free", by_double_free}, {"handler", by_handler},
    {"own-handler", by_own_handler}, {"own-handler-and-again", by_own_handler_and_again},
    {"small-stack", by_small_stack}, {"smallest-stack", by_smallest_stack}, {"bad-text", by_bad_text},
    {"contexts", by_contexts}, {"silent-context", by_silent_context}, {"trashed-stack", by_trashed_stack},
    {"thread", by_thread}, {"thread-overflow", by_thread_overflow}, {"two", by_two}, {"child", by_child},
    {"vfork-child", by_vfork_child}};

int
main(int argc, char **argv)
{
	syslog(LOG_INFO, "start");
	for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			ways[i].way();
	return 2;
}
