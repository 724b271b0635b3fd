/* SPDX-License-Identifier: ISC */
/*
 * track: what the shim knows of a connection or client handle of the host's, found by the handle's address.
 *
 * A handle is used by one thread at a time, by its library's own rule; the table is used by all.  So a state needs no
 * lock, and the table is a fixed number of lists that only grow: a dropped node stays in its list with its key cleared,
 * and the next handle that falls there takes it over.  Peak handles bound the memory, and nothing is allocated twice.
 */
#ifndef BLUEOX_PRELOAD_TRACK_H
#define BLUEOX_PRELOAD_TRACK_H

#include <stdatomic.h>
#include <stddef.h>

enum { TRACK_LISTS = 256 };

/* First member of every state. */
struct track_node {
	struct track_node *next;      /* fixed once the node is in its list */
	_Atomic(const void *) handle; /* NULL: free to be taken over, all behind this member is zero */
};

struct track {
	size_t node_bytes; /* of a whole state */
	_Atomic(struct track_node *) lists[TRACK_LISTS];
};

struct track_node *track_find(struct track *t, const void *handle); /* NULL: not known */
struct track_node *track_get(struct track *t, const void *handle);  /* makes one if need be; NULL: no memory */

/* Forgets the handle.  The state behind the node must be all zero by now. */
void track_drop(struct track_node *node);

#endif
