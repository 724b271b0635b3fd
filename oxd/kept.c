/* SPDX-License-Identifier: ISC */
/* kept: two lists with a count of who holds them. */
#include "oxd/kept.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct kept_list {
	_Atomic unsigned holders;
	struct checkpoint c;
};

static void
let_go(struct kept_list *l)
{
	if (!l || atomic_fetch_sub(&l->holders, 1) != 1)
		return;
	checkpoint_fini(&l->c);
	free(l);
}

void
kept_init(struct kept *k)
{
	*k = (struct kept){.newest = NULL};
	pthread_mutex_init(&k->lock, NULL);
}

void
kept_fini(struct kept *k)
{
	let_go(k->newest);
	let_go(k->before);
	pthread_mutex_destroy(&k->lock);
}

void
kept_add(struct kept *k, struct checkpoint *c)
{
	struct kept_list *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	l->c = *c;
	atomic_init(&l->holders, 1);
	*c = (struct checkpoint){0};
	pthread_mutex_lock(&k->lock);
	struct kept_list *oldest = k->before;
	k->before = k->newest;
	k->newest = l;
	pthread_mutex_unlock(&k->lock);
	let_go(oldest);
}

static int
by_name(const void *a, const void *b)
{
	const struct checkpoint_file *x = *(const struct checkpoint_file *const *)a;
	const struct checkpoint_file *y = *(const struct checkpoint_file *const *)b;
	int order = strcmp(x->name, y->name);
	return order ? order : (x->len < y->len) - (x->len > y->len); /* the longest of one name first */
}

bool
kept_take(struct kept *k, struct kept_look *out)
{
	*out = (struct kept_look){.count = 0};
	pthread_mutex_lock(&k->lock);
	out->lists[0] = k->newest;
	out->lists[1] = k->before;
	for (int i = 0; i < 2; i++)
		if (out->lists[i])
			atomic_fetch_add(&out->lists[i]->holders, 1);
	pthread_mutex_unlock(&k->lock);
	out->any = out->lists[0] != NULL;
	size_t cap = 1;
	for (int i = 0; i < 2; i++)
		cap += out->lists[i] ? out->lists[i]->c.count : 0;
	out->files = calloc(cap, sizeof *out->files);
	if (!out->files) {
		kept_drop(out);
		return false;
	}
	for (int i = 0; i < 2; i++)
		for (size_t n = 0; out->lists[i] && n < out->lists[i]->c.count; n++)
			out->files[out->count++] = &out->lists[i]->c.files[n];
	qsort(out->files, out->count, sizeof *out->files, by_name);
	size_t different = 0;
	for (size_t i = 0; i < out->count; i++)
		if (different == 0 || strcmp(out->files[i]->name, out->files[different - 1]->name) != 0)
			out->files[different++] = out->files[i];
	out->count = different;
	return true;
}

void
kept_drop(struct kept_look *look)
{
	for (int i = 0; i < 2; i++)
		let_go(look->lists[i]);
	free(look->files);
	*look = (struct kept_look){.count = 0};
}

static int
name_order(const void *key, const void *member)
{
	return strcmp(key, (*(const struct checkpoint_file *const *)member)->name);
}

const struct checkpoint_file *
kept_find(const struct kept_look *look, const char *name)
{
	const struct checkpoint_file **found =
	    look->count > 0 ? bsearch(name, look->files, look->count, sizeof *look->files, name_order) : NULL;
	return found ? *found : NULL;
}
