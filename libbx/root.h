/* SPDX-License-Identifier: ISC */
/*
 * root: the process itself as a context, for programs that only the preload shim instruments.
 *
 * What is opened on a thread with nothing open lies under the root.  It has one lineage a process: a forked child keeps
 * the name and the id, gets a span of its own, and hangs it under its parent's.
 */
#ifndef BLUEOX_ROOT_H
#define BLUEOX_ROOT_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/context.h"

/* The root's lineage, or NULL when there is no root (no shim) or it is just being made by the code we interrupted. */
const struct lineage *root_line_declared(struct thread *t);

extern bool root_declared;

static inline const struct lineage *
root_line(struct thread *t)
{
	return __builtin_expect(root_declared, 0) ? root_line_declared(t) : NULL;
}

/* Declares the root.  False when there is one already. */
bool root_declare(const char *name, int64_t start_mono, int64_t start_wall);

/* When the process (or, in a child, the root's part in it) began. */
void root_start(int64_t *mono, int64_t *wall);

#endif
