/* SPDX-License-Identifier: ISC */
#include "preload/track.h"

#include <stdlib.h>

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
track_make(struct track *t, const void *handle)
{
	_Atomic(struct track_node *) *list = track_list(t, handle);
	struct track_node *node = take_over(atomic_load_explicit(list, memory_order_acquire), handle);
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
