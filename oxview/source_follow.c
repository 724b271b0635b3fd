/* SPDX-License-Identifier: ISC */
/*
 * source_follow: files that are still being written, each as far as it goes, and then whatever comes.
 *
 * A file is watched before it is read to its end, so what is appended between the two is not missed.  A file that is
 * removed, as one is that oxd has packed, is read to its end and then let go; when the last is gone there is an end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oxview/feed.h"
#include "oxview/source.h"

struct followed {
	struct feed feed;
	bool open;
};

struct follow {
	struct source source; /* first: the two are one pointer */
	const struct source_env *env;
	struct followed *files; /* owned */
	size_t count, at;       /* at: whose turn it is */
	int watch;              /* inotify */
};

/* Watched, opened and planned; what is wrong is told, and the file is then none of ours. */
static void
open_file(struct follow *f, struct followed *file, const char *path)
{
	struct trouble *trouble = f->env->trouble;
	struct plan plan;
	if (inotify_add_watch(f->watch, path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF) < 0) {
		trouble_add(trouble, "%s: %s", path, strerror(errno));
		return;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		trouble_add(trouble, "%s: %s", path, strerror(errno));
		return;
	}
	file->open = true;
	if (!plan_make(&plan, path, f->env->select) ||
	    !feed_open_plan(&file->feed, fd, path, FEED_WINDOW, &plan, trouble)) {
		trouble_add(trouble, "%s: out of memory", path);
		feed_close(&file->feed);
		file->open = false;
		return;
	}
	file->feed.follows = true;
}

/* False when the file is gone, or cut: then nothing that comes can be trusted to begin where the last event ended. */
static bool
goes_on(const struct follow *f, const struct followed *file)
{
	struct stat st;
	if (fstat(file->feed.in.fd, &st) != 0)
		return false;
	if (st.st_nlink == 0) {
		trouble_tell(f->env->trouble, "%s: is gone, no longer followed", file->feed.name);
		return false;
	}
	if ((uint64_t)st.st_size < file->feed.base + file->feed.end) {
		trouble_add(f->env->trouble, "%s: was cut, no longer followed", file->feed.name);
		return false;
	}
	return true;
}

/* Waits until some file may have changed.  False when none is left, or waiting fails. */
static bool
wait_for_change(struct follow *f)
{
	_Alignas(struct inotify_event) char events[4096];
	size_t left = 0;
	for (size_t i = 0; i < f->count; i++) {
		if (!f->files[i].open)
			continue;
		if (goes_on(f, &f->files[i])) {
			left++;
			continue;
		}
		feed_close(&f->files[i].feed);
		f->files[i].open = false;
	}
	if (left == 0)
		return false;
	if (f->env->before_wait)
		f->env->before_wait(f->env->context);
	ssize_t n;
	do
		n = read(f->watch, events, sizeof events);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		trouble_add(f->env->trouble, "cannot wait for files to change: %s", strerror(errno));
	return n >= 0;
}

/* The next event of the file whose turn it is.  False: it has none now, or never again. */
static bool
take(struct follow *f, struct followed *file, struct event *ev)
{
	while (file->open && feed_next(&file->feed, ev))
		if (select_event(f->env->select, ev))
			return true;
	if (file->open && !file->feed.waiting) { /* packed, or it cannot be read */
		feed_close(&file->feed);
		file->open = false;
	}
	return false;
}

static bool
follow_next(struct source *s, struct event *ev)
{
	struct follow *f = (struct follow *)s;
	do {
		for (; f->at < f->count; f->at++)
			if (take(f, &f->files[f->at], ev))
				return true;
		f->at = 0;
	} while (wait_for_change(f));
	return false;
}

static void
follow_free(struct source *s)
{
	struct follow *f = (struct follow *)s;
	for (size_t i = 0; i < f->count; i++)
		if (f->files[i].open)
			feed_close(&f->files[i].feed);
	if (f->watch >= 0)
		close(f->watch);
	free(f->files);
	free(f);
}

struct source *
source_follow(char *const *paths, size_t count, const struct source_env *env)
{
	struct follow *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	*f = (struct follow){.source = {follow_next, follow_free}, .env = env, .watch = inotify_init1(IN_CLOEXEC)};
	f->files = calloc(count + 1, sizeof *f->files);
	if (f->watch < 0 || !f->files) {
		trouble_add(env->trouble, "files cannot be followed: %s", strerror(errno));
		follow_free(&f->source);
		return NULL;
	}
	f->count = count;
	for (size_t i = 0; i < count; i++)
		open_file(f, &f->files[i], paths[i]);
	return &f->source;
}
