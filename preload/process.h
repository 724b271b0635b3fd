/* SPDX-License-Identifier: ISC */
/*
 * process: whether this process is recorded at all, under which name, and its own event when it exits.
 *
 * Under the shim the process is the top context: its type is the program's name (BLUEOX_NAME replaces it, BLUEOX_PREFIX
 * stands before it, set by `oxrun --name`).  Dots in a program's own name become `_`, so that `php8.2` is one part.  Its
 * event is written after every destructor, by an on_exit() handler that was registered before the loader's own: that is
 * the one place that knows the exit status and runs last; or by the handler of a crash.  A process that emitted nothing
 * writes none.
 */
#ifndef BLUEOX_PRELOAD_PROCESS_H
#define BLUEOX_PRELOAD_PROCESS_H

#include <stdbool.h>

#include "preload/settings.h"

/* The environment alone does not forbid it: BLUEOX_PRELOAD is not 0, and the process runs with nobody else's rights. */
bool process_wanted(void);

/*
 * This process is recorded.  The first call settles it: reads the settings and gives the process its name, so it works
 * before the constructor too; while one thread settles it the others are told no.
 */
bool process_on(void);

/* The same question where it matters if the answer is no for good: not recorded, now or ever. */
bool process_is_off(void);

/* It is, and events of this kind are wanted. */
static inline bool
process_makes(enum kind kind)
{
	return process_on() && (shim_config.kinds >> kind & 1);
}

/* The process's own event, from the handler of the signal of this name that ends it. */
void process_crashed(const char *signal);

/*
 * From the constructor: sees to the event at exit.  Makes no system call, but with BLUEOX_STACKS=early or
 * BLUEOX_RING_EARLY.
 */
void process_watch(void);

#endif
