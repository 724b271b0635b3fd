/* SPDX-License-Identifier: ISC */
/*
 * quarantine: frames that an upstream refuses to take, kept for people (rule T3).
 *
 * One file a frame, STATE/quarantine/ORIGIN-SEQ.frame, its bytes as they are in the journal.  The cursor of the forwarder
 * passes such a frame only after its file is durable: nothing goes without a trace.
 */
#ifndef BLUEOX_OXD_QUARANTINE_H
#define BLUEOX_OXD_QUARANTINE_H

#include <stdbool.h>

#include "libbx/core/event.h"

enum { QUARANTINE_NAME = 80 };

/* Durable when it returns true; false with errno.  `name` is the file's, below the state directory. */
bool quarantine_keep(int state_fd, struct bytes frame, char name[QUARANTINE_NAME]);

#endif
