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

static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

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
	if (child_pid > 0 && info->si_code != SI_KERNEL)
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
start(char *const command[])
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
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

static int
finish(bx_ctx *event, pid_t pid, int64_t began_ns)
{
	int status;
	struct rusage used;
	while (wait4(pid, &status, 0, &used) < 0) {
		if (errno != EINTR) { /* somebody had set SIGCHLD to be ignored: there is nothing to be learned */
			bx_done(event);
			return 0;
		}
	}
	child_pid = 0;
	bx_ctx_set(event, "duration", clock_seconds(clock_mono_ns() - began_ns));
	if (WIFSIGNALED(status))
		bx_ctx_set(event, "signal", WTERMSIG(status));
	else
		bx_ctx_set(event, "exit_status", WEXITSTATUS(status));
	set_usage(event, &used);
	bx_done(event);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
job_run(const char *type, char *const command[])
{
	char parent[BX__TRACEPARENT];
	bx_configure_default();
	bx_ctx *event = bx_new(type);
	int64_t began_ns = clock_mono_ns();
	set_command(event, command);
	if (bx__ctx_traceparent(event, parent))
		setenv("TRACEPARENT", parent, 1);
	signal(SIGCHLD, SIG_DFL);
	pid_t pid = start(command);
	if (pid < 0) {
		fprintf(stderr, "oxrun: no new process: %s\n", strerror(errno));
		return CANNOT_RUN;
	}
	return finish(event, pid, began_ns);
}
