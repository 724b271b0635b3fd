/* SPDX-License-Identifier: ISC */
/* pager: as git does it: less gets FRX where LESS is not set: short texts pass, colours stay, the screen is not cleared. */
#include "oxview/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t child_now;

/* It reads what it has got, and is left by its user; then the signal does what it would have done. */
static void
wait_and_end(int number)
{
	close(STDOUT_FILENO);
	while (waitpid((pid_t)child_now, NULL, 0) < 0 &&
	       errno == EINTR) /* NOLINT(bugprone-signal-handler,cert-sig30-c): errno is one */
		;
	signal(number, SIG_DFL);
	raise(number);
}

static bool
is_in_path(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];
	for (const char *at = path ? path : "/usr/bin:/bin"; at; at = strchr(at, ':')) {
		at += *at == ':';
		int n = snprintf(file, sizeof file, "%.*s/%s", (int)strcspn(at, ":"), at, name);
		if (n > 0 && (size_t)n < sizeof file && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* NULL: none. */
static const char *
choose(const char *command)
{
	const char *term = getenv("TERM");
	if (!term || strcmp(term, "dumb") == 0)
		return NULL;
	if (!command)
		command = getenv("PAGER");
	if (!command)
		return is_in_path("less") ? "less" : NULL;
	return *command && strcmp(command, "cat") != 0 ? command : NULL;
}

/* The signals that end us are to have their usual effect on it. */
static int
spawn(const char *command, int input, pid_t *child)
{
	char *const argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	int err = posix_spawn(child, "/bin/sh", &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

void
pager_start(struct pager *p, const char *command)
{
	int ends[2];
	*p = (struct pager){.terminal = -1};
	command = choose(command);
	if (!command || pipe2(ends, O_CLOEXEC) != 0)
		return;
	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	p->terminal = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (p->terminal >= 0 && spawn(command, ends[0], &p->child) == 0 && dup2(ends[1], STDOUT_FILENO) >= 0) {
		child_now = p->child;
		signal(SIGPIPE, SIG_IGN);
		for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
			signal(ending[i], wait_and_end);
	}
	close(ends[0]);
	close(ends[1]);
}

void
pager_end(struct pager *p)
{
	if (p->child > 0) {
		close(STDOUT_FILENO);
		while (waitpid(p->child, NULL, 0) < 0 && errno == EINTR)
			;
		for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
			signal(ending[i], SIG_DFL);
	}
	if (p->terminal >= 0)
		close(p->terminal);
	*p = (struct pager){.terminal = -1};
}
