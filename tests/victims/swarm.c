/* SPDX-License-Identifier: ISC */
/*
 * swarm: threads that come and go, children that fork and daemonize, all of them emitting, until they are killed.
 *
 *     swarm REPORT THREADS PAUSE_US SEED PROCESSES SECONDS
 *
 * REPORT is a file of our caller's, at least as large as struct report, that every process of the swarm has mapped: what
 * stands there survives any of them.  A thread takes a line of it, emits `load` events {run, line, n} with n = 0, 1, 2,
 * …, stores n + 1 in the line when bx_end() has said 1, and after a while ends; a thread with a new line takes its
 * place.  Some threads fork before that, at times in the middle of a context of theirs, and their children, up to
 * PROCESSES in all, do as their parent does; every second one becomes a daemon first (a session of its own, no parent,
 * every descriptor closed).  `run` is the report's name.  What must not be is noted in `wrong`.  Whatever becomes of who
 * started it, all of it is gone after SECONDS.
 */
/* LIBS: -L@B@ -lbx */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"
#include "tests/wait.h"

enum { LINES = 32768, KEPT_WITHIN_S = 30 };

struct report {
	_Atomic uint32_t lines, processes, wrong, forks, daemons, in_context;
	uint32_t room[10];
	struct {
		_Atomic uint64_t promised;
		uint64_t pid;
	} line[LINES];
};

static struct report *report;
static const char *run;
static unsigned long pause_us, processes_max;
static time_t last_second;
static _Atomic uint32_t seed;

enum { WRONG_PARENTS_CONTEXT = 1, WRONG_NEVER_KEPT = 2, WRONG_ERRNO = 4 };

static time_t
now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static int
emit_one(uint32_t line, unsigned long n)
{
	bx_begin("load");
	bx_set("run", run);
	bx_set("line", line);
	bx_set("n", n);
	errno = 77;
	int kept = bx_end();
	if (errno != 77)
		atomic_fetch_or(&report->wrong, WRONG_ERRNO);
	return kept;
}

static void
emit_life(uint32_t line, unsigned long events)
{
	report->line[line].pid = (uint64_t)getpid();
	for (unsigned long n = 0; n < events; n++) {
		if (now_s() > last_second)
			_exit(9);
		if (!comes_true(emit_one(line, n), KEPT_WITHIN_S)) {
			atomic_fetch_or(&report->wrong, WRONG_NEVER_KEPT);
			return;
		}
		atomic_store(&report->line[line].promised, n + 1);
		if (pause_us)
			pace_us((int64_t)pause_us);
	}
}

static void *live(void *);

static bool
start_thread(void)
{
	pthread_t id;
	if (pthread_create(&id, NULL, live, NULL) != 0)
		return false;
	pthread_detach(id);
	return true;
}

static void
become_daemon(void)
{
	setsid();
	pid_t pid = fork();
	if (pid != 0)
		_exit(0);
	close_range(0, ~0U, 0);
	atomic_fetch_add(&report->daemons, 1);
}

/* In a child that has only this thread: the others come anew. */
static void
be_child(bool in_context, uint32_t luck)
{
	if (in_context && bx_end()) /* the parent's: not ours to end */
		atomic_fetch_or(&report->wrong, WRONG_PARENTS_CONTEXT);
	if (luck & 1)
		become_daemon();
	for (uint32_t i = 0; i < luck / 2 % 3; i++)
		start_thread();
}

/* A child in the middle of a context, whose end is the parent's. */
static void
fork_one(uint32_t luck)
{
	bool in_context = luck & 8;
	if (atomic_fetch_add(&report->processes, 1) >= processes_max) {
		atomic_fetch_sub(&report->processes, 1);
		return;
	}
	if (in_context) {
		atomic_fetch_add(&report->in_context, 1);
		bx_begin("forking");
	}
	pid_t pid = fork();
	if (pid == 0)
		be_child(in_context, luck / 16);
	else if (in_context)
		bx_end();
	if (pid > 0)
		atomic_fetch_add(&report->forks, 1);
}

static void *
live(void *arg)
{
	(void)arg;
	for (;;) {
		uint32_t luck = atomic_fetch_add(&seed, 0x9e3779b9U) * 2654435761U;
		luck ^= luck >> 15;
		uint32_t line = atomic_fetch_add(&report->lines, 1);
		if (line >= LINES) {
			while (now_s() <= last_second) /* used up: to be killed, or to end with the rest */
				poll(NULL, 0, (int)(last_second + 1 - now_s()) * 1000);
			_exit(9);
		}
		emit_life(line, 20 + luck % 300);
		if (luck / 512 % 4 == 0)
			fork_one(luck / 4096);
		if (gettid() != getpid() && start_thread()) /* a process whose first thread has ended looks dead */
			return NULL;
	}
}

int
main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: swarm REPORT THREADS PAUSE_US SEED PROCESSES SECONDS\n");
		return 2;
	}
	unsigned long threads = strtoul(argv[2], NULL, 10);
	pause_us = strtoul(argv[3], NULL, 10);
	atomic_store(&seed, (uint32_t)strtoul(argv[4], NULL, 10));
	processes_max = strtoul(argv[5], NULL, 10);
	last_second = now_s() + strtol(argv[6], NULL, 10);
	run = strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1];
	int fd = open(argv[1], O_RDWR | O_CLOEXEC);
	report = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (report == MAP_FAILED || bx_configure_default() != 0) {
		fprintf(stderr, "swarm: cannot map %s, or libbx stays off\n", argv[1]);
		return 1;
	}
	signal(SIGCHLD, SIG_IGN);
	atomic_store(&report->processes, 1);
	for (unsigned long i = 1; i < threads; i++)
		if (!start_thread())
			return 1;
	live(NULL);
}
