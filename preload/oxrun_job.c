/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_job.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/core/buf.h"
#include "libbx/core/clock.h"
#include "libbx/shim.h"

enum { COMMAND_SHOWN = 4096 };

/* SIGTSTP, SIGTTIN and SIGTTOU among them: whether to stop is the command's decision, and oxrun stops after it.  While it
 * runs oxrun neither reads nor writes. */
static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGABRT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
    SIGPROF, SIGIO, SIGPWR, SIGURG, SIGWINCH, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU};

static volatile sig_atomic_t child_pid;

int
command_exec(char *const command[])
{
	execvp(command[0], command);
	int status = errno == ENOENT ? NO_SUCH_COMMAND : CANNOT_RUN;
	fprintf(stderr, "oxrun: %s: %s\n", command[0], strerror(errno));
	return status;
}

/* What the terminal sends goes to the whole foreground group, the child too: only what was meant for us is handed on. */
static void
forward(int number, siginfo_t *info, void *context)
{
	(void)context;
	int saved = errno;
	if (child_pid > 0 && info->si_code != SI_KERNEL && info->si_pid != getpid()) /* an abort() here is ours */
		kill((pid_t)child_pid, number);
	errno = saved;
}

static void
forward_signals(void)
{
	struct sigaction action = {.sa_sigaction = forward, .sa_flags = SA_SIGINFO | SA_RESTART}, before;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++) {
		sigaction(forwarded[i], &action, &before);
		if (before.sa_handler == SIG_IGN) /* nohup: stays ignored, for the command too */
			sigaction(forwarded[i], &before, NULL);
	}
}

/* The child, or -1.  Signals that come meanwhile wait until there is somebody to hand them to. */
static pid_t
start(char *const command[], const struct sigaction *children)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		sigaction(SIGCHLD, children, NULL);
		sigprocmask(SIG_SETMASK, &before, NULL);
		_exit(command_exec(command));
	}
	if (pid > 0) {
		child_pid = pid;
		forward_signals();
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static void
set_command(bx_ctx *event, char *const command[])
{
	struct buf text = {0};
	for (size_t i = 0; command[i] && text.len < COMMAND_SHOWN; i++) {
		if (i)
			buf_putc(&text, ' ');
		buf_puts(&text, command[i]);
	}
	size_t n = text.len;
	if (n > COMMAND_SHOWN)
		for (n = COMMAND_SHOWN; n > 0 && (text.data[n] & 0xc0) == 0x80;) /* no half character */
			n--;
	if (text.err == BX_OK)
		bx_ctx_set(event, "command", bx_strn((const char *)text.data, n));
	buf_fini(&text);
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void
set_usage(bx_ctx *event, const struct rusage *used)
{
	bx_ctx_set(event, "user_time", seconds(used->ru_utime));
	bx_ctx_set(event, "system_time", seconds(used->ru_stime));
	bx_ctx_set(event, "max_rss", (uint64_t)used->ru_maxrss * 1024);
}

/* Stops as the command has stopped, so that the shell sees it; goes on, and the command with it, when told to. */
static void
stop_too(pid_t pid)
{
	raise(SIGSTOP);
	kill(pid, SIGCONT);
}

/* How it ended; -1 when that cannot be known. */
static int
wait_for_end(pid_t pid, struct rusage *used)
{
	for (;;) {
		int status;
		pid_t got = wait4(pid, &status, WUNTRACED, used);
		if (got == pid && WIFSTOPPED(status))
			stop_too(pid);
		else if (got == pid)
			return status;
		else if (errno != EINTR)
			return -1;
	}
}

static void
ignore_signals(void)
{
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		signal(forwarded[i], SIG_IGN);
	signal(SIGPIPE, SIG_IGN); /* a summary that nobody reads changes no exit status */
}

static void
set_end(bx_ctx *event, const struct job_end *end, const struct rusage *used)
{
	bx_ctx_set(event, "duration", clock_seconds(end->duration_ns));
	if (WIFSIGNALED(end->status))
		bx_ctx_set(event, "signal", WTERMSIG(end->status));
	else
		bx_ctx_set(event, "exit_status", WEXITSTATUS(end->status));
	set_usage(event, used);
}

static bx_ctx *
begin_event(const char *type, char *const command[])
{
	char parent[BX__TRACEPARENT];
	bx_configure_default();
	bx_ctx *event = bx_new(type);
	set_command(event, command);
	if (bx__ctx_traceparent(event, parent))
		setenv("TRACEPARENT", parent, 1);
	return event;
}

struct job_end
job_run(const char *type, char *const command[])
{
	struct job_end end = {.status = CANNOT_RUN << 8};
	struct rusage used = {0};
	struct sigaction children, usual = {.sa_handler = SIG_DFL};
	bx_ctx *event = type ? begin_event(type, command) : NULL;
	int64_t began_ns = clock_mono_ns();
	sigaction(SIGCHLD, &usual, &children); /* where it is ignored nobody learns how a child ended */
	pid_t pid = start(command, &children);
	if (pid < 0)
		fprintf(stderr, "oxrun: no new process: %s\n", strerror(errno));
	else
		end.status = wait_for_end(pid, &used);
	child_pid = 0;
	ignore_signals();
	end.duration_ns = clock_mono_ns() - began_ns;
	set_end(event, &end, &used);
	bx_done(event);
	return end;
}

void
job_leave(const struct job_end *end)
{
	if (WIFSIGNALED(end->status)) {
		int number = WTERMSIG(end->status);
		struct rlimit none = {0};
		sigset_t only;
		sigemptyset(&only);
		sigaddset(&only, number);
		setrlimit(RLIMIT_CORE, &none);
		signal(number, SIG_DFL);
		sigprocmask(SIG_UNBLOCK, &only, NULL);
		raise(number);
		exit(128 + number);
	}
	exit(WEXITSTATUS(end->status));
}
