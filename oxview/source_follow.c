/* SPDX-License-Identifier: ISC */
/*
 * source_follow: files that are still being written, each as far as it goes, and then whatever comes.
 *
 * A file is watched before it is read to its end, so what is appended between the two is not missed.  A file that is
 * removed, as one is that oxd has packed, is read to its end and then let go; when the last is gone there is an end.
 *
 * A log directory is watched as a whole, and so are the dated folders in it, before it is listed.  Files that come are taken up, and so are
 * those of types never seen.  The newest file of each type is held open, the others are read to their end and let go;
 * when one of them grows after all, as it does when a daemon that was killed writes on, it is read on from there.  A file that was
 * packed is the file that it was; a plain file of the same name with another inode is a new one.
 *
 * A daemon that was killed cuts what it had half written, and writes it again.  So a file that is shorter than what was read of it
 * is read on from the end of the last whole event.  In a directory this holds for whole events too: what is written a second time
 * is known again as a repeat (repeats.h).
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "libbx/core/logdir.h"
#include "oxview/feed.h"
#include "oxview/lane.h"
#include "oxview/source.h"

enum { WINDOW_OF_MANY = FEED_WINDOW / 8, STOP_MS = 200 };

struct followed {
	UT_hash_handle hh;
	char *path;     /* owned */
	uint64_t inode; /* of the file that is or was open */
	uint64_t from;  /* where to read on, once it was let go of */
	struct feed feed;
	enum { FOLLOW_NEW, FOLLOW_OPEN, FOLLOW_DONE } state;
	bool old;      /* another file of its type is the one that grows */
	bool replaced; /* there is another file of its name */
	bool listed;
};

struct folder {
	int watch;
	char name[9];
};

struct follow {
	struct source source; /* first: the two are one pointer */
	const struct source_env *env;
	struct followed **files; /* owned, and each of them; in the order in which they came */
	struct followed *names;  /* the same by path, without what a pack put behind it */
	size_t count, cap, at;   /* at: whose turn it is */
	const char *dir;         /* borrowed; NULL: files that were named */
	struct folder *folders;  /* owned */
	size_t folder_count;
	int inotify, dir_watch;
};

static bool
fail_memory(struct follow *f)
{
	trouble_add(f->env->trouble, "out of memory");
	return false;
}

/* Takes over the path, of which so much is the file's name for us.  NULL with trouble told: out of memory. */
static struct followed *
add_file(struct follow *f, char *path, size_t key_n)
{
	struct followed *file = path ? calloc(1, sizeof *file) : NULL;
	if (file && f->count == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 16;
		struct followed **grown = realloc(f->files, cap * sizeof *grown);
		if (grown) {
			f->files = grown;
			f->cap = cap;
		}
	}
	if (!file || f->count == f->cap) {
		free(path);
		free(file);
		fail_memory(f);
		return NULL;
	}
	file->path = path;
	f->files[f->count++] = file;
	if (f->dir)
		HASH_ADD_KEYPTR(hh, f->names, file->path, key_n, file);
	return file;
}

static void
free_file(struct follow *f, struct followed *file)
{
	if (f->dir)
		HASH_DEL(f->names, file); /* NOLINT(clang-analyzer-core.NullDereference): it is in there */
	if (file->state == FOLLOW_OPEN)
		feed_close(&file->feed);
	free(file->path);
	free(file);
}

/* The first time what the index says is wanted, and later what comes behind that. */
static bool
open_feed(struct follow *f, struct followed *file, int fd)
{
	struct plan plan;
	size_t window = f->dir ? WINDOW_OF_MANY : FEED_WINDOW;
	if (file->from > 0)
		return feed_open_at(&file->feed, fd, file->path, window, file->from, f->env->trouble);
	return plan_make(&plan, file->path, f->env->select) && plan_add_what_comes(&plan) &&
	       feed_open_plan(&file->feed, fd, file->path, window, &plan, f->env->trouble);
}

