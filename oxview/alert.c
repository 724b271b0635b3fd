/* SPDX-License-Identifier: ISC */
/* alert: a batch gathers while another is told; the command reads from a file in memory, so nobody waits for it. */
#include "oxview/alert.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "oxview/text.h"

enum { VALUE_SHOWN = 1024, LOOK_MS = 20 };

static void
batch_clear(struct alert_batch *b)
{
	buf_clear(&b->lines);
	buf_clear(&b->environment);
	b->count = 0;
	b->tries = 0;
}

void
alert_fini(struct alert *a)
{
	buf_fini(&a->next.lines);
	buf_fini(&a->next.environment);
	buf_fini(&a->running.lines);
	buf_fini(&a->running.environment);
}

struct buf *
alert_room(struct alert *a)
{
	struct alert_batch *b = &a->next;
	bool room = b->count < ALERT_EVENTS && b->lines.len < ALERT_BYTES;
	b->count++;
	return room ? &b->lines : NULL;
}

bool
alert_is_first(const struct alert *a)
{
	return a->next.count == 0;
}

void
alert_tell(struct alert *a, const char *name, const void *value, size_t n)
{
	struct buf *e = &a->next.environment;
	buf_printf(e, "%s=", name);
	text_line(e, value, n < VALUE_SHOWN ? n : VALUE_SHOWN);
	buf_putc(e, '\0');
}

/* ---- one run ----------------------------------------------------------------------------------------------------- */

/* Our environment, the batch's, and how many there are.  Owned, but not what it points to; NULL: out of memory. */
static char **
environment_of(struct alert_batch *b, char *count)
{
	size_t own = 0, told = 0;
	while (environ[own])
		own++;
	for (size_t i = 0; i < b->environment.len; i++)
		told += b->environment.data[i] == '\0';
	char **all = calloc(own + told + 2, sizeof *all);
	if (!all)
		return NULL;
	char *at = (char *)b->environment.data;
	memcpy(all, environ, own * sizeof *all);
	for (size_t i = 0; i < told; i++, at += strlen(at) + 1)
		all[own + i] = at;
	all[own + told] = count;
	return all;
}

/* A file that holds the lines and is at its start.  -1 with errno. */
static int
lines_as_file(const struct buf *lines)
{
	int fd = memfd_create("events", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	for (size_t at = 0; at < lines->len;) {
		ssize_t n = write(fd, lines->data + at, lines->len - at);
		if (n <= 0) {
			close(fd);
			return -1;
		}
		at += (size_t)n;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int
spawn(const struct alert *a, char **environment, int input, pid_t *child)
{
	char *const argv[] = {"sh", "-c", (char *)(uintptr_t)a->command, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	int err = posix_spawn(child, "/bin/sh", &files, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

static void
batch_is_over(struct alert *a, bool ok)
{
	a->told(a->context, ok);
	batch_clear(&a->running);
}

/* It is run again when it is time, or given up. */
static void
failed(struct alert *a)
{
	if (a->running.tries < ALERT_TRIES)
		return;
	trouble_tell(a->trouble, "--exec: given up after %d times; %llu events were not told", ALERT_TRIES,
	    (unsigned long long)a->running.count);
	batch_is_over(a, false);
}

static void
run(struct alert *a, int64_t now_ns)
{
	char count[64];
	if (a->running.count == 0) {
		struct alert_batch spare = a->running;
		a->running = a->next;
		a->next = spare;
		a->began(a->context);
	}
	a->running.tries++;
	a->runs++;
	a->started_ns = now_ns;
	a->ended_by_us = false;
	snprintf(count, sizeof count, "BLUEOX_ALERT_COUNT=%llu", (unsigned long long)a->running.count);
	bool whole = a->running.lines.err == BX_OK && a->running.environment.err == BX_OK;
	char **environment = whole ? environment_of(&a->running, count) : NULL;
	int input = environment ? lines_as_file(&a->running.lines) : -1;
	int err = input >= 0 ? spawn(a, environment, input, &a->child) : environment ? errno : ENOMEM;
	if (input >= 0)
		close(input);
	free(environment);
	if (err == 0)
		return;
	a->child = 0;
	trouble_add(a->trouble, "--exec: the command cannot be run: %s", strerror(err));
	failed(a);
}

static void
tell_status(const struct alert *a, int status)
{
	if (a->ended_by_us)
		trouble_add(a->trouble, "--exec: the command took longer than %lld s and was ended",
		    (long long)(a->wait_ns / 1000000000));
	else if (WIFSIGNALED(status))
		trouble_add(a->trouble, "--exec: the command was ended by signal %d", WTERMSIG(status));
	else
		trouble_add(a->trouble, "--exec: the command ended with status %d", WEXITSTATUS(status));
}

/* Looks after the command that runs. */
static void
look(struct alert *a, int64_t now_ns)
{
	int status;
	if (now_ns - a->started_ns > a->wait_ns) {
		a->ended_by_us = true;
		kill(-a->child, SIGKILL);
	}
	pid_t got = waitpid(a->child, &status, WNOHANG);
	if (got == 0 || (got < 0 && errno == EINTR))
		return;
	a->child = 0;
	if (got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		batch_is_over(a, true);
		return;
	}
	if (got > 0)
		tell_status(a, status);
	else
		trouble_add(a->trouble, "--exec: how the command ended is not known: %s", strerror(errno));
	failed(a);
}

void
alert_tick(struct alert *a, int64_t now_ns)
{
	if (a->child)
		look(a, now_ns);
	bool some = a->running.count > 0 || a->next.count > 0;
	if (!a->child && some && (a->runs == 0 || now_ns - a->started_ns >= a->every_ns))
		run(a, now_ns);
}

void
alert_wait(const struct alert *a)
{
	if (a->child)
		poll(NULL, 0, LOOK_MS);
}
