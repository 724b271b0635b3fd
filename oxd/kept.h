/* SPDX-License-Identifier: ISC */
/*
 * kept: which files the log writer may still write to: those of its newest two checkpoints.
 *
 * After a kill the log writer goes on from the newest checkpoint, or from the one before it, and compares the files that
 * it lists with the journal.  A file that neither lists is never written again.  But a list is older than what it is held
 * against: look at the directory first, take the lists then (a file gets its first byte only after it was listed).
 *
 * The log writer's thread adds, one other takes; the lock is held for a few instructions.
 */
#ifndef BLUEOX_OXD_KEPT_H
#define BLUEOX_OXD_KEPT_H

#include <pthread.h>

#include "oxd/checkpoint.h"

struct kept_list;

struct kept {
	pthread_mutex_t lock;
	struct kept_list *newest, *before; /* under lock */
};

void kept_init(struct kept *k);
void kept_fini(struct kept *k);

/* Takes the files of *c over. */
void kept_add(struct kept *k, struct checkpoint *c);

/* A look at both lists, sorted by name.  Of a file that is in both, the newest entry. */
struct kept_look {
	const struct checkpoint_file **files; /* owned */
	size_t count;
	bool any; /* false: there was no checkpoint yet, so that nothing is known */
	struct kept_list *lists[2];
};

bool kept_take(struct kept *k, struct kept_look *out); /* false: no memory */
void kept_drop(struct kept_look *look);
const struct checkpoint_file *kept_find(const struct kept_look *look, const char *name);

#endif
