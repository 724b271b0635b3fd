/* SPDX-License-Identifier: ISC */
/*
 * oxctl_store_change: compress, prune and reindex: asked of the oxd that holds the directory, done here otherwise.
 *
 * By hand as by the daemon, what a checkpoint lists is left alone, and so is every file that is not ours.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "libbx/core/compress.h"
#include "libbx/core/indexing.h"
#include "libbx/core/mp.h"
#include "oxd/oxctl_answer.h"
#include "oxd/oxctl_link.h"
#include "oxd/oxctl_store.h"
#include "oxd/json.h"
#include "oxd/say.h"
#include "oxd/store.h"

enum { POLL_US = 100000 };

struct work {
	const char *task;
	const char *type;
	int64_t before_ns; /* INT64_MIN: none */
	uint64_t size;
	uint64_t files, bytes, failed;
};

static int
show(const struct store_dir *d, const struct work *w)
{
	struct buf out = {0};
	if (d->o->json) {
		buf_printf(&out, "{\"do\":\"%s\",\"files\":%llu,\"bytes\":%llu,\"failed\":%llu}\n", w->task,
		    (unsigned long long)w->files, (unsigned long long)w->bytes, (unsigned long long)w->failed);
	} else {
		const char *what = strcmp(w->task, "reindex") == 0 ? "indexed" : "freed";
		buf_printf(&out, "%s: %llu files,", w->task, (unsigned long long)w->files);
		store_put_size(&out, w->bytes);
		buf_printf(&out, " %s", what);
		if (w->failed)
			buf_printf(&out, ", %llu failed", (unsigned long long)w->failed);
		buf_putc(&out, '\n');
	}
	int printed = oxctl_print(&out);
	return w->failed ? 1 : printed;
}

/* ---- by the daemon ----------------------------------------------------------------------------------------------- */

static void
put_request(struct buf *out, const struct work *w, bool begin)
{
	bool before = begin && w->before_ns != INT64_MIN, size = begin && w->size > 0, type = begin && w->type;
	mp_add_map(out, 1U + begin + before + size + type);
	mp_pair_text(out, "cmd", "STORE");
	if (begin)
		mp_pair_text(out, "do", w->task);
	if (before)
		mp_pair_uint(out, "before", (uint64_t)(w->before_ns > 0 ? w->before_ns / 1000000000 : 0));
	if (size)
		mp_pair_uint(out, "size", w->size);
	if (type)
		mp_pair_text(out, "type", w->type);
}

static bool
ask(struct oxctl_link *link, const struct work *w, bool begin, struct buf *answer, struct cursor *at)
{
	struct buf request = {0};
	char why[ANSWER_TEXT_MAX];
	struct cursor error;
	put_request(&request, w, begin);
	bool ok = oxctl_link_ask(link, &request, OXCTL_SOON_MS, answer);
	buf_fini(&request);
	if (!ok) {
		say(SAY_ERROR, "the oxd does not answer any more");
		return false;
	}
	cursor_init(at, answer->data, answer->len);
	if (answer_find(*at, "error", &error)) {
		say(SAY_ERROR, "%s", answer_find_text(*at, "error", why));
		return false;
	}
	return true;
}

/* The oxd that answers must be the one that holds this directory. */
static bool
is_its_directory(const struct store_dir *d, struct cursor answer)
{
	char path[ANSWER_TEXT_MAX];
	struct stat mine, its;
	if (fstat(d->fd, &mine) == 0 && stat(answer_find_text(answer, "log_path", path), &its) == 0 &&
	    mine.st_dev == its.st_dev && mine.st_ino == its.st_ino)
		return true;
	say(SAY_ERROR, "%s is in use, and not by the oxd at %s, which writes to %s", d->log_path, d->o->host, path);
	return false;
}

static bool
is_running(struct cursor answer)
{
	struct cursor at;
	struct mp_token t;
	return answer_find(answer, "running", &at) && mp_next(&at, &t) && t.kind == MP_BOOL && t.b;
}

