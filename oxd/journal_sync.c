/* SPDX-License-Identifier: ISC */
/* journal_sync: one thread that makes durable what was written, and moves it elsewhere when the disk refuses (J3, J4). */
#include "oxd/journal_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "libbx/core/clock.h"
#include "oxd/disk.h"
#include "oxd/say.h"
#include "oxd/statefile.h"

static const int64_t sync_ns = 100000000, retry_ns = 1000000000;

/* ---- when the disk says no (J4) ---------------------------------------------------------------------------------- */

/*
 * Under lock.  What is not durable goes, under the same numbers, into a segment that has never been synced before; the
 * descriptors that failed are not synced again.
 */
static enum bx_err
write_rescue(struct journal *j, struct segment **out)
{
	uint64_t synced = atomic_load(&j->synced);
	size_t total = j->syncing + j->unsynced;
	uint64_t bytes = j->cfg.segment_bytes;
	if (bytes < SEGMENT_HEADER + total)
		bytes = SEGMENT_HEADER + total;
	struct segment *s;
	enum bx_err err = segment_create(j->dir_fd, synced + 1, bytes, j->written > synced ? j->written : 0, true, &s);
	if (err != BX_OK)
		return err;
	j->has_spare = false;
	if (!journal_recent_rewrite(j, s) || fdatasync(s->fd) != 0 || segment_show(j->dir_fd, s) != BX_OK ||
	    fsync(j->dir_fd) != 0) {
		int why = errno;
		segment_discard(j->dir_fd, &s);
		errno = why;
		return BX_EIO;
	}
	s->dirty = false;
	*out = s;
	return BX_OK;
}

static bool
is_no_space(int why)
{
	return why == ENOSPC || why == EDQUOT;
}

/*
 * Under lock; lets go of it while it waits.  Ends with everything durable, or when oxd leaves.  Each try writes a file of
 * its own, so trying again is as good as the first time.
 */
static void
rescue(struct journal *j)
{
	stats_add(j->cfg.stats, STAT_journal_sync_failures, 1);
	say(SAY_ERROR, "journal in %s: %s; moving what is not durable to a new segment", j->cfg.state_path,
	    strerror(j->why));
	for (;;) {
		struct segment *s;
		while (j->writing)
			pthread_cond_wait(&j->work, &j->lock);
		atomic_store(&j->sync_since_ns, clock_mono_ns());
		enum bx_err err = write_rescue(j, &s);
		int why = errno;
		atomic_store(&j->sync_since_ns, 0);
		if (err == BX_OK) {
			journal_replace_segments(j, s);
			journal_recent_rescued(j);
			j->broken = false;
			atomic_store(&j->synced, j->written);
			journal_set_state(j, JOURNAL_RUNS, 0);
			break;
		}
		if (j->stop || j->impatient) {
			j->given_up = true;
			journal_set_state(j, JOURNAL_FAILED, why);
			break;
		}
		journal_set_state(j, is_no_space(why) ? JOURNAL_NO_SPACE : JOURNAL_FAILED, why);
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&j->work, &j->lock, &until);
	}
	journal_tell_synced(j);
}

/* ---- the sync thread --------------------------------------------------------------------------------------------- */

static int
sync_files(struct journal *j, struct segment **dirty, unsigned count, bool dir)
{
	for (unsigned i = 0; i < count; i++)
		if (fdatasync(dirty[i]->fd) != 0)
			return errno ? errno : EIO;
	return dir && fsync(j->dir_fd) != 0 ? errno : 0;
}

