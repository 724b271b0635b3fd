/* SPDX-License-Identifier: ISC */
/*
 * handler: for the few things that must not be done in a signal handler, because they take locks of the C library:
 * opening libunwind, starting the sender's thread.
 */
#ifndef BLUEOX_HANDLER_H
#define BLUEOX_HANDLER_H

#include <stdbool.h>

/*
 * Whether a signal handler may be what called us: while one runs its own signal is blocked, unless SA_NODEFER says
 * otherwise, and it may be on a stack of its own.  After SA_RESETHAND there is no handler to be seen, only a fault
 * signal that is blocked; but threads that block everything block these too.
 */
bool handler_may_be_running(void);

#endif
