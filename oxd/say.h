/* SPDX-License-Identifier: ISC */
/*
 * say: the one place where oxd and oxctl speak to people, on stderr or to the systemd journal.
 *
 * One call is one message, written whole.  What can repeat without end goes through a limit: one message each ten seconds,
 * which also tells how many were held back.  Any thread may call.
 */
#ifndef BLUEOX_OXD_SAY_H
#define BLUEOX_OXD_SAY_H

#include <stdatomic.h>
#include <stddef.h>
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

/* What a message is about, beside its text, for programs that read it. */
enum say_about {
#define ABOUT(name, sentence) SAY_##name,
#include "oxd/say.def"
#undef ABOUT
	SAY_ABOUTS
};

/* The next message of this thread is about this, whether it is said or held back.  `what` is borrowed until then. */
void say_about(enum say_about about, const char *what);

/* ---- where messages go ------------------------------------------------------------------------------------------- */

struct say_message {
	enum say_level level;
	const char *program, *text; /* without a newline */
	size_t text_len;
	uint64_t held_back; /* of its kind, since the one before */
	const char *about[SAY_ABOUTS];
};

typedef void say_sink(const struct say_message *m);

/* Before any thread runs.  NULL: text on stderr, a line a message, which needs no telling. */
void say_through(say_sink *sink);

const char *say_level_name(enum say_level level);
const char *say_about_name(enum say_about about); /* "PEER" */

/* Into a line of n + 1 bytes at most, whatever a newline in it was; and out with it. */
void say_write_line(char *line, size_t n);

#endif
