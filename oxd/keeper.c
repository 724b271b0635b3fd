/* SPDX-License-Identifier: ISC */
/*
 * keeper: rounds.
 *
 * A round reads the directory, takes the log writer's lists, and does what is due: seal indexes, finish what was packed,
 * pack one file, prune.  Between rounds it indexes what the checkpoints cover.
 */
#include "oxd/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utlist.h>

#include "libbx/core/clock.h"
#include "libbx/core/name.h"
#include "oxd/keeper_own.h"
#include "oxd/say.h"

static const int64_t round_ns = 60 * 1000000000LL;
enum { FIRST_WAIT_S = 1, SEEN_BYTES_MAX = 4 << 20 };

/* ---- reports ----------------------------------------------------------------------------------------------------- */

struct keeper_report
keeper_job_at_hand(struct keeper *k)
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

bool
keeper_wants(const struct keeper_report *r, enum keeper_task task, const struct logdir_file *f)
{
	return r->running && r->job.task == task &&
	       (!r->job.type[0] || name_glob(r->job.type, f->name.type, f->name.type_len));
}

void
keeper_count_done(struct keeper *k, uint64_t bytes)
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

void
keeper_tell_failure(struct keeper *k, const char *what, struct tended *t, enum bx_err err)
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

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

bool
keeper_open_dir(struct keeper *k)
{
	k->dir_fd = open(k->cfg.log_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return k->dir_fd >= 0;
}

void
keeper_close_dir(struct keeper *k)
{
	if (k->dir_fd >= 0)
		close(k->dir_fd);
	k->dir_fd = -1;
}

bool
keeper_is_live(const struct keeper_round *r, const struct logdir_file *f)
{
	return kept_find(&r->kept, f->path) != NULL;
}

/* Indexes whose log is gone: its removal was cut short. */
static void
remove_lost_indexes(struct keeper *k, const struct keeper_round *r)
{
	char name[LOGNAME_MAX + sizeof INDEX_SUFFIX];
	for (size_t i = 0; i < r->files.lost_index_count; i++) {
		snprintf(name, sizeof name, "%s%s", r->files.lost_indexes[i], INDEX_SUFFIX);
		if (!kept_find(&r->kept, r->files.lost_indexes[i]) && indexing_is_index(k->dir_fd, name))
			unlinkat(k->dir_fd, name, 0);
	}
}

static void
work(struct keeper *k, struct keeper_round *r)
{
	bool prunes = k->limits.retain_days > 0 || k->limits.retain_bytes > 0;
	if (r->job.running && r->job.job.task == KEEPER_REINDEX)
		keeper_reindex(k, r);
	if (r->job.running && r->job.job.task == KEEPER_PRUNE)
		keeper_prune_as_told(k, r);
	else if (prunes)
		keeper_prune(k, r);
	remove_lost_indexes(k, r);
	keeper_tend_files(k, r);
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
	struct keeper_round r = {.job = keeper_job_at_hand(k), .now_ns = clock_mono_ns(), .wall_ns = clock_wall_ns()};
	k->next_round_ns = r.now_ns + pause_between(k);
	/* The directory first, the lists then: see kept.h. */
	if (keeper_open_dir(k) && logdir_read(k->cfg.log_path, &r.files) == BX_OK) {
		r.gone = calloc(r.files.count + 1, sizeof *r.gone);
		if (r.gone && kept_take(&k->kept, &r.kept) && r.kept.any)
			work(k, &r);
		free(r.gone);
		kept_drop(&r.kept);
		logdir_list_fini(&r.files);
	} else if (r.job.running) {
		end_job(k);
	}
	keeper_close_dir(k);
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
			keeper_index_written(k);
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
		keeper_forget(k, t);
	}
	keeper_free_seen(&k->seen);
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
keeper_seen(struct keeper *k, const char *name, uint64_t ino, struct block **list)
{
	struct seen_blocks *s = calloc(1, sizeof *s);
	if (!s) {
		blocks_free(list);
		return;
	}
	snprintf(s->name, sizeof s->name, "%s", name);
	s->ino = ino;
	s->list = *list;
	*list = NULL;
	for (const struct block *b = s->list; b; b = b->next)
		s->bytes += sizeof *b + b->filter.cap;
	pthread_mutex_lock(&k->lock);
	bool room = k->seen_bytes + s->bytes <= SEEN_BYTES_MAX;
	if (room) {
		LL_APPEND(k->seen, s);
		k->seen_bytes += s->bytes;
	}
	pthread_mutex_unlock(&k->lock);
	if (!room)
		keeper_free_seen(&s);
}

void
keeper_free_seen(struct seen_blocks **list)
{
	while (*list) {
		struct seen_blocks *s = *list;
		*list = s->next;
		blocks_free(&s->list);
		free(s);
	}
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
	*out = keeper_job_at_hand(k);
}
