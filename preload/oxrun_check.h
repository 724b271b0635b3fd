/* SPDX-License-Identifier: ISC */
/* oxrun_check: what a program that is run with this environment would make of it. */
#ifndef BLUEOX_PRELOAD_OXRUN_CHECK_H
#define BLUEOX_PRELOAD_OXRUN_CHECK_H

#include <stdbool.h>

#include "libbx/core/buf.h"

/* Writes a line a variable.  False when a value is not understood or keeps recording off. */
bool check_environment(struct buf *out);

#endif
