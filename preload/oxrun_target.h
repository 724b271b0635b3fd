/* SPDX-License-Identifier: ISC */
/*
 * oxrun_target: whether a program can take the preload object, read from its file before it is run.
 *
 * A static program ignores LD_PRELOAD; one of another libc or word size complains about it on its stderr, or does not
 * start at all.  A script is judged by its interpreter.  What cannot be read is taken to be like any other.
 */
#ifndef BLUEOX_PRELOAD_OXRUN_TARGET_H
#define BLUEOX_PRELOAD_OXRUN_TARGET_H

#include <limits.h>

/* NULL when it can; else a phrase saying why not.  `command` is looked for as execvp() does. */
const char *target_refuses(const char *command);

/* The file that is run in the end: the program's own, or its interpreter's. */
void target_program(const char *command, char program[PATH_MAX]);

#endif
