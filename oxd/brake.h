/* SPDX-License-Identifier: ISC */
/*
 * brake: how often a day of logs may be removed, by clocks that cannot jump.
 *
 * A wall clock that is set wrong makes every file look old.  So a type loses at most one day of its files in each pause
 * (--prune-pause, an hour), counted on the clock that runs from boot, and that survives restarts of oxd and of the host:
 * the file `prunes` in the state directory says when each type was last pruned.  One thread.
 */
#ifndef BLUEOX_OXD_BRAKE_H
#define BLUEOX_OXD_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/event.h"

enum { BRAKE_BOOT = 40 };

struct brake_type;

struct brake {
	int state_fd; /* owned */
	int64_t pause_ns;
	char boot[BRAKE_BOOT];    /* the kernel's id of this boot, NUL-terminated */
	struct brake_type *types; /* owned */
};

/* BX_EIO with errno: the state directory cannot be opened.  A `prunes` that does not hold counts as none. */
enum bx_err brake_open(struct brake *b, const char *state_path, int64_t pause_ns);
void brake_close(struct brake *b);

/* `boot_ns` is CLOCK_BOOTTIME. */
bool brake_allows(const struct brake *b, struct bytes type, int64_t boot_ns);

/* Notes that a day of this type goes now.  False, with errno, when that could not be made durable: it must not go. */
bool brake_note(struct brake *b, struct bytes type, int64_t boot_ns);

#endif