static int
by_the_daemon(const struct store_dir *d, struct work *w)
{
	struct oxctl_link link;
	struct buf answer = {0};
	struct cursor at;
	char problem[ANSWER_TEXT_MAX];
	int status = oxctl_link_open(&link, d->o);
	if (status != 0)
		return status;
	struct work question = {.task = w->task};
	bool ok =
	    ask(&link, &question, false, &answer, &at) && is_its_directory(d, at) && ask(&link, w, true, &answer, &at);
	double job = ok ? answer_number_or(at, "job", 0) : 0;
	while (ok && is_running(at) && answer_number_or(at, "job", 0) == job) {
		usleep(POLL_US);
		ok = ask(&link, &question, false, &answer, &at);
	}
	if (ok) {
		w->files = (uint64_t)answer_number_or(at, "files", 0);
		w->bytes = (uint64_t)answer_number_or(at, "bytes", 0);
		w->failed = (uint64_t)answer_number_or(at, "failed", 0);
		if (*answer_find_text(at, "problem", problem))
			say(SAY_ERROR, "%s", problem);
	}
	oxctl_link_close(&link);
	buf_fini(&answer);
	return ok ? show(d, w) : 1;
}

/* ---- by hand ----------------------------------------------------------------------------------------------------- */

static void
tell_failure(struct work *w, const char *what, const struct logdir_file *f, enum bx_err err)
{
	w->failed++;
	say(SAY_ERROR, "cannot %s %s: %s", what, f->path, err == BX_EIO ? strerror(errno) : bx_err_text(err));
}

/* Packed files are compared only after everybody who listed the directory before has opened what it listed. */
static void
settle(const struct store_dir *d, struct work *w, const struct logdir_file *f)
{
	struct logdir_file packed = *f;
	packed.twins |= 1U << LOGDIR_ZST;
	uint64_t beside = store_bytes(d->fd, &packed) - f->size;
	enum bx_err err = compress_settle(d->fd, f->path, NULL);
	if (err != BX_OK) {
		tell_failure(w, "verify the packed copy of", f, err);
		return;
	}
	w->files++;
	w->bytes += f->size > beside ? f->size - beside : 0;
}

static int
compress_by_hand(struct store_dir *d, struct work *w)
{
	bool *packed = calloc(d->files.count + 1, sizeof *packed), any = false;
	int64_t wall_ns = clock_wall_ns();
	for (size_t i = 0; packed && i < d->files.count; i++) {
		const struct logdir_file *f = &d->files.files[i];
		uint64_t bytes;
		if (!store_dir_wants(f, w->type) || !store_is_ours(f) || f->pack != LOGDIR_PLAIN || f->size == 0 ||
		    store_dir_lists(d, f) || store_period_end_ns(f) > wall_ns || (f->twins & ~(1U << LOGDIR_ZST)))
			continue;
		enum bx_err err = f->twins ? BX_OK : store_pack(d->fd, f, NULL, &bytes);
		if (err != BX_OK)
			tell_failure(w, "pack", f, err);
		packed[i] = err == BX_OK;
		any |= packed[i];
	}
	if (any)
		sleep(COMPRESS_WAIT_S);
	for (size_t i = 0; packed && i < d->files.count; i++)
		if (packed[i])
			settle(d, w, &d->files.files[i]);
	free(packed);
	return show(d, w);
}

static int
reindex_by_hand(struct store_dir *d, struct work *w)
{
	for (size_t i = 0; i < d->files.count; i++) {
		const struct logdir_file *f = &d->files.files[i];
		struct index_end end = {0};
		if (!store_dir_wants(f, w->type) || !store_is_ours(f) || f->size == 0)
			continue;
		char stem[LOGNAME_MAX];
		snprintf(stem, sizeof stem, "%.*s", (int)(strlen(f->path) - strlen(logdir_suffix(f->pack))), f->path);
		const struct checkpoint_file *live = kept_find(&d->live, f->path);
		enum bx_err err = indexing_forget(d->fd, stem);
		if (err == BX_OK)
			err = indexing_extend(d->fd, stem, live ? live->len : UINT64_MAX, !live, NULL, &end);
		if (err != BX_OK)
			tell_failure(w, "index", f, err);
		else
			w->files++;
		w->bytes += end.covered;
	}
	return show(d, w);
}

