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
#include <stdint.h>

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

static inline _Atomic(struct track_node *) *
track_list(struct track *t, const void *handle)
{
	uint64_t mixed = (uint64_t)(uintptr_t)handle * 0x9e3779b97f4a7c15ULL; /* Knuth's multiplicative hashing */
	return &t->lists[mixed >> 56];
}

/* NULL: not known. */
static inline struct track_node *
track_find(struct track *t, const void *handle)
{
	struct track_node *node = atomic_load_explicit(track_list(t, handle), memory_order_acquire);
	while (node && atomic_load_explicit(&node->handle, memory_order_acquire) != handle)
		node = node->next;
	return node;
}

/* For a handle that is not known; NULL: no memory. */
struct track_node *track_make(struct track *t, const void *handle);

/* The one or the other. */
static inline struct track_node *
track_get(struct track *t, const void *handle)
{
	struct track_node *node = track_find(t, handle);
	return __builtin_expect(node != NULL, 1) ? node : track_make(t, handle);
}

/* Forgets the handle.  The state behind the node must be all zero by now. */
void track_drop(struct track_node *node);

#endif
