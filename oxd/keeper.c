/* SPDX-License-Identifier: ISC */
/*
 * keeper: rounds.
 *
 * A round reads the directory, takes the log writer's lists, and does what is due: seal indexes, finish what was packed,
 * pack one file, prune.  Nothing is remembered that could not be seen again, but for the brake.  Between rounds it
 * indexes what the checkpoints cover.
 */
#include "oxd/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uthash.h>

#include "libbx/core/clock.h"
#include "libbx/core/compress.h"
#include "libbx/core/indexing.h"
#include "libbx/core/name.h"
#include "oxd/brake.h"
#include "oxd/kept.h"
#include "oxd/say.h"
#include "oxd/store.h"

static const int64_t second_ns = 1000000000, round_ns = 60 * 1000000000LL, day_ns = 86400 * 1000000000LL;
enum { FIRST_WAIT_S = 1, LONGEST_WAIT_S = 600, CLOCK_DAYS = 2 };

/* What is known of a file by its name, between two looks at the directory. */
struct tended {
	struct index_end end;
	uint64_t ino, sealed_size; /* of the log when it was last indexed to its end */
	int64_t twin_since_ns;     /* 0: it has no packed twin */
	int64_t not_before_ns;     /* after a failure */
	int64_t wait_ns;
	unsigned failed_job; /* counted as a failure of that one */
	bool seen;
	UT_hash_handle hh;
	char name[LOGNAME_MAX];
};

struct keeper {
	struct keeper_config cfg;
	struct stats *stats; /* borrowed */
	pthread_t thread;
	struct kept kept;

	/* the thread's own */
	struct keeper_limits limits; /* as they were when the round began */
	struct brake brake;
	struct tended *files;
	int64_t next_round_ns;
	int dir_fd; /* during a round, or while indexing */

	pthread_mutex_t lock;
	pthread_cond_t wake; /* on the monotonic clock */
	bool listed;         /* under lock: there are new lists */
	bool limited;        /* under lock: there are new limits, in cfg */
	struct keeper_report report;

	_Atomic int64_t newest_arrival_ns;
	_Atomic bool stop;
};

/* ---- reports ----------------------------------------------------------------------------------------------------- */

static struct keeper_report
job_at_hand(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	struct keeper_report r = k->report;
	pthread_mutex_unlock(&k->lock);
	return r;
}

static void
take_limits(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->limits = k->cfg.limits;
	k->limited = false;
	pthread_mutex_unlock(&k->lock);
	k->brake.pause_ns = k->limits.prune_pause_ns;
}

static bool
is_wanted(const struct keeper_report *r, enum keeper_task task, const struct logdir_file *f)
{
	return r->running && r->job.task == task &&
	       (!r->job.type[0] || name_glob(r->job.type, f->name.type, f->name.type_len));
}

static void
count_done(struct keeper *k, uint64_t bytes)
{
	pthread_mutex_lock(&k->lock);
	k->report.files += k->report.running;
	k->report.bytes += k->report.running ? bytes : 0;
	pthread_mutex_unlock(&k->lock);
}

static void
end_job(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->report.running = false;
	pthread_mutex_unlock(&k->lock);
}

/* A failure is told, and the file left alone for a while: longer each time. */
static void
tell_failure(struct keeper *k, const char *what, struct tended *t, enum bx_err err)
{
	static struct say_limit limit;
	const char *why = err == BX_EIO ? strerror(errno) : bx_err_text(err);
	stats_add(k->stats, STAT_store_failures, 1);
	say_limited(&limit, SAY_WARNING, "log files: cannot %s %s: %s; everything stays as it was", what, t->name, why);
	t->wait_ns = t->wait_ns ? 2 * t->wait_ns : FIRST_WAIT_S * second_ns;
	if (t->wait_ns > LONGEST_WAIT_S * second_ns)
		t->wait_ns = LONGEST_WAIT_S * second_ns;
	t->not_before_ns = clock_mono_ns() + t->wait_ns;
	pthread_mutex_lock(&k->lock);
	struct keeper_report *r = &k->report;
	if (r->running && t->failed_job != r->number) {
		t->failed_job = r->number;
		r->failed++;
		if (!r->problem[0])
			snprintf(r->problem, sizeof r->problem, "cannot %s %.120s: %s", what, t->name, why);
	}
	pthread_mutex_unlock(&k->lock);
}

/* ---- what is known of files -------------------------------------------------------------------------------------- */

