/* SPDX-License-Identifier: ISC */
/* clock: nanoseconds since the epoch and since boot, as one integer each. */
#ifndef BLUEOX_CORE_CLOCK_H
#define BLUEOX_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t
clock_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline int64_t
clock_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

static inline int64_t
clock_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline double
clock_seconds(int64_t ns)
{
	return (double)ns / 1e9; /* dividing gives the nearest double; times 1e-9 shows as noise in the last digits */
}

#endif
