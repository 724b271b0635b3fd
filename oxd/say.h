/* SPDX-License-Identifier: ISC */
/*
 * say: the one place where oxd and oxctl speak to people, on stderr.
 *
 * One call is one line, written whole, with a prefix that tells how bad it is.  What can repeat without end goes
 * through a limit: one line each ten seconds, which also tells how many were held back.  Any thread may call.
 */
#ifndef BLUEOX_OXD_SAY_H
#define BLUEOX_OXD_SAY_H

#include <stdatomic.h>
#include <stdint.h>

enum say_level { SAY_ERROR, SAY_WARNING, SAY_INFO, SAY_DEBUG };

/* Errors and warnings are always said; `verbose` 1 adds info, 2 adds debug. */
void say_init(const char *program, int verbose);

void say(enum say_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All zeroes is valid. */
struct say_limit {
	_Atomic int64_t quiet_until_ns;
	_Atomic uint64_t held_back;
};

void say_limited(struct say_limit *limit, enum say_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
