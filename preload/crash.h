/* SPDX-License-Identifier: ISC */
/*
 * crash: SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT leave a `.crash` event, and end the process as they would have.
 *
 * At the first event a handler is set for each of them whose disposition is the default, and for no other.  It writes
 * one event, sets the default again and queues the same signal with the same siginfo, which comes as soon as the handler
 * returns: exit status, core dump and the registers in it are those of a process without us.  wrap_signal.c keeps all of
 * it from the host's eyes: a host that sets a handler has it alone, one that asks is told of the default.
 */
#ifndef BLUEOX_PRELOAD_CRASH_H
#define BLUEOX_PRELOAD_CRASH_H

#include <signal.h>
#include <stdbool.h>

/* From the constructor: makes the key by which an ending thread gives its signal stack back. */
void crash_init(void);

/* This thread is watched; see crash_watch_thread(). */
extern __thread bool crash_watched __attribute__((tls_model("initial-exec")));

/* The first time sets the handlers and opens libunwind; for each thread, sees to an alternate signal stack. */
void crash_watch_thread(void);

/* Before an event of this thread.  Keeps errno. */
static inline void
crash_watch(void)
{
	if (__builtin_expect(!crash_watched, 0))
		crash_watch_thread();
}

/* What a host asks of a signal's disposition: where ours is found, it becomes what stood there before. */
void crash_hide(int number, struct sigaction *found);
void (*crash_hide_handler(void (*found)(int)))(int);

#endif