/* Under lock, which it lets go of while the disk works. */
static void
sync_once(struct journal *j)
{
	struct segment **dirty = calloc(j->count, sizeof(struct segment *)), *s;
	unsigned count = 0;
	if (!dirty)
		abort();
	bool dir = j->dir_dirty;
	uint64_t upto = j->written;
	LL_FOREACH(j->segments, s)
	{
		if (!s->dirty)
			continue;
		s->dirty = false;
		s->refs++;
		dirty[count++] = s;
	}
	j->dir_dirty = false;
	j->soon = false;
	journal_recent_sync_begins(j);

	atomic_store(&j->sync_since_ns, clock_mono_ns());
	pthread_mutex_unlock(&j->lock);
	int why = j->cfg.sync == JOURNAL_SYNC_NEVER ? 0 : sync_files(j, dirty, count, dir);
	pthread_mutex_lock(&j->lock);
	atomic_store(&j->sync_since_ns, 0);

	stats_add(j->cfg.stats, STAT_journal_syncs, 1);
	for (unsigned i = 0; i < count; i++)
		segment_unref(&dirty[i]);
	free(dirty);
	if (why) {
		j->why = why;
		j->broken = true;
		return;
	}
	journal_recent_synced(j);
	if (upto > atomic_load(&j->synced)) /* with `never` the appender is ahead of us */
		atomic_store(&j->synced, upto);
	journal_tell_synced(j);
}

/* Under lock, which it lets go of while it writes. */
static void
save_snapshot(struct journal *j)
{
	struct buf content = j->snapshot;
	uint64_t covers = j->snapshot_covers;
	j->snapshot = (struct buf){0};
	j->snapshot_waits = false;
	pthread_mutex_unlock(&j->lock);
	enum bx_err err = statefile_write(j->state_fd, SNAPSHOT_NAME, STATEFILE_SNAPSHOT, &content);
	int why = errno;
	pthread_mutex_lock(&j->lock);
	if (err == BX_OK) {
		stats_add(j->cfg.stats, STAT_snapshots, 1);
		atomic_store(&j->durable_snapshot, covers);
		pthread_cond_broadcast(&j->moved); /* the log writer may let segments go */
		buf_fini(&content);
		return;
	}
	static struct say_limit limit;
	stats_add(j->cfg.stats, STAT_snapshot_failures, 1);
	if (is_no_space(why))
		journal_free_spare(j); /* nothing may go before a snapshot covers it */
	say_limited(&limit, SAY_WARNING, "snapshot in %s: %s", j->cfg.state_path, strerror(why));
	j->snapshot_retry_ns = clock_mono_ns() + retry_ns;
	if (j->snapshot_waits || j->stop) { /* a newer one has come, or there is no later */
		buf_fini(&content);
	} else {
		j->snapshot = content;
		j->snapshot_waits = true;
	}
}

static bool
snapshot_due(const struct journal *j, int64_t now_ns)
{
	return j->snapshot_waits && j->snapshot_covers <= atomic_load(&j->synced) &&
	       (j->stop || now_ns >= j->snapshot_retry_ns);
}

static bool
sync_due(const struct journal *j, int64_t now_ns)
{
	if (j->broken)
		return false;
	if (j->unsynced == 0)
		return j->dir_dirty;
	return j->soon || j->stop || j->cfg.sync == JOURNAL_SYNC_ALWAYS || j->unsynced >= SYNC_BYTES ||
	       now_ns - j->first_unsynced_ns >= sync_ns;
}

static void
wait_for_work(struct journal *j, int64_t now_ns)
{
	int64_t until_ns = j->unsynced ? j->first_unsynced_ns + sync_ns : now_ns + retry_ns;
	struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
	pthread_cond_timedwait(&j->work, &j->lock, &until);
}

void *
journal_sync_main(void *arg)
{
	struct journal *j = arg;
	pthread_setname_np(pthread_self(), "journal");
	pthread_mutex_lock(&j->lock);
	for (;;) {
		int64_t now_ns = clock_mono_ns();
		if (j->broken && !j->given_up)
			rescue(j);
		else if (sync_due(j, now_ns))
			sync_once(j);
		else if (snapshot_due(j, now_ns))
			save_snapshot(j);
		else if (journal_wants_spare(j, now_ns))
			journal_make_spare(j);
		else if (j->stop)
			break;
		else
			wait_for_work(j, now_ns);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}
