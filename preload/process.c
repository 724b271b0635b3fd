/* SPDX-License-Identifier: ISC */
#include "preload/process.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "include/blueox.h"
#include "libbx/shim.h"

enum { PROCESS_NAME_MAX = 200 };

enum { UNSETTLED, SETTLING, ON, OFF };
static atomic_int state;

bool
process_wanted(void)
{
	if (getauxval(AT_SECURE))
		return false;
	const char *wanted = getenv("BLUEOX_PRELOAD");
	return !(wanted && strcmp(wanted, "0") == 0);
}

static const char *
own_name(char out[PROCESS_NAME_MAX])
{
	const char *given = getenv("BLUEOX_NAME");
	if (given && *given)
		return given;
	const char *program = program_invocation_short_name;
	if (!program || !*program)
		return "program";
	size_t n = strnlen(program, PROCESS_NAME_MAX - 1);
	for (size_t i = 0; i < n; i++)
		out[i] = program[i] == '.' || program[i] == '^' ? '_' : program[i];
	out[n] = '\0';
	return out;
}

static int
settle(void)
{
	if (!process_wanted())
		return OFF;
	char program[PROCESS_NAME_MAX], full[2 * PROCESS_NAME_MAX];
	const char *name = own_name(program), *prefix = getenv("BLUEOX_PREFIX");
	size_t prefix_len = prefix ? strlen(prefix) : 0, name_len = strlen(name);
	if (prefix_len && prefix_len + 1 + name_len < sizeof full) {
		memcpy(full, prefix, prefix_len);
		full[prefix_len] = '.';
		memcpy(full + prefix_len + 1, name, name_len + 1);
		name = full;
	}
	return bx__process_begin(name) == 0 ? ON : OFF;
}

bool
process_on(void)
{
	int now = atomic_load_explicit(&state, memory_order_acquire);
	if (__builtin_expect(now == UNSETTLED, 0)) {
		if (!atomic_compare_exchange_strong(&state, &now, SETTLING))
			return now == ON;
		int saved = errno;
		now = settle();
		atomic_store_explicit(&state, now, memory_order_release);
		errno = saved;
	}
	return now == ON && bx_configured();
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void
emit_exit(int status, void *unused)
{
	(void)unused;
	bx_ctx *ctx = process_on() ? bx__process_event() : NULL;
	if (!ctx)
		return;
	struct rusage used;
	struct bx_counters n;
	bx_stats(&n);
	bx_ctx_set(ctx, "exit_status", status & 0xff);
	if (getrusage(RUSAGE_SELF, &used) == 0) {
		bx_ctx_set(ctx, "user_time", seconds(used.ru_utime));
		bx_ctx_set(ctx, "system_time", seconds(used.ru_stime));
		bx_ctx_set(ctx, "max_rss", (uint64_t)used.ru_maxrss * 1024);
	}
	bx_ctx_set(ctx, "events", n.events);
	bx_ctx_set(ctx, "dropped",
	    n.dropped_ring_full + n.dropped_no_ring + n.dropped_too_big + n.dropped_in_signal + n.dropped_inert);
	bx_done(ctx);
}

void
process_watch_exit(void)
{
	on_exit(emit_exit, NULL);
}
