/* SPDX-License-Identifier: ISC */
/*
 * source_logdir: a lane for each type, and a heap of the lanes' next events.
 *
 * Within a type the files follow each other by date, so that only as many files are open as there are types.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "libbx/core/logname.h"
#include "oxview/lane.h"
#include "oxview/source.h"

struct file {
	struct logname name;
	char *path; /* owned */
};

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

static int
by_type(const struct logname *x, const struct logname *y)
{
	size_t n = x->type_len < y->type_len ? x->type_len : y->type_len;
	int order = memcmp(x->type, y->type, n);
	return order ? order : (x->type_len > y->type_len) - (x->type_len < y->type_len);
}

static int
by_type_then_date(const void *a, const void *b)
{
	const struct logname *x = &((const struct file *)a)->name, *y = &((const struct file *)b)->name;
	int order = by_type(x, y);
	if (order == 0)
		order = (x->day_start > y->day_start) - (x->day_start < y->day_start);
	if (order == 0)
		order = (x->part > y->part) - (x->part < y->part);
	return order;
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
		if (!lane_next(&h->lane, &h->event))
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

/* The log files in the directory that may hold what is wanted, sorted.  False: trouble was told. */
static bool
list_files(const char *path, const struct source_env *env, struct file **files, size_t *count)
{
	DIR *dir = opendir(path);
	if (!dir) {
		trouble_add(env->trouble, "%s: %s", path, strerror(errno));
		return false;
	}
	size_t cap = 0;
	struct dirent *entry;
	while ((entry = readdir(dir))) {
		struct file f = {.path = NULL};
		if (!logname_parse(entry->d_name, &f.name) || !select_file(env->select, &f.name))
			continue;
		if (*count == cap) {
			cap = cap ? 2 * cap : 64;
			struct file *grown = realloc(*files, cap * sizeof *grown);
			if (!grown)
				break;
			*files = grown;
		}
		if (asprintf(&f.path, "%s/%s", path, entry->d_name) < 0)
			break;
		(*files)[(*count)++] = f;
	}
	closedir(dir);
	if (entry) {
		trouble_add(env->trouble, "%s: out of memory", path);
		return false;
	}
	if (*count > 0)
		qsort(*files, *count, sizeof **files, by_type_then_date);
	return true;
}

static size_t
count_types(const struct file *files, size_t count)
{
	size_t types = 0;
	for (size_t i = 0; i < count; i++)
		types += i == 0 || by_type(&files[i].name, &files[i - 1].name) != 0;
	return types;
}

static bool
make_lanes(struct logdir *d, const struct file *files, size_t count)
{
	size_t types = count_types(files, count);
	size_t window = types > 64 ? FEED_WINDOW / 4 : FEED_WINDOW;
	d->heads = calloc(types + 1, sizeof *d->heads);
	d->heap = calloc(types + 1, sizeof *d->heap);
	if (!d->heads || !d->heap)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || by_type(&files[i].name, &files[i - 1].name) != 0) {
			d->heads[d->head_count].order = d->head_count;
			lane_init(&d->heads[d->head_count++].lane, window, d->env);
		}
		if (!lane_add(&d->heads[d->head_count - 1].lane, files[i].path))
			return false;
	}
	return true;
}

/* One descriptor a type: ask for as many as we may have. */
static void
raise_descriptor_limit(void)
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

struct source *
source_logdir(const char *path, const struct source_env *env)
{
	struct file *files = NULL;
	size_t count = 0;
	struct logdir *d = calloc(1, sizeof *d);
	bool ok = d && list_files(path, env, &files, &count);
	if (d) {
		d->source = (struct source){logdir_next, logdir_free};
		d->env = env;
	}
	if (ok && !make_lanes(d, files, count)) {
		trouble_add(env->trouble, "%s: out of memory", path);
		ok = false;
	}
	for (size_t i = 0; i < count; i++)
		free(files[i].path);
	free(files);
	if (!ok) {
		if (d)
			logdir_free(&d->source);
		return NULL;
	}
	raise_descriptor_limit();
	prime(d);
	return &d->source;
}
