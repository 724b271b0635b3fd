/* SPDX-License-Identifier: ISC */
/*
 * emit: numbered events, and a report that survives SIGKILL.
 *
 *     emit REPORT THREADS COUNT [PAUSE_US]
 *
 * Each thread emits `load` events {run, thread, n} with n = 0, 1, 2, … and, when bx_end() has said 1, stores n + 1 in
 * its own 64-byte line of the file REPORT, which is mapped: what stands there was promised.  An event that was not kept
 * is made again with the same number.  COUNT 0 goes on until killed, or until SIGTERM, on which the program
 * ends as programs do.  `run` is the report's name, so that many runs can
 * share a log.  Exit status 1 when an event could not be made within ten seconds.
 */
/* LIBS: -L@B@ -lbx */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "include/blueox.h"
#include "tests/wait.h"

enum { THREADS_MAX = 256, LINE = 64 };

static uint8_t *report;
static const char *run;
static unsigned long count, pause_us;
static atomic_int failed, told_to_end;

static void
on_term(int number)
{
	(void)number;
	atomic_store(&told_to_end, 1);
}

static int
emit_one(long thread, unsigned long n)
{
	bx_begin("load");
	bx_set("run", run);
	bx_set("thread", thread);
	bx_set("n", n);
	return bx_end();
}

static void *
emit(void *arg)
{
	long thread = (long)(intptr_t)arg;
	_Atomic uint64_t *done = (_Atomic uint64_t *)(void *)(report + thread * LINE);
	for (unsigned long n = 0; (count == 0 || n < count) && !atomic_load(&told_to_end); n++) {
		if (!comes_true(emit_one(thread, n), 10)) {
			fprintf(stderr, "emit: thread %ld could not emit %lu\n", thread, n);
			atomic_store(&failed, 1);
			return NULL;
		}
		atomic_store(done, n + 1);
		if (pause_us)
			pace_us((int64_t)pause_us);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	long threads = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
	pthread_t ids[THREADS_MAX];
	if (threads < 1 || threads > THREADS_MAX) {
		fprintf(stderr, "usage: emit REPORT THREADS COUNT [PAUSE_US]\n");
		return 2;
	}
	count = strtoul(argv[3], NULL, 10);
	pause_us = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
	run = strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1];
	int fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, threads * LINE) != 0) {
		perror(argv[1]);
		return 1;
	}
	signal(SIGTERM, on_term);
	report = mmap(NULL, (size_t)(threads * LINE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (report == MAP_FAILED || bx_configure_default() != 0) {
		fprintf(stderr, "emit: cannot map %s, or libbx stays off\n", argv[1]);
		return 1;
	}
	for (long i = 0; i < threads; i++) {
		if (pthread_create(&ids[i], NULL, emit, (void *)(intptr_t)i) !=
		    0) { /* NOLINT(performance-no-int-to-ptr) */
			fprintf(stderr, "emit: cannot start thread %ld\n", i);
			return 1;
		}
	}
	for (long i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return atomic_load(&failed);
}
