/* SPDX-License-Identifier: ISC */
/*
 * stack: where we are, as module and offset pairs.
 *
 * Frames come from libunwind, which is opened privately at the first stack: a library that NEEDs it would change how
 * exceptions and thread cancellation work in its host.  Modules are named by the dynamic linker's own table.  Nothing is
 * symbolized here: an event carries build ids, and whoever reads it has the symbols.
 */
#ifndef BLUEOX_STACK_H
#define BLUEOX_STACK_H

#include <stdbool.h>
#include <stdint.h>

enum { STACK_FRAMES = 64, STACK_BYTES = 8192 };

struct stack {
	int count;
	void *pcs[STACK_FRAMES]; /* return addresses, innermost first */
};

/* Opens libunwind now, in place of at the first stack; not where a signal handler may be running.  True: it is open. */
bool stack_prepare(void);

/* Takes the calling thread's stack, leaving out the innermost frames that lie in libbx or in the object that holds
 * `skip_object` (may be NULL; else the same object each time, which is never unloaded).  count is 0 when there is none to be had, as for the first one when a signal handler may
 * be what asks: opening libunwind would deadlock where malloc was interrupted. */
void stack_take(struct stack *s, const void *skip_object);

/* The calling thread is about to end: what libunwind keeps for it will go. */
struct process;
void stack_thread_end(struct process *p);

/*
 * For the handler of a fault: the stack as it was where the signal came, from the handler's third argument; the number of
 * addresses.  Where the fault was stands first.  Opens nothing, so that without a libunwind that is open already, or where
 * the fault was in there, it is all there is.  Reads the stack, which may fault again.
 */
int stack_take_interrupted(const void *context, void **pcs, int max);

/* Writes {modules, frames} as MessagePack, at most STACK_BYTES, and folds the frames into the fingerprint. */
uint8_t *stack_write(const struct stack *s, uint8_t *p, uint64_t *print);

#endif
