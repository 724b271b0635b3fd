/* SPDX-License-Identifier: ISC */
/* say: format into one buffer, one write. */
#include "oxd/say.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/clock.h"

enum { LINE_MAX_BYTES = 2048 };
static const int64_t limit_ns = 10000000000;
static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const char *const about_names[] = {
#define ABOUT(name, sentence) #name,
#include "oxd/say.def"
#undef ABOUT
};

static const char *program_name = "oxd";
static _Atomic int loudest = SAY_WARNING;
static say_sink *sink;
static _Thread_local const char *about_next[SAY_ABOUTS];

void
say_init(const char *program, int verbose)
{
	program_name = program;
	atomic_store(&loudest, SAY_WARNING + verbose);
}

void
say_through(say_sink *s)
{
	sink = s;
}

const char *
say_level_name(enum say_level level)
{
	return level_names[level];
}

const char *
say_about_name(enum say_about about)
{
	return about_names[about];
}

void
say_about(enum say_about about, const char *what)
{
	about_next[about] = what;
}

void
say_write_line(char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	line[n] = '\n';
	if (write(STDERR_FILENO, line, n + 1) < 0)
		return; /* nowhere left to complain */
}

/* Appends what fits; returns the new length, at most cap - 1. */
static size_t __attribute__((format(printf, 4, 0)))
append(char *line, size_t cap, size_t len, const char *fmt, va_list ap)
{
	int n = vsnprintf(line + len, cap - len, fmt, ap);
	return n < 0 ? len : len + (size_t)n < cap ? len + (size_t)n : cap - 1;
}

static size_t __attribute__((format(printf, 4, 5)))
append_text(char *line, size_t cap, size_t len, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	len = append(line, cap, len, fmt, ap);
	va_end(ap);
	return len;
}

/* 0..head is the prefix that only a line of text has | head..len the message. */
static void __attribute__((format(printf, 3, 0)))
say_one(enum say_level level, uint64_t held, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	const size_t cap = sizeof line - 1; /* the newline always fits */
	size_t head = append_text(line, cap, 0, "%s: %s: ", program_name, level_names[level]);
	size_t len = append(line, cap, head, fmt, ap);
	if (held)
		len = append_text(line, cap, len, " (and %llu more like it)", (unsigned long long)held);
	struct say_message m = {
	    .level = level,
	    .program = program_name,
	    .text = line + head,
	    .text_len = len - head,
	    .held_back = held,
	};
	memcpy(m.about, about_next, sizeof m.about);
	if (sink)
		sink(&m);
	else
		say_write_line(line, len);
}

static void
about_nothing(void)
{
	memset(about_next, 0, sizeof about_next);
}

void
say(enum say_level level, const char *fmt, ...)
{
	if ((int)level <= atomic_load(&loudest)) {
		va_list ap;
		va_start(ap, fmt);
		say_one(level, 0, fmt, ap);
		va_end(ap);
	}
	about_nothing();
}

/* True when it may be said now; `held` is how many were not since the last time. */
static bool
may_say(struct say_limit *limit, uint64_t *held)
{
	int64_t now_ns = clock_mono_ns();
	int64_t until_ns = atomic_load(&limit->quiet_until_ns);
	if (now_ns < until_ns ||
	    !atomic_compare_exchange_strong(&limit->quiet_until_ns, &until_ns, now_ns + limit_ns)) {
		atomic_fetch_add(&limit->held_back, 1);
		return false;
	}
	*held = atomic_exchange(&limit->held_back, 0);
	return true;
}

void
say_limited(struct say_limit *limit, enum say_level level, const char *fmt, ...)
{
	uint64_t held;
	if ((int)level <= atomic_load(&loudest) && may_say(limit, &held)) {
		va_list ap;
		va_start(ap, fmt);
		say_one(level, held, fmt, ap);
		va_end(ap);
	}
	about_nothing();
}
