/* SPDX-License-Identifier: ISC */
/*
 * oxrun_command: whether the shim would get into a command, and find there what it stands in front of.
 *
 * The command itself is not run.  What it would load is asked of the loader; which drivers it uses is guessed by their
 * names in its file, its script and the archives among its arguments, and what is guessed is told as such.
 */
#ifndef BLUEOX_PRELOAD_OXRUN_COMMAND_H
#define BLUEOX_PRELOAD_OXRUN_COMMAND_H

#include "preload/oxrun_report.h"

/* `object` is what would be preloaded. */
void command_check(struct report *r, char *const command[], const char *object);

#endif
