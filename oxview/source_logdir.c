/* SPDX-License-Identifier: ISC */
/*
 * source_logdir: a lane for each type, and a heap of the lanes' next events.
 *
 * Within a type the files follow each other by date, so that only as many files are open as there are types.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "libbx/core/logdir.h"
#include "oxview/lane.h"
#include "oxview/source.h"

struct head {
	struct lane lane;
	struct event event; /* the lane's next */
	double key;
	size_t order; /* of the lane, so that equal ends always come in the same order */
};

struct logdir {
	struct source source; /* first: the two are one pointer */
	const struct source_env *env;
	struct head *heads; /* of all lanes */
	size_t head_count;
	struct head **heap; /* of those that have an event, the earliest first */
	size_t heap_count;
	struct head *given; /* whose event the caller holds */
};

static bool
same_type(const struct logdir_file *x, const struct logdir_file *y)
{
	return x->name.type_len == y->name.type_len && memcmp(x->name.type, y->name.type, x->name.type_len) == 0;
}

static bool
earlier(const struct head *a, const struct head *b)
{
	return a->key < b->key || (a->key == b->key && a->order < b->order);
}

static void
heap_swap(struct logdir *d, size_t i, size_t j)
{
	struct head *h = d->heap[i];
	d->heap[i] = d->heap[j];
	d->heap[j] = h;
}

static void
heap_down(struct logdir *d, size_t i)
{
	for (;;) {
		size_t least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < d->heap_count; child++)
			if (earlier(d->heap[child], d->heap[least]))
				least = child;
		if (least == i)
			return;
		heap_swap(d, i, least);
		i = least;
	}
}

static void
heap_up(struct logdir *d, size_t i)
{
	while (i > 0 && earlier(d->heap[i], d->heap[(i - 1) / 2])) {
		heap_swap(d, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

/* The lane's next event that is wanted; those without any time come first. */
static bool
head_advance(struct logdir *d, struct head *h)
{
	do
		if (source_stopped(d->env) || !lane_next(&h->lane, &h->event))
			return false;
	while (!select_event(d->env->select, &h->event));
	h->key = h->event.has_end ? h->event.end : h->event.has_start ? h->event.start : -INFINITY;
	if (isnan(h->key))
		h->key = -INFINITY;
	return true;
}

static bool
logdir_next(struct source *s, struct event *ev)
{
	struct logdir *d = (struct logdir *)s;
	if (d->given) { /* it is still on top of the heap: the caller held its event */
		if (!head_advance(d, d->given))
			d->heap[0] = d->heap[--d->heap_count];
		heap_down(d, 0);
		d->given = NULL;
	}
	if (d->heap_count == 0)
		return false;
	d->given = d->heap[0];
	*ev = d->given->event;
	return true;
}

static void
logdir_free(struct source *s)
{
	struct logdir *d = (struct logdir *)s;
	for (size_t i = 0; i < d->head_count; i++)
		lane_fini(&d->heads[i].lane);
	free(d->heads);
	free(d->heap);
	free(d);
}

/* Moves those of which something may be wanted to the front, in their order; returns how many they are. */
static size_t
choose(struct logdir_list *files, const struct select *select)
{
	size_t wanted = 0;
	for (size_t i = 0; i < files->count; i++) {
		struct logdir_file f = files->files[i];
		if (!select_file(select, &f.name))
			continue;
		files->files[i] = files->files[wanted];
		files->files[wanted++] = f;
	}
	return wanted;
}

static size_t
count_types(const struct logdir_file *files, size_t count)
{
	size_t types = 0;
	for (size_t i = 0; i < count; i++)
		types += i == 0 || !same_type(&files[i], &files[i - 1]);
	return types;
}

static bool
add_to_lane(struct lane *lane, const char *dir, const char *file)
{
	char *path;
	if (asprintf(&path, "%s/%s", dir, file) < 0)
		return false;
	bool ok = lane_add(lane, path);
	free(path);
	return ok;
}

/* Files are sorted by type, then date. */
static bool
make_lanes(struct logdir *d, const char *dir, const struct logdir_file *files, size_t count)
{
	size_t types = count_types(files, count);
	size_t window = types > 64 ? FEED_WINDOW / 4 : FEED_WINDOW;
	d->heads = calloc(types + 1, sizeof *d->heads);
	d->heap = calloc(types + 1, sizeof *d->heap);
	if (!d->heads || !d->heap)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct logdir_file *f = &files[i];
		if (i == 0 || !same_type(f, f - 1)) {
			d->heads[d->head_count].order = d->head_count;
			lane_init(&d->heads[d->head_count++].lane, window, d->env);
		}
		if (!add_to_lane(&d->heads[d->head_count - 1].lane, dir, f->path))
			return false;
	}
	return true;
}

void
source_raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
prime(struct logdir *d)
{
	for (size_t i = 0; i < d->head_count; i++) {
		if (!head_advance(d, &d->heads[i]))
			continue;
		d->heap[d->heap_count++] = &d->heads[i];
		heap_up(d, d->heap_count - 1);
	}
}

void
source_tell_unreadable(const struct source_env *env, const char *path, enum bx_err err)
{
	trouble_add(env->trouble, "%s: %s", path, err == BX_EIO ? strerror(errno) : bx_err_text(err));
}

struct source *
source_logdir(const char *path, const struct source_env *env)
{
	struct logdir_list files = {0};
	struct logdir *d = calloc(1, sizeof *d);
	enum bx_err err = d ? logdir_read(path, &files) : BX_ENOMEM;
	if (err != BX_OK)
		source_tell_unreadable(env, path, err);
	if (d) {
		d->source = (struct source){logdir_next, logdir_free};
		d->env = env;
	}
	if (err == BX_OK && !make_lanes(d, path, files.files, choose(&files, env->select))) {
		err = BX_ENOMEM;
		source_tell_unreadable(env, path, err);
	}
	logdir_list_fini(&files);
	if (err != BX_OK) {
		if (d)
			logdir_free(&d->source);
		return NULL;
	}
	source_raise_descriptor_limit();
	prime(d);
	return &d->source;
}
