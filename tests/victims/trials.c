/* SPDX-License-Identifier: ISC */
/*
 * trials: what hosts do to themselves and their children, one by name, as in `trials vfork`.  Each logs lines before and after
 * and prints what it found; tests/e2e/shim_guest states what it prints and which lines become events.
 */
/* LIBS: -pthread */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "tests/wait.h"

static char **arguments;
extern char **environ;

static void
line(const char *text)
{
	syslog(LOG_INFO, "%s", text);
}

static void *
line_in_thread(void *text)
{
	line(text);
	return NULL;
}

static void
line_of_a_new_thread(const char *text)
{
	pthread_t thread;
	int why = pthread_create(&thread, NULL, line_in_thread, (void *)(uintptr_t)text);
	if (why == 0)
		pthread_join(thread, NULL);
	else
		printf("no thread: %s\n", strerror(why));
}

/* Anything but success ends it, with a status of its own. */
static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(3);
}

static void
tell_end(const char *what, pid_t pid)
{
	int status = -1;
	must(pid > 0 && waitpid(pid, &status, 0) == pid, what);
	printf("%s: %d\n", what, status);
}

static void
child(void)
{
	line("child");
	exit(7);
}

/* ---- ways to a child --------------------------------------------------------------------------------------------- */

static char *const child_of_ours[] = {"trials", "child", NULL};

static void
by_posix_spawn(void)
{
	pid_t pid;
	posix_spawn_file_actions_t actions;
	line("before");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 3, "/dev/null", O_RDONLY, 0);
	must(posix_spawn(&pid, arguments[0], &actions, NULL, child_of_ours, environ) == 0, "posix_spawn");
	tell_end("spawned", pid);
	printf("not there: %d\n", posix_spawn(&pid, "/nowhere", NULL, NULL, child_of_ours, environ));
	line("after");
}

static void
by_system(void)
{
	char command[4200];
	line("before");
	snprintf(command, sizeof command, "'%s' child", arguments[0]);
	printf("system: %d\n", system(command)); /* NOLINT(cert-env33-c): that is what is tried */
	FILE *f = popen(command, "r");           /* NOLINT(cert-env33-c) */
	must(f != NULL, "popen");
	printf("popen: %d\n", pclose(f));
	line("after");
}

static void
by_vfork(void)
{
	line("before");
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (pid == 0) {
		execve(arguments[0], child_of_ours, environ);
		_exit(127);
	}
	tell_end("exec", pid);
	pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (pid == 0) {
		execve("/nowhere", child_of_ours, environ);
		line("no exec"); /* in its parent's memory, as real programs do */
		_exit(127);
	}
	tell_end("no exec", pid);
	line("after");
}

/* Nothing of libc is told of this one. */
static void
by_clone(void)
{
	line("before");
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		line("child");
		_exit(7);
	}
	tell_end("clone", pid);
	line("after");
}

/* ---- what it takes away from itself ------------------------------------------------------------------------------ */

static void
close_everything(void)
{
	char found[5] = "";
	line("before");
	closelog();
	must(close_range(3, ~0U, 0) == 0, "close_range");
	int ends[2]; /* the numbers are the host's own from now on */
	must(pipe(ends) == 0, "pipe");
	printf("%d %d\n", ends[0], ends[1]);
	must(write(ends[1], "mine", 4) == 4, "write");
	line("after");
	line_of_a_new_thread("thread");
	must(read(ends[0], found, 4) == 4, "read");
	printf("%s\n", found);
	fflush(stdout);
	close_range(0, ~0U, 0);
	line("with none");
	_exit(6);
}

static void
no_processes(void)
{
	struct rlimit none = {0, 0};
	must(setrlimit(RLIMIT_NPROC, &none) == 0, "RLIMIT_NPROC");
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	printf("fork: %s\n", pid < 0 ? strerror(errno) : "made");
	line("alone");
	line_of_a_new_thread("thread");
	syslog(LOG_ERR, "with a stack");
}

static void
root(void)
{
	line("before");
	must(chroot(arguments[2]) == 0 && chdir("/") == 0, "chroot");
	line("after");
	line_of_a_new_thread("thread");
	pid_t pid = fork();
	if (pid == 0) {
		line("child");
		_exit(7);
	}
	tell_end("child", pid);
}

/* From the start: nothing was logged outside. */
static void
root_first(void)
{
	must(chroot(arguments[2]) == 0 && chdir("/") == 0, "chroot");
	line("inside");
	printf("inside\n");
}

static atomic_bool logged, stop;

static void *
log_before_and_after(void *unused)
{
	(void)unused;
	line("thread before");
	logged = true;
	must(comes_true(stop, 60), "the change of rights");
	line("thread after");
	return NULL;
}

/* As a server that begins as root: ids by the calls that tell every thread, capabilities, and no way back. */
static void
rights(void)
{
	struct __user_cap_header_struct self = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {0};
	pthread_t thread;
	line("before");
	must(pthread_create(&thread, NULL, log_before_and_after, NULL) == 0, "pthread_create");
	must(comes_true(logged, 60), "the thread's line");
	must(setresgid(getgid(), getgid(), getgid()) == 0 && setresuid(getuid(), getuid(), getuid()) == 0, "ids");
	must(prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "prctl");
	must(syscall(SYS_capset, &self, none) == 0, "capset");
	printf("run directory: %s\n", access(arguments[2], R_OK | W_OK | X_OK) == 0 ? "open" : strerror(errno));
	line("after");
	stop = true;
	pthread_join(thread, NULL);
	line_of_a_new_thread("new thread");
	pid_t pid = fork();
	if (pid == 0) {
		line("child");
		_exit(7);
	}
	tell_end("child", pid);
}

/* ---- plugins ----------------------------------------------------------------------------------------------------- */

static void
call_plugin(void *plugin)
{
	must(plugin != NULL, dlerror());
	const char *(*speak)(void);
	*(void **)&speak = dlsym(plugin, "speak");
	must(speak != NULL, "speak");
	printf("%s\n", speak());
}

static void
in_a_namespace_of_its_own(void)
{
	line("before");
	call_plugin(
	    dlmopen(LM_ID_NEWLM, arguments[2], RTLD_NOW | RTLD_LOCAL)); /* with a libc that we are not in front of */
	line("after");
}

/* $ORIGIN is where the caller lies, and dlopen() finds that out by its return address. */
static void
by_origin(void)
{
	line("before");
	call_plugin(dlopen("$ORIGIN/plugins/outer.so", RTLD_NOW | RTLD_LOCAL));
	line("after");
}

static const struct {
	const char *name;
	void (*run)(void);
} trials[] = {
    {"child", child},
    {"clone", by_clone},
    {"close", close_everything},
    {"dlmopen", in_a_namespace_of_its_own},
    {"nproc", no_processes},
    {"origin", by_origin},
    {"rights", rights},
    {"root", root},
    {"root_first", root_first},
    {"spawn", by_posix_spawn},
    {"system", by_system},
    {"vfork", by_vfork},
};

int
main(int argc, char **argv)
{
	arguments = argv;
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; argc >= 2 && i < sizeof trials / sizeof *trials; i++)
		if (strcmp(trials[i].name, argv[1]) == 0) {
			trials[i].run();
			return 5;
		}
	fprintf(stderr, "usage: trials TRIAL [PATH]\n");
	return 2;
}
