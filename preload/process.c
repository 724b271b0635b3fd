/* SPDX-License-Identifier: ISC */
#include "preload/process.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/shim.h"
#include "preload/settings.h"

enum { UNSETTLED, SETTLING, ON, OFF };
static atomic_int state;

/* As the process was when the constructor ran: servers write their titles over the name. */
static char program[SHIM_NAME_MAX];
static int64_t start_mono, start_wall;

bool
process_wanted(void)
{
	if (getauxval(AT_SECURE))
		return false;
	const char *wanted = getenv("BLUEOX_PRELOAD");
	return !(wanted && (strcmp(wanted, "0") == 0 || strcmp(wanted, "none") == 0));
}

static int64_t
clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
note_program(void)
{
	const char *name = program_invocation_short_name;
	strncpy(program, name && *name ? name : "program", sizeof program - 1);
	start_mono = clock_ns(CLOCK_MONOTONIC);
	start_wall = clock_ns(CLOCK_REALTIME);
}

/* The path of the executable, or NULL. */
static const char *
own_path(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	if (n < 0)
		return NULL;
	out[n] = '\0';
	return out;
}

static bool
is_listed(void)
{
	char path[PATH_MAX];
	return shim_settings_want(program, own_path(path));
}

/* What stands in for each dot of a program's own name, so that it is one part. */
static void
one_part(char *name)
{
	for (; *name; name++)
		if (*name == '.' || *name == '^')
			*name = '_';
}

static void
full_name(char out[2 * SHIM_NAME_MAX])
{
	char *p = out;
	if (shim_config.prefix[0]) {
		p = stpcpy(p, shim_config.prefix);
		*p++ = '.';
	}
	if (shim_config.name[0]) {
		strcpy(p, shim_config.name);
	} else {
		strcpy(p, program);
		one_part(p);
	}
}

static int
settle(void)
{
	char name[2 * SHIM_NAME_MAX];
	if (!process_wanted())
		return OFF;
	if (!program[0])
		note_program();
	shim_settings_read();
	if (!shim_config.kinds || !is_listed())
		return OFF;
	full_name(name);
	struct bx__process p = {.name = name,
	    .start_mono = start_mono,
	    .start_wall = start_wall,
	    .tcp = shim_config.tcp,
	    .setting = shim_settings_for_libbx,
	    .bad_settings = shim_settings_bad};
	return bx__process_begin(&p) == 0 ? ON : OFF;
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

/* False while another thread is about it. */
static bool
process_settle(void)
{
	(void)process_on();
	return atomic_load_explicit(&state, memory_order_acquire) >= ON;
}

bool
process_is_off(void)
{
	return process_settle() && atomic_load_explicit(&state, memory_order_acquire) == OFF;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void
set_totals(bx_ctx *ctx)
{
	struct rusage used;
	struct bx_counters n;
	bx_stats(&n);
	if (getrusage(RUSAGE_SELF, &used) == 0) {
		bx_ctx_set(ctx, "user_time", seconds(used.ru_utime));
		bx_ctx_set(ctx, "system_time", seconds(used.ru_stime));
		bx_ctx_set(ctx, "max_rss", (uint64_t)used.ru_maxrss * 1024);
	}
	bx_ctx_set(ctx, "events", n.events);
	bx_ctx_set(ctx, "dropped",
	    n.dropped_ring_full + n.dropped_no_ring + n.dropped_too_big + n.dropped_in_signal + n.dropped_inert);
}

static void
emit_exit(int status, void *unused)
{
	(void)unused;
	bx_ctx *ctx = atomic_load(&state) == ON ? bx__process_event() : NULL;
	if (!ctx)
		return;
	bx_ctx_set(ctx, "exit_status", status & 0xff);
	set_totals(ctx);
	bx_done(ctx);
}

void
process_crashed(const char *by)
{
	bx_ctx *ctx = bx__process_event();
	if (!ctx)
		return;
	bx_ctx_set(ctx, "signal", by);
	set_totals(ctx);
	bx_done(ctx);
}

void
process_watch(void)
{
	if (!process_wanted())
		return;
	if (!program[0])
		note_program();
	on_exit(emit_exit, NULL);
	bx__process_offer(process_settle);
	const char *stacks = getenv("BLUEOX_STACKS"); /* early: before there can be a signal handler */
	if (stacks && strcmp(stacks, "early") == 0)
		(void)process_on();
	if (getenv("BLUEOX_RING_EARLY") && process_on() && shim_config.ring_early)
		bx__ring_prepare();
}
