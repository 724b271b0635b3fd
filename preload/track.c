/* SPDX-License-Identifier: ISC */
#include "preload/track.h"

#include <stdint.h>
#include <stdlib.h>

static _Atomic(struct track_node *) *
list_of(struct track *t, const void *handle)
{
	uint64_t mixed = (uint64_t)(uintptr_t)handle * 0x9e3779b97f4a7c15ULL; /* Knuth's multiplicative hashing */
	return &t->lists[mixed >> 56];
}

struct track_node *
track_find(struct track *t, const void *handle)
{
	struct track_node *node = atomic_load_explicit(list_of(t, handle), memory_order_acquire);
	while (node && atomic_load_explicit(&node->handle, memory_order_acquire) != handle)
		node = node->next;
	return node;
}

static struct track_node *
take_over(struct track_node *node, const void *handle)
{
	for (; node; node = node->next) {
		const void *none = NULL;
		if (atomic_compare_exchange_strong(&node->handle, &none, handle))
			return node;
	}
	return NULL;
}

struct track_node *
track_get(struct track *t, const void *handle)
{
	struct track_node *node = track_find(t, handle);
	if (node)
		return node;
	_Atomic(struct track_node *) *list = list_of(t, handle);
	node = take_over(atomic_load_explicit(list, memory_order_acquire), handle);
	if (node)
		return node;
	node = calloc(1, t->node_bytes);
	if (!node)
		return NULL;
	atomic_store(&node->handle, handle);
	node->next = atomic_load(list);
	while (!atomic_compare_exchange_weak(list, &node->next, node))
		;
	return node;
}

void
track_drop(struct track_node *node)
{
	atomic_store_explicit(&node->handle, NULL, memory_order_release);
}
