/* SPDX-License-Identifier: ISC */
/*
 * unwinding: which threads are inside libunwind, so that a fork does not cut one off in there.
 *
 * Locks that another thread holds at a fork stay taken in the child for good: libunwind's own, and the loader's, which it
 * takes to look at the objects that are loaded, and which the child's own dlopen() would wait for.  So a fork waits until
 * nobody is inside, for a moment at most, and who comes meanwhile is refused.  Where somebody was inside all the same, or
 * the fork was one that calls no handlers, the child finds it in the count, which is ordinary memory, and never goes in.
 */
#ifndef BLUEOX_UNWINDING_H
#define BLUEOX_UNWINDING_H

#include <stdbool.h>

/* When libunwind is about to be opened, once; allocates. */
void unwinding_watch_forks(void);

/* False: this thread may not go in, also where it is inside already and a signal handler asks.  `forking`: it may while
 * another thread forks. */
bool unwinding_enter(bool forking);
void unwinding_leave(void);

#endif
