/* SPDX-License-Identifier: ISC */
/* oxrun_events: oxview knows logs and oxctl knows daemons; oxrun asks them, so that there is one reader of each. */
#include "preload/oxrun_events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libbx/core/buf.h"
#include "libbx/core/rundir.h"
#include "preload/oxrun_find.h"
#include "preload/oxrun_job.h"
#include "preload/oxrun_oxd.h"

enum { READ_BYTES = 256 << 10 };

/* Starts a program of ours with its output in a pipe: *pid, and the end to read from, or -1. */
static int
start_reading(char *const argv[], pid_t *pid, char *err, size_t err_cap)
{
	char program[PATH_MAX];
	int ends[2];
	if (!find_ours(argv[0], program)) {
		snprintf(err, err_cap, "%s is neither beside oxrun nor in PATH", argv[0]);
		return -1;
	}
	if (pipe2(ends, O_CLOEXEC) != 0) {
		snprintf(err, err_cap, "no pipe: %s", strerror(errno));
		return -1;
	}
	*pid = fork();
	if (*pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		unsetenv("LD_PRELOAD");
		execv(program, argv);
		_exit(CANNOT_RUN);
	}
	close(ends[1]);
	if (*pid < 0) {
		snprintf(err, err_cap, "no new process: %s", strerror(errno));
		close(ends[0]);
		return -1;
	}
	return ends[0];
}

static bool
end_reading(int fd, pid_t pid, const char *what, char *err, size_t err_cap)
{
	int status = 0;
	close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	snprintf(err, err_cap, "%s failed", what);
	return false;
}

static ssize_t
read_more(int fd, struct buf *b)
{
	uint8_t *room = buf_reserve(b, READ_BYTES);
	ssize_t n;
	do
		n = room ? read(fd, room, READ_BYTES) : -1;
	while (n < 0 && room && errno == EINTR);
	if (n > 0)
		b->len += (size_t)n;
	return n;
}

static void
take_events(struct tally *t, struct buf *b)
{
	struct event ev;
	size_t at = 0, used;
	while (at < b->len && event_read(b->data + at, b->len - at, &ev, &used) == BX_OK) {
		tally_add(t, &ev);
		at += used;
	}
	if (at)
		memmove(b->data, b->data + at, b->len - at);
	b->len -= at;
}

bool
events_tally(struct tally *t, const char *log_path, const char *id, char *err, size_t err_cap)
{
	char *argv[8] = {"oxview", "--msgpack", "--log-path", (char *)(uintptr_t)log_path};
	struct buf b = {0};
	pid_t pid;
	if (id) {
		argv[4] = "--id";
		argv[5] = (char *)(uintptr_t)id;
	}
	int fd = start_reading(argv, &pid, err, err_cap);
	if (fd < 0)
		return false;
	while (read_more(fd, &b) > 0)
		take_events(t, &b);
	bool whole = b.err == BX_OK && b.len == 0 && !t->out_of_memory;
	buf_fini(&b);
	bool ok = end_reading(fd, pid, "oxview", err, err_cap);
	if (ok && !whole)
		snprintf(err, err_cap, "the log could not be read to its end");
	return ok && whole;
}

static bool
run_oxctl(char *const argv[], struct buf *said, char *err, size_t err_cap)
{
	pid_t pid;
	int fd = start_reading(argv, &pid, err, err_cap);
	if (fd < 0)
		return false;
	while (read_more(fd, said) > 0)
		;
	return end_reading(fd, pid, "oxctl", err, err_cap);
}

bool
events_find_log(char *out, size_t cap, char *err, size_t err_cap)
{
	static const char key[] = "\"log_path\":\"";
	char run[RUNDIR_MAX + 1], option[RUNDIR_MAX + 16];
	char *flush[] = {"oxctl", option, "flush", NULL}, *status[] = {"oxctl", option, "--raw", NULL};
	struct buf said = {0};
	if (!oxd_runs(run, sizeof run)) {
		snprintf(err, err_cap, "no oxd runs");
		return false;
	}
	snprintf(option, sizeof option, "--run-dir=%s", run);
	bool ok = run_oxctl(flush, &said, err, err_cap);
	buf_clear(&said);
	ok = ok && run_oxctl(status, &said, err, err_cap);
	buf_putc(&said, '\0');
	const char *at = ok && said.err == BX_OK ? strstr((const char *)said.data, key) : NULL;
	size_t n = at ? strcspn(at + strlen(key), "\"") : 0;
	if (ok && (n == 0 || n >= cap))
		snprintf(err, err_cap, "the oxd of this host writes no log files");
	ok = ok && n > 0 && n < cap;
	if (ok)
		snprintf(out, cap, "%.*s", (int)n, at + strlen(key));
	buf_fini(&said);
	if (ok && access(out, R_OK | X_OK) != 0) {
		snprintf(err, err_cap, "%s: %s", out, strerror(errno));
		return false;
	}
	return ok;
}