static struct tended *
tend(struct keeper *k, const char *name)
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

static void
forget(struct keeper *k, struct tended *t)
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
			forget(k, t);
		else
			t->seen = false;
	}
}

/* ---- indexing what is written ------------------------------------------------------------------------------------ */

static bool
is_that_file(int dir_fd, const struct checkpoint_file *c)
{
	struct stat st;
	return fstatat(dir_fd, c->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_ino == c->ino &&
	       (uint64_t)st.st_size >= c->len;
}

static void
index_one(struct keeper *k, const struct checkpoint_file *c)
{
	struct tended *t = tend(k, c->name);
	if (t->ino != c->ino)
		t->end = (struct index_end){0};
	t->ino = c->ino;
	if (c->len < t->end.covered + INDEX_BLOCK || clock_mono_ns() < t->not_before_ns || !is_that_file(k->dir_fd, c))
		return;
	uint64_t before = t->end.covered;
	enum bx_err err = indexing_extend(k->dir_fd, c->name, c->len, false, &k->stop, &t->end);
	if (t->end.covered > before)
		stats_add(k->stats, STAT_index_bytes, t->end.covered - before);
	if (err != BX_OK)
		tell_failure(k, "index", t, err);
	else if (t->end.covered == before && !atomic_load(&k->stop)) /* no events there: not looked at each second */
		t->not_before_ns = clock_mono_ns() + LONGEST_WAIT_S * second_ns;
}

static bool
open_dir(struct keeper *k)
{
	k->dir_fd = open(k->cfg.log_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return k->dir_fd >= 0;
}

static void
close_dir(struct keeper *k)
{
	if (k->dir_fd >= 0)
		close(k->dir_fd);
	k->dir_fd = -1;
}

static void
index_written(struct keeper *k)
{
	struct kept_look look;
	if (!kept_take(&k->kept, &look))
		return;
	if (open_dir(k))
		for (size_t i = 0; i < look.count && !atomic_load(&k->stop); i++)
			index_one(k, look.files[i]);
	close_dir(k);
	kept_drop(&look);
}

/* ---- files at rest ----------------------------------------------------------------------------------------------- */

struct round {
	struct logdir_list files;
	struct kept_look kept;
	struct keeper_report job;
	int64_t now_ns, wall_ns;
	bool unfinished; /* something is left that a job waits for */
	bool again;      /* look again at once */
	bool *gone;      /* of each file: removed in this round */
};

static bool
is_live(const struct round *r, const struct logdir_file *f)
{
	return kept_find(&r->kept, f->path) != NULL;
}

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
		stats_add(k->stats, STAT_index_bytes, t->end.covered - before);
	if (err != BX_OK)
		tell_failure(k, "index", t, err);
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
settle(struct keeper *k, struct round *r, const struct logdir_file *f, struct tended *t)
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
		tell_failure(k, "verify the packed copy of", t, err);
		return;
	}
	t->twin_since_ns = 0;
	stats_add(k->stats, STAT_log_packed, 1);
	stats_add(k->stats, STAT_log_packed_bytes, f->size > before ? f->size - before : 0);
	count_done(k, f->size > before ? f->size - before : 0);
}

static bool
is_cold(const struct keeper *k, const struct round *r, const struct logdir_file *f)
{
	int64_t age_ns = r->wall_ns - store_period_end_ns(f);
	if (is_wanted(&r->job, KEEPER_COMPRESS, f))
		return age_ns >= 0;
	return k->limits.compress_after_ns >= 0 && age_ns >= k->limits.compress_after_ns;
}

static void
pack(struct keeper *k, struct round *r, const struct logdir_file *f, struct tended *t)
{
	uint64_t packed;
	enum bx_err err = store_pack(k->dir_fd, f, &k->stop, &packed);
	if (err == BX_ELIMIT)
		return;
	if (err != BX_OK) {
		tell_failure(k, "pack", t, err);
		return;
	}
	t->wait_ns = 0;
	t->twin_since_ns = clock_mono_ns();
	next_round_by(k, t->twin_since_ns + COMPRESS_WAIT_S * second_ns);
	r->unfinished = true;
}

