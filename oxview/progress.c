/* SPDX-License-Identifier: ISC */
/* progress: a counter and a line. */
#include "oxview/progress.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_MS = 1000, EVERY_MS = 200 };

static _Atomic uint64_t counted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t over;
static pthread_t thread;
static bool runs, ends, shown;

static void
show(void)
{
	char line[100];
	double megabytes = (double)atomic_load_explicit(&counted, memory_order_relaxed) / 1e6;
	int n = snprintf(line, sizeof line, "\r\x1b[Koxview: %.1f %s read",
	    megabytes < 1e3 ? megabytes : megabytes / 1e3, megabytes < 1e3 ? "MB" : "GB");
	shown = write(STDERR_FILENO, line, (size_t)n) > 0 || shown;
}

static void *
look_now_and_then(void *unused)
{
	struct timespec next;
	(void)unused;
	clock_gettime(CLOCK_MONOTONIC, &next);
	pthread_mutex_lock(&lock);
	for (int64_t wait_ms = FIRST_MS; !ends; wait_ms = EVERY_MS) {
		int64_t ns = next.tv_nsec + wait_ms * 1000000;
		next.tv_sec += ns / 1000000000;
		next.tv_nsec = ns % 1000000000;
		while (!ends && pthread_cond_timedwait(&over, &lock, &next) == 0)
			;
		if (!ends)
			show();
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

void
progress_start(void)
{
	pthread_condattr_t monotonic;
	if (!isatty(STDERR_FILENO))
		return;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&over, &monotonic);
	pthread_condattr_destroy(&monotonic);
	runs = pthread_create(&thread, NULL, look_now_and_then, NULL) == 0;
}

void
progress_end(void)
{
	if (!runs)
		return;
	pthread_mutex_lock(&lock);
	ends = true;
	pthread_cond_signal(&over);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	runs = false;
	if (shown && write(STDERR_FILENO, "\r\x1b[K", 4) < 0)
		shown = false; /* nobody sees it */
}

void
progress_make_way(void)
{
	if (!runs)
		return;
	pthread_mutex_lock(&lock);
	if (shown && write(STDERR_FILENO, "\r\x1b[K", 4) > 0)
		shown = false;
	pthread_mutex_unlock(&lock);
}

void
progress_count(uint64_t bytes)
{
	atomic_fetch_add_explicit(&counted, bytes, memory_order_relaxed);
}
