/* SPDX-License-Identifier: ISC */
/*
 * oxrun_find: where the other parts of BlueOx are.
 *
 * Beside oxrun (the build tree, or the same prefix/bin), else in a directory named relative to that, else in PATH.
 */
#ifndef BLUEOX_PRELOAD_OXRUN_FIND_H
#define BLUEOX_PRELOAD_OXRUN_FIND_H

#include <limits.h>
#include <stdbool.h>

/* The object to preload: a path, or one that the loader completes (`/usr/$LIB/…`) when it lies nowhere near oxrun. */
const char *find_object(char path[PATH_MAX]);

/* A program of ours, such as "oxview".  False when there is none. */
bool find_ours(const char *name, char path[PATH_MAX]);

/* What execvp() would run. */
bool find_program(const char *command, char path[PATH_MAX]);

/* Why find_program() found none: a clause. */
const char *find_refused(const char *command);

#endif