/* What is wrong is told, and the file is then none of ours.  What left a directory since it was listed is nothing wrong. */
static void
open_file(struct follow *f, struct followed *file)
{
	struct stat st;
	file->state = FOLLOW_DONE;
	int fd = lane_open(file->path);
	if (fd < 0) {
		if (!f->dir || errno != ENOENT)
			trouble_add(f->env->trouble, "%s: %s", file->path, strerror(errno));
		return;
	}
	file->inode = fstat(fd, &st) == 0 ? st.st_ino : 0;
	if (!open_feed(f, file, fd)) {
		trouble_add(f->env->trouble, "%s: out of memory", file->path);
		feed_close(&file->feed);
		return;
	}
	file->state = FOLLOW_OPEN;
	file->feed.follows = true;
	file->feed.finder = f->env->finder;
}

/* Lets go of it; when it is opened again it is read on from here. */
static void
close_file(struct followed *file, uint64_t from)
{
	file->from = from;
	feed_close(&file->feed);
	file->state = FOLLOW_DONE;
}

/* What a file is can be told from its first bytes only. */
static bool
is_empty(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

/* ---- the directory ----------------------------------------------------------------------------------------------- */

static bool
same_type(const struct logname *x, const struct logname *y)
{
	return x->type_len == y->type_len && memcmp(x->type, y->type, x->type_len) == 0;
}

static bool
is_dated(const char *name)
{
	size_t n = 0;
	while (isdigit((unsigned char)name[n]))
		n++;
	return n == 8 && !name[n];
}

/* Watching one that is watched already changes nothing. */
static bool
watch_folder(struct follow *f, const char *name)
{
	char *path;
	if (asprintf(&path, "%s/%s", f->dir, name) < 0)
		return fail_memory(f);
	int watch = inotify_add_watch(f->inotify, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	free(path);
	for (size_t i = 0; watch >= 0 && i < f->folder_count; i++)
		if (f->folders[i].watch == watch)
			return true;
	struct folder *grown = watch >= 0 ? realloc(f->folders, (f->folder_count + 1) * sizeof *grown) : NULL;
	if (!grown)
		return watch < 0 || fail_memory(f); /* it is gone already, or no folder */
	f->folders = grown;
	grown[f->folder_count].watch = watch;
	memcpy(grown[f->folder_count++].name, name, sizeof grown->name);
	return true;
}

/* Those of later BlueOx. */
static bool
watch_folders(struct follow *f)
{
	DIR *dir = opendir(f->dir);
	struct dirent *e;
	bool ok = true;
	while (ok && dir && (e = readdir(dir)))
		ok = !is_dated(e->d_name) || watch_folder(f, e->d_name);
	if (dir)
		closedir(dir);
	return ok;
}

/* One that is known, or is now.  NULL with trouble told. */
static struct followed *
list_file(struct follow *f, const struct logdir_file *listed)
{
	char *path;
	struct followed *file = NULL;
	int n = asprintf(&path, "%s/%s", f->dir, listed->path);
	if (n < 0) {
		fail_memory(f);
		return NULL;
	}
	size_t key_n = (size_t)n - strlen(logdir_suffix(listed->pack));
	HASH_FIND(hh, f->names, path, key_n, file);
	if (!file)
		return add_file(f, path, key_n);
	free(path);
	bool another = listed->pack == LOGDIR_PLAIN && file->inode && file->inode != listed->ino;
	file->replaced = another && file->state == FOLLOW_OPEN;
	if (another && file->state == FOLLOW_DONE) {
		file->state = FOLLOW_NEW;
		file->from = 0;
	}
	return file;
}

/* What was read and is gone is forgotten. */
static void
forget_unlisted(struct follow *f)
{
	size_t left = 0;
	for (size_t i = 0; i < f->count; i++) {
		if (f->files[i]->listed || f->files[i]->state == FOLLOW_OPEN)
			f->files[left++] = f->files[i];
		else
			free_file(f, f->files[i]);
	}
	f->count = left;
}

/* Takes up what is new in the directory, and marks what has a newer file of its type.  False: it cannot be read. */
static bool
list_directory(struct follow *f)
{
	struct logdir_list list = {0};
	struct followed *file;
	if (!watch_folders(f))
		return false;
	enum bx_err err = logdir_read(f->dir, &list);
	if (err != BX_OK)
		source_tell_unreadable(f->env, f->dir, err);
	for (size_t i = 0; i < f->count; i++)
		f->files[i]->listed = false;
	for (size_t i = 0; err == BX_OK && i < list.count; i++) {
		if (!select_file(f->env->select, &list.files[i].name))
			continue;
		file = list_file(f, &list.files[i]);
		if (!file) {
			err = BX_ENOMEM;
			break;
		}
		file->listed = true;
		file->old = i + 1 < list.count && same_type(&list.files[i].name, &list.files[i + 1].name);
	}
	if (err == BX_OK)
		forget_unlisted(f);
	logdir_list_fini(&list);
	return err == BX_OK;
}

/* A file that was let go of grows: it is read on. */
static void
look_again(struct follow *f, int watch, const char *name)
{
	struct followed *file = NULL;
	const char *folder = "";
	char *path;
	for (size_t i = 0; i < f->folder_count; i++)
		if (f->folders[i].watch == watch)
			folder = f->folders[i].name;
	int n = asprintf(&path, "%s/%s%s%s", f->dir, folder, *folder ? "/" : "", name);
	if (n < 0)
		return;
	HASH_FIND(hh, f->names, path, (size_t)n, file);
	if (file && file->state == FOLLOW_DONE && strlen(file->path) == (size_t)n)
		file->state = FOLLOW_NEW;
	free(path);
}

/* What became of the directory, out of n bytes of inotify's. */
static void
understand(struct follow *f, const char *events, size_t n, bool *listed_anew, bool *gone)
{
	for (size_t at = 0; at + sizeof(struct inotify_event) <= n;) {
		struct inotify_event e;
		memcpy(&e, events + at, sizeof e);
		*listed_anew = *listed_anew || (e.mask & (IN_CREATE | IN_MOVED_TO | IN_Q_OVERFLOW)) != 0;
		*gone = *gone || (e.wd == f->dir_watch && (e.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0);
		if (e.len > 0 && (e.mask & IN_MODIFY))
			look_again(f, e.wd, events + at + sizeof e);
		at += sizeof e + e.len;
	}
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/*
 * False when it is let go of: it is gone, or was cut.  A file that was named and lost whole events may be anything now; in a
 * directory, and where only what was half written is gone, it is read on.
 */
static bool
goes_on(const struct follow *f, struct followed *file)
{
	struct stat st;
	struct feed *feed = &file->feed;
	uint64_t size, whole = feed_offset(feed);
	if (fstat(feed->in.fd, &st) != 0)
		return false;
	size = (uint64_t)st.st_size;
	if (st.st_nlink == 0 && size <= feed->base + feed->end) {
		if (!f->dir)
			trouble_tell(f->env->trouble, "%s: is gone, no longer followed", file->path);
		return false;
	}
	if (size >= feed->base + feed->end)
		return true;
	if (size < whole && !f->dir) {
		trouble_add(f->env->trouble, "%s: was cut, no longer followed", file->path);
		return false;
	}
	if (size < whole)
		trouble_tell(f->env->trouble, "%s: was cut by %llu bytes, read on from there", file->path,
		    (unsigned long long)(whole - size));
	close_file(file, size < whole ? size : whole);
	file->state = FOLLOW_NEW;
	return true;
}

/* False: it failed, or the source is to stop. */
static bool
wait_for_events(struct follow *f)
{
	struct pollfd p = {.fd = f->inotify, .events = POLLIN};
	int n;
	if (f->env->before_wait)
		f->env->before_wait(f->env->context);
	do {
		if (source_stopped(f->env))
			return false;
		n = poll(&p, 1, f->env->stopped ? STOP_MS : -1);
	} while (n == 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		trouble_add(f->env->trouble, "cannot wait for files to change: %s", strerror(errno));
	return n > 0;
}

static bool
take_events(struct follow *f)
{
	_Alignas(struct inotify_event) char events[4096];
	bool listed_anew = false, gone = false;
	ssize_t n = read(f->inotify, events, sizeof events);
	if (n < 0 && errno != EINTR && errno != EAGAIN) {
		trouble_add(f->env->trouble, "cannot wait for files to change: %s", strerror(errno));
		return false;
	}
	if (n <= 0 || !f->dir)
		return true;
	understand(f, events, (size_t)n, &listed_anew, &gone);
	if (gone)
		trouble_add(f->env->trouble, "%s: is gone, no longer followed", f->dir);
	return !gone && (!listed_anew || list_directory(f));
}

/* Waits until some file may have changed.  False when none is left, or waiting fails. */
static bool
wait_for_change(struct follow *f)
{
	size_t left = 0;
	bool more = false;
	for (size_t i = 0; i < f->count; i++) {
		struct followed *file = f->files[i];
		if (file->state == FOLLOW_OPEN && !goes_on(f, file))
			close_file(file, feed_offset(&file->feed));
		if (!f->dir && file->state == FOLLOW_NEW && access(file->path, F_OK) != 0) {
			trouble_tell(f->env->trouble, "%s: is gone, no longer followed", file->path);
			file->state = FOLLOW_DONE;
		}
		left += file->state != FOLLOW_DONE;
		more = more || (file->state == FOLLOW_NEW && !is_empty(file->path));
	}
	return (left > 0 || f->dir) && (more || (wait_for_events(f) && take_events(f)));
}

/* The next event of the file whose turn it is.  False: it has none now, or never again. */
static bool
take(struct follow *f, struct followed *file, struct event *ev)
{
	do {
		if (file->state == FOLLOW_NEW && !is_empty(file->path))
			open_file(f, file);
		while (file->state == FOLLOW_OPEN && !source_stopped(f->env) && feed_next(&file->feed, ev))
			if (select_event(f->env->select, ev))
				return true;
		if (file->state != FOLLOW_OPEN)
			return false;
		if (file->replaced) {
			close_file(file, 0);
			file->state = FOLLOW_NEW;
			file->replaced = false;
		} else if (!file->feed.waiting || file->old) /* packed, or unreadable, or nobody writes to it */
			close_file(file, feed_offset(&file->feed));
	} while (file->state == FOLLOW_NEW && !is_empty(file->path));
	return false;
}

static bool
follow_next(struct source *s, struct event *ev)
{
	struct follow *f = (struct follow *)s;
	do {
		for (; f->at < f->count; f->at++)
			if (take(f, f->files[f->at], ev))
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
		free_file(f, f->files[i]);
	close(f->inotify);
	free(f->files);
	free(f->folders);
	free(f);
}

static struct follow *
follow_new(const struct source_env *env, const char *dir)
{
	struct follow *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	*f = (struct follow){.source = {follow_next, follow_free},
	    .env = env,
	    .dir = dir,
	    .inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
	if (f->inotify >= 0)
		return f;
	trouble_add(env->trouble, "files cannot be followed: %s", strerror(errno));
	free(f);
	return NULL;
}

struct source *
source_follow(char *const *paths, size_t count, const struct source_env *env)
{
	struct follow *f = follow_new(env, NULL);
	bool ok = f != NULL;
	for (size_t i = 0; ok && i < count; i++) {
		char *path = strdup(paths[i]);
		struct followed *file = add_file(f, path, path ? strlen(path) : 0);
		ok = file != NULL;
		if (ok && inotify_add_watch(f->inotify, path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF) < 0) {
			trouble_add(env->trouble, "%s: %s", path, strerror(errno));
			file->state = FOLLOW_DONE;
		}
	}
	if (f && !ok)
		follow_free(&f->source);
	return ok ? &f->source : NULL;
}

struct source *
source_follow_logdir(const char *path, const struct source_env *env)
{
	const uint32_t what =
	    IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
	struct follow *f = follow_new(env, path);
	if (!f)
		return NULL;
	source_raise_descriptor_limit();
	f->dir_watch = inotify_add_watch(f->inotify, path, what);
	if (f->dir_watch < 0)
		trouble_add(env->trouble, "%s: %s", path, strerror(errno));
	if (f->dir_watch >= 0 && list_directory(f))
		return &f->source;
	follow_free(&f->source);
	return NULL;
}
