/* SPDX-License-Identifier: ISC */
/* keeper_files: what is known of each file; its index, and its packed copy. */
#include "oxd/keeper_own.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libbx/core/clock.h"
#include "libbx/core/compress.h"
#include "oxd/store.h"

/* ---- what is known of files -------------------------------------------------------------------------------------- */

struct tended *
keeper_tend(struct keeper *k, const char *name)
{
	struct tended *t;
	HASH_FIND_STR(k->files, name, t);
	if (t)
		return t;
	t = calloc(1, sizeof *t);
	if (!t)
		abort();
	snprintf(t->name, sizeof t->name, "%s", name);
	HASH_ADD_STR(k->files, name, t);
	return t;
}

void
keeper_forget(struct keeper *k, struct tended *t)
{
	HASH_DEL(k->files, t);
	free(t);
}

static void
forget_unseen(struct keeper *k)
{
	struct tended *t, *next;
	HASH_ITER(hh, k->files, t, next)
	{
		if (!t->seen)
			keeper_forget(k, t);
		else
			t->seen = false;
	}
}

enum { RUN = 256 };

/* ---- indexing what is written ------------------------------------------------------------------------------------ */

static bool
is_that_file(int dir_fd, const struct checkpoint_file *c)
{
	struct stat st;
	return fstatat(dir_fd, c->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_ino == c->ino &&
	       (uint64_t)st.st_size >= c->len;
}

/*
 * Entries of what the log writer has seen go by, without reading it again.  A gap before a block is read, and sealed, so
 * that the entries meet; blocks that are in the index already are passed over.
 */
static enum bx_err
index_seen(struct keeper *k, const char *name, struct index_end *end, const struct block *list)
{
	enum bx_err err = BX_OK;
	while (list && err == BX_OK && !atomic_load(&k->stop)) {
		const struct index_entry *run[RUN];
		size_t n = 0;
		uint64_t at = end->covered;
		for (; list && n < RUN && list->entry.offset <= at; list = list->next) {
			if (list->entry.offset < at)
				continue;
			run[n++] = &list->entry;
			at += list->entry.length;
		}
		if (n > 0) {
			err = indexing_append(k->dir_fd, name, run, n, end);
		} else if (list) {
			err = indexing_extend(k->dir_fd, name, list->entry.offset, true, &k->stop, end);
			if (end->covered != list->entry.offset)
				break; /* it cannot be read as far as that */
		}
	}
	return err;
}

static enum bx_err
index_all_seen(struct keeper *k, const struct checkpoint_file *c, struct tended *t, const struct seen_blocks *seen)
{
	enum bx_err err = seen && t->end.at == 0 ? indexing_look(k->dir_fd, c->name, c->len, &t->end) : BX_OK;
	for (; seen && err == BX_OK; seen = seen->next)
		if (seen->ino == c->ino && strcmp(seen->name, c->name) == 0)
			err = index_seen(k, c->name, &t->end, seen->list);
	return err;
}

static void
index_one(struct keeper *k, const struct checkpoint_file *c, const struct seen_blocks *seen)
{
	struct tended *t = keeper_tend(k, c->name);
	if (t->ino != c->ino)
		t->end = (struct index_end){0};
	t->ino = c->ino;
	if (c->len < t->end.covered + INDEX_BLOCK || clock_mono_ns() < t->not_before_ns || !is_that_file(k->dir_fd, c))
		return;
	uint64_t before = t->end.covered;
	enum bx_err err = index_all_seen(k, c, t, seen);
	if (err == BX_OK && c->len >= t->end.covered + INDEX_BLOCK)
		err = indexing_extend(k->dir_fd, c->name, c->len, false, &k->stop, &t->end);
	if (t->end.covered > before)
		stats_add(k->stats, STAT_indexed_bytes, t->end.covered - before);
	if (err != BX_OK)
		keeper_tell_failure(k, "index", t, err);
	else if (t->end.covered == before && !atomic_load(&k->stop)) /* no events there: not looked at each second */
		t->not_before_ns = clock_mono_ns() + LONGEST_WAIT_S * second_ns;
}

void
keeper_index_written(struct keeper *k)
{
	struct kept_look look;
	pthread_mutex_lock(&k->lock);
	struct seen_blocks *seen = k->seen;
	k->seen = NULL;
	k->seen_bytes = 0;
	pthread_mutex_unlock(&k->lock);
	if (kept_take(&k->kept, &look)) {
		if (keeper_open_dir(k))
			for (size_t i = 0; i < look.count && !atomic_load(&k->stop); i++)
				index_one(k, look.files[i], seen);
		keeper_close_dir(k);
		kept_drop(&look);
	}
	keeper_free_seen(&seen);
}

/* ---- files at rest ----------------------------------------------------------------------------------------------- */

static void
seal_index(struct keeper *k, const struct logdir_file *f, struct tended *t)
{
	if (t->ino == f->ino && t->sealed_size == f->size)
		return;
	if (t->ino != f->ino)
		t->end = (struct index_end){0};
	t->ino = f->ino;
	uint64_t before = t->end.covered;
	enum bx_err err = indexing_extend(k->dir_fd, f->path, f->size, true, &k->stop, &t->end);
	if (t->end.covered > before)
		stats_add(k->stats, STAT_indexed_bytes, t->end.covered - before);
	if (err != BX_OK)
		keeper_tell_failure(k, "index", t, err);
	else if (!atomic_load(&k->stop))
		t->sealed_size = f->size;
}

static void
next_round_by(struct keeper *k, int64_t at_ns)
{
	if (at_ns < k->next_round_ns)
		k->next_round_ns = at_ns;
}

/* Both are there: packed a moment ago, or before a kill. */
static void
settle(struct keeper *k, struct keeper_round *r, const struct logdir_file *f, struct tended *t)
{
	if (t->twin_since_ns == 0)
		t->twin_since_ns = r->now_ns;
	int64_t due_ns = t->twin_since_ns + COMPRESS_WAIT_S * second_ns;
	if (r->now_ns < due_ns) {
		next_round_by(k, due_ns);
		r->unfinished = true;
		return;
	}
	uint64_t before = store_bytes(k->dir_fd, f) - f->size;
	enum bx_err err = compress_settle(k->dir_fd, f->path, &k->stop);
	if (err == BX_ELIMIT)
		return;
	if (err != BX_OK) {
		keeper_tell_failure(k, "verify the packed copy of", t, err);
		return;
	}
	t->twin_since_ns = 0;
	stats_add(k->stats, STAT_log_packed, 1);
	stats_add(k->stats, STAT_log_packed_bytes, f->size > before ? f->size - before : 0);
	keeper_count_done(k, f->size > before ? f->size - before : 0);
}

static bool
is_cold(const struct keeper *k, const struct keeper_round *r, const struct logdir_file *f)
{
	int64_t age_ns = r->wall_ns - store_period_end_ns(f);
	if (keeper_wants(&r->job, KEEPER_COMPRESS, f))
		return age_ns >= 0;
	return k->limits.compress_after_ns >= 0 && age_ns >= k->limits.compress_after_ns;
}

static void
pack(struct keeper *k, struct keeper_round *r, const struct logdir_file *f, struct tended *t)
{
	uint64_t packed;
	enum bx_err err = store_pack(k->dir_fd, f, &k->stop, &packed);
	if (err == BX_ELIMIT)
		return;
	if (err != BX_OK) {
		keeper_tell_failure(k, "pack", t, err);
		return;
	}
	t->wait_ns = 0;
	t->twin_since_ns = clock_mono_ns();
	next_round_by(k, t->twin_since_ns + COMPRESS_WAIT_S * second_ns);
	r->unfinished = true;
}

/* True when this took long enough to look at everything anew. */
static bool
tend_file(struct keeper *k, struct keeper_round *r, const struct logdir_file *f)
{
	struct tended *t = keeper_tend(k, f->path);
	t->seen = true;
	if (!store_is_ours(f) || f->pack != LOGDIR_PLAIN || f->size == 0 || keeper_is_live(r, f))
		return false;
	if (r->now_ns < t->not_before_ns) {
		r->unfinished |= keeper_wants(&r->job, KEEPER_COMPRESS, f) && t->failed_job != r->job.number;
		next_round_by(k, t->not_before_ns);
		return false;
	}
	if (f->twins) {
		if (f->twins & 1U << LOGDIR_ZST) /* other packs are somebody else's work, and left to them */
			settle(k, r, f, t);
		return false;
	}
	t->twin_since_ns = 0;
	if (is_cold(k, r, f)) {
		pack(k, r, f, t);
		return true;
	}
	seal_index(k, f, t);
	return false;
}

void
keeper_tend_files(struct keeper *k, struct keeper_round *r)
{
	size_t i = 0;
	for (; i < r->files.count && !atomic_load(&k->stop) && !r->again; i++)
		if (!r->gone[i])
			r->again = tend_file(k, r, &r->files.files[i]);
	for (; i < r->files.count; i++)
		keeper_tend(k, r->files.files[i].path)->seen = !r->gone[i];
	for (size_t n = 0; n < r->kept.count; n++)
		keeper_tend(k, r->kept.files[n]->name)->seen = true;
	forget_unseen(k);
}

void
keeper_reindex(struct keeper *k, struct keeper_round *r)
{
	for (size_t i = 0; i < r->files.count && !atomic_load(&k->stop); i++) {
		const struct logdir_file *f = &r->files.files[i];
		if (!keeper_wants(&r->job, KEEPER_REINDEX, f) || !store_is_ours(f) || f->size == 0)
			continue;
		const struct checkpoint_file *live = kept_find(&r->kept, f->path);
		struct tended *t = keeper_tend(k, f->path);
		t->sealed_size = 0;
		enum bx_err err = indexing_forget(k->dir_fd, f->path);
		t->end = (struct index_end){0};
		if (err == BX_OK)
			err = indexing_extend(
			    k->dir_fd, f->path, live ? live->len : UINT64_MAX, !live, &k->stop, &t->end);
		if (err == BX_OK)
			keeper_count_done(k, t->end.covered);
		else
			keeper_tell_failure(k, "index", t, err);
	}
}
