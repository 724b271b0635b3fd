/* SPDX-License-Identifier: ISC */
/* say: format into one buffer, one write. */
#include "oxd/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/clock.h"

static const int64_t limit_ns = 10000000000;
static const char *const level_names[] = {"error", "warning", "info", "debug"};

static const char *program_name = "oxd";
static int loudest = SAY_WARNING;

void
say_init(const char *program, int verbose)
{
	program_name = program;
	loudest = SAY_WARNING + verbose;
}

static void
say_line(enum say_level level, const char *suffix, const char *fmt, va_list ap)
{
	char line[2048];
	size_t room = sizeof line - 1; /* the newline always fits */
	int n = snprintf(line, room, "%s: %s: ", program_name, level_names[level]);
	size_t len = n < 0 ? 0 : (size_t)n;
	n = vsnprintf(line + len, room - len, fmt, ap);
	len = n < 0 ? len : len + (size_t)n < room ? len + (size_t)n : room - 1;
	n = snprintf(line + len, room - len, "%s", suffix);
	len = n < 0 ? len : len + (size_t)n < room ? len + (size_t)n : room - 1;
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nowhere left to complain */
}

void
say(enum say_level level, const char *fmt, ...)
{
	if ((int)level > loudest)
		return;
	va_list ap;
	va_start(ap, fmt);
	say_line(level, "", fmt, ap);
	va_end(ap);
}

void
say_limited(struct say_limit *limit, enum say_level level, const char *fmt, ...)
{
	if ((int)level > loudest)
		return;
	int64_t now_ns = clock_mono_ns();
	int64_t until_ns = atomic_load(&limit->quiet_until_ns);
	if (now_ns < until_ns ||
	    !atomic_compare_exchange_strong(&limit->quiet_until_ns, &until_ns, now_ns + limit_ns)) {
		atomic_fetch_add(&limit->held_back, 1);
		return;
	}
	char suffix[64] = "";
	uint64_t held = atomic_exchange(&limit->held_back, 0);
	if (held)
		snprintf(suffix, sizeof suffix, " (and %llu more like it)", (unsigned long long)held);
	va_list ap;
	va_start(ap, fmt);
	say_line(level, suffix, fmt, ap);
	va_end(ap);
}
