/* SPDX-License-Identifier: ISC */
/*
 * wait: the one bounded poll of what is written in C, unit tests and victims alike, and the one pause.
 *
 * Where the program under test tells of something (a descriptor, a process that ends, journal_wait()), wait for that.
 * comes_true() is for what only can be looked at.
 */
#ifndef BLUEOX_TESTS_WAIT_H
#define BLUEOX_TESTS_WAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t
wait_now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* So many times longer than written may everything take: the runner says so of a shared machine or a sanitizer. */
static inline int64_t
wait_patience(void)
{
	const char *times = getenv("TEST_PATIENCE");
	long n = times ? strtol(times, NULL, 10) : 1;
	return n > 1 ? n : 1;
}

/* The pace of a load, never a wait for something.  A signal that is handled ends it early. */
static inline void
pace_us(int64_t us)
{
	struct timespec ts = {us / 1000000, us % 1000000 * 1000};
	ppoll(NULL, 0, &ts, NULL);
}

/* For comes_true(): says what was waited for when the time is up. */
static inline bool
wait_more(int64_t end_us, const char *what, const char *file, int line)
{
	if (wait_now_us() >= end_us) {
		fprintf(stderr, "%s:%d: waited in vain for: %s\n", file, line, what);
		return false;
	}
	pace_us(500);
	return true;
}

/* True as soon as the condition holds; false, and said, when it does not hold within so many seconds. */
#define comes_true(condition, seconds)                                                                                 \
	({                                                                                                             \
		int64_t end_us_ = wait_now_us() + (int64_t)(seconds)*1000000 * wait_patience();                        \
		bool so_;                                                                                              \
		while (!(so_ = (condition)) && wait_more(end_us_, #condition, __FILE__, __LINE__))                     \
			;                                                                                              \
		so_;                                                                                                   \
	})

#endif
