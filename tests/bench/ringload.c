/* SPDX-License-Identifier: ISC */
/*
 * ringload: events of about 200 bytes at a steady pace, and a line that says what became of them.
 *
 *     ringload THREADS EVENTS_PER_SECOND SECONDS [hold]
 *
 * Each thread has a ring of its own and its share of the pace; after each burst it pauses for a quarter of a millisecond,
 * and it makes up for what it is behind, but for no more than 2 ms: a burst is not the pace.  An event that finds its
 * ring full is dropped, as in any program.
 * Prints {"tried", "kept", "seconds", "cpu_s"} as JSON.  With "hold" the rings are then kept, unused, until standard
 * input ends.
 */
/* LIBS: -L@B@ -lbx */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "include/blueox.h"
#include "tests/wait.h"

enum { THREADS_MAX = 64 };

static const char text[] = "select basket, total from orders where id = 77123";

static double rate_each, seconds;
static bool hold;
static pthread_barrier_t written;
static _Atomic uint64_t tried, kept;

static double
now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int
emit_one(long thread, uint64_t n)
{
	bx_begin("load");
	bx_set("query", text);
	bx_set("thread", thread);
	bx_set("n", (unsigned long)n);
	return bx_end();
}

static void *
load(void *arg)
{
	long thread = (long)(intptr_t)arg;
	uint64_t n = 0, good = 0;
	double start = now(), sent = 0;
	for (double t = start; t - start < seconds; t = now()) {
		double due = (t - start) * rate_each;
		if (due - sent > rate_each / 500)
			sent = due - rate_each / 500;
		for (; sent < due; sent++)
			good += (uint64_t)emit_one(thread, n++);
		pace_us(250);
	}
	atomic_fetch_add(&tried, n);
	atomic_fetch_add(&kept, good);
	pthread_barrier_wait(&written);
	if (hold)
		pthread_barrier_wait(&written);
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t ids[THREADS_MAX];
	long threads = argc == 4 || argc == 5 ? strtol(argv[1], NULL, 10) : 0;
	if (threads < 1 || threads > THREADS_MAX) {
		fprintf(stderr, "usage: ringload THREADS EVENTS_PER_SECOND SECONDS [hold]\n");
		return 2;
	}
	rate_each = strtod(argv[2], NULL) / (double)threads;
	seconds = strtod(argv[3], NULL);
	hold = argc == 5;
	pthread_barrier_init(&written, NULL, (unsigned)threads + 1);
	if (bx_configure_default() != 0) {
		fprintf(stderr, "ringload: libbx stays off\n");
		return 1;
	}
	double start = now();
	for (long i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, load, (void *)(intptr_t)i) !=
		    0) /* NOLINT(performance-no-int-to-ptr) */
			return 1;
	pthread_barrier_wait(&written);
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		     (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
	printf("{\"tried\": %llu, \"kept\": %llu, \"seconds\": %.3f, \"cpu_s\": %.3f}\n",
	    (unsigned long long)atomic_load(&tried), (unsigned long long)atomic_load(&kept), now() - start, cpu);
	fflush(stdout);
	while (hold && getchar() != EOF)
		;
	if (hold)
		pthread_barrier_wait(&written);
	for (long i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
