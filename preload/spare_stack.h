/* SPDX-License-Identifier: ISC */
/*
 * spare_stack: room for a signal handler that was called on a small alternate stack.
 *
 * A host may give its handlers MINSIGSTKSZ bytes, most of which the kernel's own frame takes.  What is to be done there is
 * done on memory of its own, which is the alternate stack meanwhile: a fault in it would else begin at the top of the
 * host's, over the frame by which the first one goes back.
 */
#ifndef BLUEOX_PRELOAD_SPARE_STACK_H
#define BLUEOX_PRELOAD_SPARE_STACK_H

#include <signal.h>
#include <stdbool.h>

typedef void handle(int number, siginfo_t *info, void *context);

/* Whether what runs now, a handler with this context, is on an alternate stack with less left than `needed`. */
bool spare_stack_is_needed(const void *context, long needed);

/* Calls it on a stack of `bytes`; on the one that there is, where there is no memory. */
void spare_stack_run(long bytes, handle *handler, int number, siginfo_t *info, void *context);

#endif