/* ---- pruning ----------------------------------------------------------------------------------------------------- */

static struct store_item *
choose(const struct store_dir *d, const struct work *w, size_t *count)
{
	struct store_item *items = calloc(d->files.count + 1, sizeof *items);
	*count = 0;
	for (size_t i = 0; items && i < d->files.count; i++) {
		const struct logdir_file *f = &d->files.files[i];
		if (store_is_ours(f) && store_dir_wants(f, w->type))
			items[(*count)++] = (struct store_item){
			    .file = f, .bytes = store_bytes(d->fd, f), .live = store_dir_lists(d, f)};
	}
	struct store_limits limits = {.before_ns = w->before_ns, .bytes = w->size};
	if (items)
		store_choose(items, *count, &limits, false);
	return items;
}

static int
say_what_would_go(const struct store_dir *d, const struct store_item *items, size_t count)
{
	struct buf out = {0};
	uint64_t files = 0, bytes = 0;
	if (d->o->json)
		buf_puts(&out, "{\"would_remove\":[");
	for (size_t i = 0; i < count; i++) {
		if (!items[i].goes)
			continue;
		if (d->o->json) {
			buf_puts(&out, files ? "," : "");
			json_add_text(&out, items[i].file->path, strlen(items[i].file->path));
		} else {
			store_put_size(&out, items[i].bytes);
			buf_printf(&out, "  %s\n", items[i].file->path);
		}
		files++;
		bytes += items[i].bytes;
	}
	if (d->o->json) {
		buf_printf(&out, "],\"bytes\":%llu}\n", (unsigned long long)bytes);
	} else {
		store_put_size(&out, bytes);
		buf_printf(&out, " in %llu files would go; nothing was removed: --yes removes them\n",
		    (unsigned long long)files);
	}
	return oxctl_print(&out);
}

static int
prune_by_hand(struct store_dir *d, struct work *w)
{
	size_t count;
	struct store_item *items = choose(d, w, &count);
	int status = d->o->yes ? 0 : say_what_would_go(d, items, items ? count : 0);
	for (size_t i = 0; d->o->yes && items && i < count; i++) {
		if (!items[i].goes)
			continue;
		enum bx_err err = store_remove(d->fd, items[i].file);
		if (err != BX_OK) {
			tell_failure(w, "remove", items[i].file, err);
			continue;
		}
		w->files++;
		w->bytes += items[i].bytes;
	}
	free(items);
	return d->o->yes ? show(d, w) : status;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

int
oxctl_store_compress(struct store_dir *d, const char *type)
{
	struct work w = {.task = "compress", .type = type, .before_ns = INT64_MIN};
	return d->held ? by_the_daemon(d, &w) : compress_by_hand(d, &w);
}

int
oxctl_store_reindex(struct store_dir *d, const char *type)
{
	struct work w = {.task = "reindex", .type = type, .before_ns = INT64_MIN};
	return d->held ? by_the_daemon(d, &w) : reindex_by_hand(d, &w);
}

int
oxctl_store_prune(struct store_dir *d, const char *type)
{
	struct work w = {.task = "prune", .type = type, .before_ns = INT64_MIN, .size = d->o->size};
	if (!d->o->before && d->o->size == 0) {
		say(SAY_ERROR, "'oxctl store prune' needs --before=DATE or --size=SIZE");
		return 2;
	}
	if (d->o->before && !store_read_date("before", d->o->before, false, &w.before_ns))
		return 2;
	return d->held && d->o->yes ? by_the_daemon(d, &w) : prune_by_hand(d, &w);
}
