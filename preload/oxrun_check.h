/* SPDX-License-Identifier: ISC */
/* oxrun_check: what a program that is run with this environment would make of it. */
#ifndef BLUEOX_PRELOAD_OXRUN_CHECK_H
#define BLUEOX_PRELOAD_OXRUN_CHECK_H

#include <stdbool.h>

#include "libbx/core/buf.h"

/* Writes a line a variable, and one about the run directory.  False when a value is not understood or events would go
 * nowhere. */
bool check_environment(struct buf *out);

#endif