/* True when this took long enough to look at everything anew. */
static bool
tend_file(struct keeper *k, struct round *r, const struct logdir_file *f)
{
	struct tended *t = tend(k, f->path);
	t->seen = true;
	if (!store_is_ours(f) || f->pack != LOGDIR_PLAIN || f->size == 0 || is_live(r, f))
		return false;
	if (r->now_ns < t->not_before_ns) {
		r->unfinished |= is_wanted(&r->job, KEEPER_COMPRESS, f) && t->failed_job != r->job.number;
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

static void
tend_files(struct keeper *k, struct round *r)
{
	size_t i = 0;
	for (; i < r->files.count && !atomic_load(&k->stop) && !r->again; i++)
		if (!r->gone[i])
			r->again = tend_file(k, r, &r->files.files[i]);
	for (; i < r->files.count; i++)
		tend(k, r->files.files[i].path)->seen = !r->gone[i];
	for (size_t n = 0; n < r->kept.count; n++)
		tend(k, r->kept.files[n]->name)->seen = true;
	forget_unseen(k);
}

static void
reindex(struct keeper *k, struct round *r)
{
	for (size_t i = 0; i < r->files.count && !atomic_load(&k->stop); i++) {
		const struct logdir_file *f = &r->files.files[i];
		if (!is_wanted(&r->job, KEEPER_REINDEX, f) || !store_is_ours(f) || f->size == 0)
			continue;
		const struct checkpoint_file *live = kept_find(&r->kept, f->path);
		struct tended *t = tend(k, f->path);
		t->sealed_size = 0;
		enum bx_err err = indexing_forget(k->dir_fd, f->path);
		t->end = (struct index_end){0};
		if (err == BX_OK)
			err = indexing_extend(
			    k->dir_fd, f->path, live ? live->len : UINT64_MAX, !live, &k->stop, &t->end);
		if (err == BX_OK)
			count_done(k, t->end.covered);
		else
			tell_failure(k, "index", t, err);
	}
}

/* ---- pruning ----------------------------------------------------------------------------------------------------- */

/* The time of the last arrival, or what the newest name says, is near what the clock says. */
static bool
clock_is_likely(const struct keeper *k, const struct round *r)
{
	int64_t from_ns = atomic_load(&k->newest_arrival_ns), to_ns = from_ns;
	for (size_t i = 0; from_ns == 0 && i < r->files.count; i++) {
		if (store_period_end_ns(&r->files.files[i]) <= to_ns)
			continue;
		to_ns = store_period_end_ns(&r->files.files[i]);
	}
	if (from_ns == 0)
		from_ns = to_ns - day_ns;
	return r->wall_ns > from_ns - CLOCK_DAYS * day_ns && r->wall_ns < to_ns + CLOCK_DAYS * day_ns;
}

static struct store_item *
make_items(struct keeper *k, const struct round *r, bool brake, size_t *count)
{
	struct store_item *items = calloc(r->files.count + 1, sizeof *items);
	int64_t boot_ns = clock_ns(CLOCK_BOOTTIME);
	*count = 0;
	for (size_t i = 0; items && i < r->files.count; i++) {
		const struct logdir_file *f = &r->files.files[i];
		if (!store_is_ours(f))
			continue;
		struct bytes type = {(const uint8_t *)f->name.type, f->name.type_len};
		items[(*count)++] = (struct store_item){
		    .file = f,
		    .bytes = store_bytes(k->dir_fd, f),
		    .live = is_live(r, f),
		    .braked = brake && !brake_allows(&k->brake, type, boot_ns),
		};
	}
	return items;
}

static bool
remove_one(struct keeper *k, const struct round *r, const struct store_item *item)
{
	struct tended *t = tend(k, item->file->path);
	enum bx_err err = store_remove(k->dir_fd, item->file);
	if (err != BX_OK) {
		tell_failure(k, "remove", t, err);
		return false;
	}
	say(SAY_INFO, "log file %s removed (%llu bytes)", item->file->path, (unsigned long long)item->bytes);
	stats_add(k->stats, STAT_log_pruned, 1);
	stats_add(k->stats, STAT_log_pruned_bytes, item->bytes);
	r->gone[item->file - r->files.files] = true;
	return true;
}

/* The note of the brake comes first, and durably: a kill behind it only makes the rest of that day wait. */
static bool
may_remove(struct keeper *k, const struct store_item *item)
{
	static struct say_limit limit;
	struct bytes type = {(const uint8_t *)item->file->name.type, item->file->name.type_len};
	if (brake_note(&k->brake, type, clock_ns(CLOCK_BOOTTIME)))
		return true;
	stats_add(k->stats, STAT_store_failures, 1);
	say_limited(&limit, SAY_WARNING, "log files: nothing is removed, since %s/prunes cannot be written: %s",
	    k->cfg.state_path, strerror(errno));
	return false;
}

static void
prune(struct keeper *k, const struct round *r)
{
	static struct say_limit limit;
	struct store_limits limits = {.before_ns = INT64_MIN, .bytes = k->limits.retain_bytes};
	if (k->limits.retain_days > 0)
		limits.before_ns = r->wall_ns - (int64_t)k->limits.retain_days * day_ns;
	size_t count;
	struct store_item *items = make_items(k, r, true, &count);
	if (!items)
		return;
	bool held = store_choose(items, count, &limits, true) == STORE_BRAKED, any = false;
	for (size_t i = 0; i < count; i++)
		any |= items[i].goes;
	if (any && !clock_is_likely(k, r)) {
		say_limited(&limit, SAY_WARNING,
		    "log files: nothing is removed, since the clock and the newest event are more than %d days apart",
		    CLOCK_DAYS);
		any = false;
		held = true;
	}
	/* Items are sorted by type: files of one day and type follow each other. */
	const struct store_item *noted = NULL;
	for (size_t i = 0; any && i < count && !atomic_load(&k->stop); i++) {
		if (!items[i].goes)
			continue;
		const struct logname *name = &items[i].file->name;
		if (!noted || noted->file->name.type_len != name->type_len ||
		    memcmp(noted->file->name.type, name->type, name->type_len) != 0)
			any = may_remove(k, &items[i]);
		noted = &items[i];
		if (any)
			remove_one(k, r, &items[i]);
	}
	stats_add(k->stats, STAT_log_prune_held, held);
	free(items);
}

/* What somebody asked for: no brake, and no clock but the date that was given. */
static void
prune_as_told(struct keeper *k, const struct round *r)
{
	struct store_limits limits = {.before_ns = r->job.job.before_ns, .bytes = r->job.job.bytes};
	size_t count, wanted = 0;
	struct store_item *items = make_items(k, r, false, &count);
	for (size_t i = 0; items && i < count; i++)
		if (is_wanted(&r->job, KEEPER_PRUNE, items[i].file))
			items[wanted++] = items[i];
	if (items)
		store_choose(items, wanted, &limits, false);
	for (size_t i = 0; items && i < wanted && !atomic_load(&k->stop); i++) {
		if (!items[i].goes)
			continue;
		if (remove_one(k, r, &items[i]))
			count_done(k, items[i].bytes);
	}
	free(items);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

/* Indexes whose log is gone: its removal was cut short. */
static void
remove_lost_indexes(struct keeper *k, const struct round *r)
{
	char name[LOGNAME_MAX + sizeof INDEX_SUFFIX];
	for (size_t i = 0; i < r->files.lost_index_count; i++) {
		snprintf(name, sizeof name, "%s%s", r->files.lost_indexes[i], INDEX_SUFFIX);
		if (!kept_find(&r->kept, r->files.lost_indexes[i]) && indexing_is_index(k->dir_fd, name))
			unlinkat(k->dir_fd, name, 0);
	}
}

static void
work(struct keeper *k, struct round *r)
{
	bool prunes = k->limits.retain_days > 0 || k->limits.retain_bytes > 0;
	if (r->job.running && r->job.job.task == KEEPER_REINDEX)
		reindex(k, r);
	if (r->job.running && r->job.job.task == KEEPER_PRUNE)
		prune_as_told(k, r);
	else if (prunes)
		prune(k, r);
	remove_lost_indexes(k, r);
	tend_files(k, r);
	bool done = r->job.job.task != KEEPER_COMPRESS || (!r->unfinished && !r->again);
	if (r->job.running && done && !atomic_load(&k->stop))
		end_job(k);
}

static int64_t
pause_between(const struct keeper *k)
{
	int64_t pause = round_ns;
	if (k->limits.compress_after_ns >= 0 && k->limits.compress_after_ns < pause)
		pause = k->limits.compress_after_ns;
	if (k->limits.prune_pause_ns < pause)
		pause = k->limits.prune_pause_ns;
	return pause > second_ns ? pause : second_ns;
}

static void
do_round(struct keeper *k)
{
	take_limits(k);
	struct round r = {.job = job_at_hand(k), .now_ns = clock_mono_ns(), .wall_ns = clock_wall_ns()};
	k->next_round_ns = r.now_ns + pause_between(k);
	/* The directory first, the lists then: see kept.h. */
	if (open_dir(k) && logdir_read(k->cfg.log_path, &r.files) == BX_OK) {
		r.gone = calloc(r.files.count + 1, sizeof *r.gone);
		if (r.gone && kept_take(&k->kept, &r.kept) && r.kept.any)
			work(k, &r);
		free(r.gone);
		kept_drop(&r.kept);
		logdir_list_fini(&r.files);
	} else if (r.job.running) {
		end_job(k);
	}
	close_dir(k);
	if (r.again)
		k->next_round_ns = r.now_ns;
}

/* Until something is listed, asked for, or due; returns whether there is something to index. */
static bool
rest(struct keeper *k, unsigned *job_seen)
{
	struct timespec until = {k->next_round_ns / second_ns, k->next_round_ns % second_ns};
	pthread_mutex_lock(&k->lock);
	while (!atomic_load(&k->stop) && !k->listed && !k->limited && k->report.number == *job_seen &&
	       clock_mono_ns() < k->next_round_ns)
		pthread_cond_timedwait(&k->wake, &k->lock, &until);
	if (k->report.number != *job_seen || k->limited)
		k->next_round_ns = clock_mono_ns();
	*job_seen = k->report.number;
	bool listed = k->listed;
	k->listed = false;
	pthread_mutex_unlock(&k->lock);
	return listed;
}

static void
be_modest(void)
{
	enum { IO_OF_THREAD = 1, IO_IDLE = 3 << 13, LEAST = 19 };
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), LEAST);
	syscall(SYS_ioprio_set, IO_OF_THREAD, 0, IO_IDLE);
}

static void *
keeper_main(void *arg)
{
	struct keeper *k = arg;
	unsigned job_seen = 0;
	pthread_setname_np(pthread_self(), "keeper");
	be_modest();
	k->next_round_ns = clock_mono_ns();
	while (!atomic_load(&k->stop)) {
		if (rest(k, &job_seen))
			index_written(k);
		if (!atomic_load(&k->stop) && clock_mono_ns() >= k->next_round_ns)
			do_round(k);
	}
	return NULL;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

enum bx_err
keeper_open(struct keeper **out, const struct keeper_config *config, struct stats *stats, char *err, size_t err_cap)
{
	pthread_condattr_t attr;
	struct keeper *k = calloc(1, sizeof *k);
	if (!k)
		return BX_ENOMEM;
	k->cfg = *config;
	k->limits = config->limits;
	k->stats = stats;
	k->dir_fd = -1;
	kept_init(&k->kept);
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->wake, &attr);
	pthread_condattr_destroy(&attr);
	*out = k;
	if (brake_open(&k->brake, config->state_path, config->limits.prune_pause_ns) == BX_OK)
		return BX_OK;
	snprintf(err, err_cap, "%s: %s", config->state_path, strerror(errno));
	keeper_close(out);
	return BX_EIO;
}

bool
keeper_start(struct keeper *k)
{
	int err = pthread_create(&k->thread, NULL, keeper_main, k);
	errno = err;
	return err == 0;
}

static void
wake(struct keeper *k)
{
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}

void
keeper_stop(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	atomic_store(&k->stop, true);
	wake(k);
	pthread_join(k->thread, NULL);
}

void
keeper_close(struct keeper **kp)
{
	struct keeper *k = *kp;
	struct tended *t, *next;
	HASH_ITER(hh, k->files, t, next)
	{
		forget(k, t);
	}
	brake_close(&k->brake);
	kept_fini(&k->kept);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	free(k);
	*kp = NULL;
}

void
keeper_listed(struct keeper *k, struct checkpoint *c, int64_t newest_arrival_ns)
{
	kept_add(&k->kept, c);
	if (newest_arrival_ns)
		atomic_store(&k->newest_arrival_ns, newest_arrival_ns);
	pthread_mutex_lock(&k->lock);
	k->listed = true;
	wake(k);
}

void
keeper_limit(struct keeper *k, const struct keeper_limits *limits)
{
	pthread_mutex_lock(&k->lock);
	k->cfg.limits = *limits;
	k->limited = true;
	wake(k);
}

bool
keeper_ask(struct keeper *k, const struct keeper_job *job)
{
	pthread_mutex_lock(&k->lock);
	if (k->report.running) {
		pthread_mutex_unlock(&k->lock);
		return false;
	}
	k->report = (struct keeper_report){.number = k->report.number + 1, .job = *job, .running = true};
	wake(k);
	return true;
}

void
keeper_tell(struct keeper *k, struct keeper_report *out)
{
	*out = job_at_hand(k);
}
