/* SPDX-License-Identifier: ISC */
/*
 * journal: the appender builds a batch alone; everything else is under one lock.
 *
 * Bytes that are written but not yet synced are kept in memory as well (`unsynced`, and `syncing` while a sync is under
 * way), since after a failed fdatasync the kernel may drop them from its cache at any time.
 */
#include "oxd/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"
#include "libbx/core/clock.h"
#include "oxd/disk.h"
#include "oxd/journal_recover.h"
#include "oxd/say.h"
#include "oxd/statefile.h"

enum { SYNC_BYTES = 4 << 20, UNSYNCED_MAX = 32 << 20, RETRY_MS = 200 };
static const int64_t sync_ns = 100000000;

#define SNAPSHOT_NAME "snapshot"

struct journal {
	struct journal_config cfg;
	int state_fd;
	int dir_fd;

	/* the appender's own */
	struct buf batch;
	uint64_t batch_seed;
	_Atomic uint64_t last; /* written by the appender only */

	pthread_mutex_t lock;
	pthread_cond_t work;  /* to the sync thread */
	pthread_cond_t moved; /* to everyone who waits for it */

	/* under lock */
	struct segment *segments;
	struct segment *active;
	unsigned count;
	bool has_spare;
	bool making_spare; /* by the sync thread, with the lock let go */
	int64_t spare_retry_ns;
	struct buf unsynced;
	struct buf syncing;
	uint64_t written; /* number of the newest record that the kernel has */
	int64_t first_unsynced_ns;
	bool dir_dirty;
	bool soon;
	bool broken; /* the last write failed: unsynced holds what no segment has */
	bool stop;
	bool impatient; /* oxd leaves: nobody waits for room any more */
	uint64_t wakes;
	struct buf snapshot;
	uint64_t snapshot_covers;
	bool snapshot_waits;
	int64_t snapshot_retry_ns;
	int why; /* errno behind NO_SPACE and FAILED */

	_Atomic uint64_t synced;
	_Atomic uint64_t durable_snapshot;
	_Atomic int state;
	pthread_t thread;
};

/* ---- segments ---------------------------------------------------------------------------------------------------- */

static uint64_t
used_bytes(const struct journal *j)
{
	uint64_t bytes = j->has_spare ? j->cfg.segment_bytes : 0;
	const struct segment *s;
	LL_FOREACH(j->segments, s)
	bytes += s->bytes;
	return bytes;
}

static void
set_state(struct journal *j, enum journal_state state, int why)
{
	enum journal_state was = (enum journal_state)atomic_load(&j->state);
	if (was == JOURNAL_FAILED)
		return;
	j->why = why;
	atomic_store(&j->state, state);
	if (was == state)
		return;
	if (state == JOURNAL_RUNS)
		say(SAY_WARNING, "journal has room again, intake goes on");
	else if (state == JOURNAL_FULL)
		say(SAY_WARNING, "journal has reached --journal-size, intake waits for the log writer");
	else if (state == JOURNAL_NO_SPACE)
		say(SAY_WARNING, "no room for a journal segment in %s, intake waits: %s", j->cfg.state_path,
		    strerror(why));
	else
		say(SAY_ERROR, "journal in %s cannot be made durable, intake has stopped: %s", j->cfg.state_path,
		    strerror(why));
	if (state == JOURNAL_FULL || state == JOURNAL_NO_SPACE)
		stats_add(j->cfg.stats, STAT_journal_blocked, 1);
}

/* Under lock.  A segment that can take at least `need` bytes of records becomes the active one. */
static enum bx_err
add_segment(struct journal *j, size_t need)
{
	while (j->making_spare)
		pthread_cond_wait(&j->moved, &j->lock);
	uint64_t bytes = j->cfg.segment_bytes;
	if (bytes < SEGMENT_HEADER + need)
		bytes = SEGMENT_HEADER + need;
	uint64_t reused = j->has_spare && bytes == j->cfg.segment_bytes ? bytes : 0;
	if (used_bytes(j) - reused + bytes > j->cfg.max_bytes) {
		set_state(j, JOURNAL_FULL, 0);
		return BX_EFULL;
	}
	struct segment *s;
	if (segment_create(j->dir_fd, j->written + 1, bytes, 0, false, &s) != BX_OK) {
		set_state(j, JOURNAL_NO_SPACE, errno);
		return BX_EFULL;
	}
	set_state(j, JOURNAL_RUNS, 0);
	j->has_spare = false;
	j->dir_dirty = true;
	LL_APPEND(j->segments, s);
	j->active = s;
	j->count++;
	pthread_cond_signal(&j->work); /* for the next spare */
	return BX_OK;
}

static void
drop_segment(struct journal *j, struct segment *s, bool as_spare)
{
	segment_remove(j->dir_fd, s, as_spare);
	LL_DELETE(j->segments, s);
	j->count--;
	j->dir_dirty = true;
	segment_unref(&s);
}

/* Records that were summed for one segment are to go into another. */
static void
reseed(uint8_t *p, size_t n, uint64_t seed)
{
	while (n > 0) {
		uint32_t len = record_length(p);
		size_t padded = ((size_t)len + 7) & ~(size_t)7;
		put_u64le(p + 8, XXH3_64bits_withSeed(p + 16, len - 16, seed ^ get_u64le(p)));
		p += padded;
		n -= padded;
	}
}

/* ---- when the disk says no (J4) ---------------------------------------------------------------------------------- */

/*
 * Under lock.  What is not durable goes, under the same numbers, into a segment that has never been synced before; the
 * descriptors that failed are not synced again.
 */
static enum bx_err
write_rescue(struct journal *j, uint64_t upto, struct segment **out)
{
	uint64_t synced = atomic_load(&j->synced);
	size_t total = j->syncing.len + j->unsynced.len;
	uint64_t bytes = j->cfg.segment_bytes;
	if (bytes < SEGMENT_HEADER + total)
		bytes = SEGMENT_HEADER + total;
	struct segment *s;
	enum bx_err err = segment_create(j->dir_fd, synced + 1, bytes, upto, true, &s);
	if (err != BX_OK)
		return err;
	j->has_spare = false;
	reseed(j->syncing.data, j->syncing.len, s->seed);
	reseed(j->unsynced.data, j->unsynced.len, s->seed);
	if (!disk_write(s->fd, j->syncing.data, j->syncing.len, SEGMENT_HEADER) ||
	    !disk_write(s->fd, j->unsynced.data, j->unsynced.len, SEGMENT_HEADER + j->syncing.len) ||
	    fdatasync(s->fd) != 0 || segment_show(j->dir_fd, s) != BX_OK || fsync(j->dir_fd) != 0) {
		int why = errno;
		segment_unref(&s);
		errno = why;
		return BX_EIO;
	}
	s->end = SEGMENT_HEADER + total;
	s->dirty = false;
	*out = s;
	return BX_OK;
}

static void
replace_segments(struct journal *j, struct segment *fresh)
{
	struct segment *s, *next;
	LL_FOREACH_SAFE(j->segments, s, next)
	{
		s->dirty = false;
		if (s->first < fresh->first)
			continue;
		if (s->first > fresh->first) /* of the same number: its name is the fresh one's now */
			segment_remove(j->dir_fd, s, false);
		LL_DELETE(j->segments, s);
		j->count--;
		segment_unref(&s);
	}
	LL_APPEND(j->segments, fresh);
	j->count++;
	j->active = fresh;
	j->dir_dirty = true;
}

static bool
is_no_space(int why)
{
	return why == ENOSPC || why == EDQUOT;
}

/* Under lock; may let go of it for a moment.  Ends with everything durable, or with state failed. */
static void
rescue(struct journal *j, int why)
{
	stats_add(j->cfg.stats, STAT_journal_sync_failures, 1);
	say(SAY_ERROR, "journal in %s: %s; moving what is not durable to a new segment", j->cfg.state_path,
	    strerror(why));
	for (;;) {
		uint64_t upto = j->broken ? atomic_load(&j->last) : j->written;
		struct segment *s;
		enum bx_err err = write_rescue(j, upto, &s);
		if (err == BX_OK) {
			replace_segments(j, s);
			buf_clear(&j->syncing);
			buf_clear(&j->unsynced);
			j->written = upto;
			j->broken = false;
			atomic_store(&j->synced, upto);
			set_state(j, JOURNAL_RUNS, 0);
			break;
		}
		if (!is_no_space(errno) || j->stop || j->impatient) {
			set_state(j, JOURNAL_FAILED, errno);
			break;
		}
		set_state(j, JOURNAL_NO_SPACE, errno);
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&j->work, &j->lock, &until);
	}
	pthread_cond_broadcast(&j->moved);
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
	struct buf empty = j->syncing;
	j->syncing = j->unsynced;
	j->unsynced = empty;

	pthread_mutex_unlock(&j->lock);
	int why = j->cfg.sync == JOURNAL_SYNC_NEVER ? 0 : sync_files(j, dirty, count, dir);
	pthread_mutex_lock(&j->lock);

	stats_add(j->cfg.stats, STAT_journal_syncs, 1);
	for (unsigned i = 0; i < count; i++)
		segment_unref(&dirty[i]);
	free(dirty);
	if (why) {
		rescue(j, why);
		return;
	}
	buf_clear(&j->syncing);
	atomic_store(&j->synced, upto);
	pthread_cond_broadcast(&j->moved);
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
	say_limited(&limit, SAY_WARNING, "snapshot in %s: %s", j->cfg.state_path, strerror(why));
	j->snapshot_retry_ns = clock_mono_ns() + 1000000000;
	if (j->snapshot_waits || j->stop) { /* a newer one has come, or there is no later */
		buf_fini(&content);
	} else {
		j->snapshot = content;
		j->snapshot_waits = true;
	}
}

static bool
wants_spare(const struct journal *j, int64_t now_ns)
{
	return !j->has_spare && !j->stop && j->active && j->active->end > j->cfg.segment_bytes / 4 &&
	       used_bytes(j) + j->cfg.segment_bytes <= j->cfg.max_bytes && atomic_load(&j->state) == JOURNAL_RUNS &&
	       now_ns >= j->spare_retry_ns;
}

/* Under lock, which it lets go of while it allocates; an appender that needs a segment meanwhile waits for this one. */
static void
make_spare(struct journal *j)
{
	j->making_spare = true;
	pthread_mutex_unlock(&j->lock);
	bool made = segment_make_spare(j->dir_fd, j->cfg.segment_bytes) == BX_OK;
	pthread_mutex_lock(&j->lock);
	j->making_spare = false;
	j->has_spare = made;
	if (!made) /* whoever needs it will find out, and say so */
		j->spare_retry_ns = clock_mono_ns() + 1000000000;
	pthread_cond_broadcast(&j->moved);
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
	if (atomic_load(&j->state) == JOURNAL_FAILED)
		return false;
	if (j->unsynced.len == 0)
		return j->dir_dirty;
	return j->soon || j->stop || j->cfg.sync == JOURNAL_SYNC_ALWAYS || j->unsynced.len >= SYNC_BYTES ||
	       now_ns - j->first_unsynced_ns >= sync_ns;
}

static void
wait_for_work(struct journal *j, int64_t now_ns)
{
	int64_t until_ns = j->unsynced.len ? j->first_unsynced_ns + sync_ns : now_ns + 1000000000;
	struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
	pthread_cond_timedwait(&j->work, &j->lock, &until);
}

static void *
sync_main(void *arg)
{
	struct journal *j = arg;
	pthread_setname_np(pthread_self(), "journal");
	pthread_mutex_lock(&j->lock);
	for (;;) {
		int64_t now_ns = clock_mono_ns();
		if (j->broken && atomic_load(&j->state) != JOURNAL_FAILED)
			rescue(j, j->why);
		else if (sync_due(j, now_ns))
			sync_once(j);
		else if (snapshot_due(j, now_ns))
			save_snapshot(j);
		else if (wants_spare(j, now_ns))
			make_spare(j);
		else if (j->stop)
			break;
		else
			wait_for_work(j, now_ns);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

static enum bx_err
load_snapshot(struct journal *j, const struct journal_replay *replay, uint64_t *covers)
{
	struct buf content = {0};
	enum bx_err err = BX_ESHORT;
	for (int prev = 0; prev < 2 && err != BX_OK; prev++) {
		err = statefile_read(j->state_fd, SNAPSHOT_NAME, prev, STATEFILE_SNAPSHOT, &content);
		if (err == BX_OK)
			err = replay->snapshot(replay->arg, &content, covers);
		if (err != BX_OK && err != BX_ESHORT)
			say(SAY_WARNING, "snapshot%s in %s does not hold (%s)", prev ? " before the last" : "",
			    j->cfg.state_path, bx_err_text(err));
	}
	buf_fini(&content);
	return err;
}

static void
init_sync(struct journal *j)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->work, &attr);
	pthread_cond_init(&j->moved, &attr);
	pthread_condattr_destroy(&attr);
}

static void
journal_free(struct journal *j)
{
	struct segment *s, *next;
	LL_FOREACH_SAFE(j->segments, s, next)
	{
		LL_DELETE(j->segments, s);
		segment_unref(&s);
	}
	buf_fini(&j->batch);
	buf_fini(&j->unsynced);
	buf_fini(&j->syncing);
	buf_fini(&j->snapshot);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->work);
	pthread_cond_destroy(&j->moved);
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	if (j->state_fd >= 0)
		close(j->state_fd);
	free(j);
}

static bool
open_dirs(struct journal *j)
{
	j->state_fd = open(j->cfg.state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->state_fd < 0 || (mkdirat(j->state_fd, "journal", 0700) != 0 && errno != EEXIST))
		return false;
	j->dir_fd = openat(j->state_fd, "journal", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return j->dir_fd >= 0 && fsync(j->state_fd) == 0;
}

static void
adopt(struct journal *j, struct recovered *r)
{
	j->segments = r->segments;
	j->count = r->count;
	if (r->ends_open) {
		struct segment *s;
		LL_FOREACH(j->segments, s)
		j->active = s;
	}
	j->written = r->last;
	atomic_store(&j->last, r->last);
	atomic_store(&j->synced, r->last);
	j->has_spare = faccessat(j->dir_fd, SEGMENT_SPARE, F_OK, 0) == 0;
}

/* The losses of this start become part of the journal, so that the next start does not tell them again. */
static void
append_losses(struct journal *j, const struct recovered *r)
{
	for (unsigned i = 0; i < r->lost_count; i++) {
		struct source lost = {.kind = SOURCE_LOST, .lost = {r->lost[i].lo, r->lost[i].hi}};
		if (!journal_has_room(j, 0) && journal_roll(j, 0) != BX_OK)
			return; /* told at the next start again */
		journal_append(j, &lost, (struct bytes){NULL, 0});
		journal_write(j);
	}
}

enum bx_err
journal_open(struct journal **out, const struct journal_config *config, uint64_t floor,
    const struct journal_replay *replay, char *err, size_t err_cap)
{
	struct journal *j = calloc(1, sizeof *j);
	struct recovered found = {0};
	if (!j)
		return BX_ENOMEM;
	j->cfg = *config;
	j->state_fd = j->dir_fd = -1;
	init_sync(j);
	enum bx_err result = BX_EIO;
	if (!open_dirs(j)) {
		snprintf(err, err_cap, "%s: %s", config->state_path, strerror(errno));
		goto fail;
	}
	uint64_t covers = 0;
	if (load_snapshot(j, replay, &covers) == BX_OK)
		atomic_store(&j->durable_snapshot, covers);
	result = journal_recover(j->dir_fd, covers, replay, config->stats, &found, err, err_cap);
	if (found.last < floor) {
		found.last = floor;
		found.ends_open = false;
	}
	adopt(j, &found);
	if (result != BX_OK)
		goto fail;
	if (!j->active && add_segment(j, 0) != BX_OK && atomic_load(&j->state) != JOURNAL_FULL) {
		snprintf(err, err_cap, "%s: no journal segment can be made: %s", config->state_path, strerror(j->why));
		result = BX_EIO;
		goto fail;
	}
	if (pthread_create(&j->thread, NULL, sync_main, j) != 0) {
		snprintf(err, err_cap, "the journal's thread cannot be started");
		result = BX_EIO;
		goto fail;
	}
	append_losses(j, &found);
	*out = j;
	return BX_OK;
fail:
	journal_free(j);
	return result;
}

void
journal_close(struct journal **jp)
{
	struct journal *j = *jp;
	*jp = NULL;
	pthread_mutex_lock(&j->lock);
	j->stop = true;
	pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	journal_free(j);
}

/* ---- appending --------------------------------------------------------------------------------------------------- */

bool
journal_has_room(const struct journal *j, size_t frame_bytes)
{
	/* `active` and its end change under lock, by this thread, or by a rescue: journal_write() looks again. */
	struct journal *mine = (struct journal *)(uintptr_t)j;
	pthread_mutex_lock(&mine->lock);
	const struct segment *s = j->active;
	bool fits =
	    s && s->end + j->batch.len <= s->bytes && frame_bytes + RECORD_OVERHEAD <= s->bytes - s->end - j->batch.len;
	pthread_mutex_unlock(&mine->lock);
	return fits;
}

enum bx_err
journal_roll(struct journal *j, size_t frame_bytes)
{
	if (atomic_load(&j->state) == JOURNAL_FAILED)
		return BX_EFULL;
	pthread_mutex_lock(&j->lock);
	enum bx_err err = add_segment(j, frame_bytes + RECORD_OVERHEAD);
	pthread_mutex_unlock(&j->lock);
	return err;
}

uint64_t
journal_append(struct journal *j, const struct source *source, struct bytes frame)
{
	uint64_t number = atomic_load_explicit(&j->last, memory_order_relaxed) + 1;
	if (j->batch.len == 0) {
		pthread_mutex_lock(&j->lock);
		j->batch_seed = j->active->seed;
		pthread_mutex_unlock(&j->lock);
	}
	size_t before = j->batch.len;
	record_put(&j->batch, j->batch_seed, number, clock_wall_ns(), source, frame);
	if (j->batch.err != BX_OK)
		abort(); /* out of memory: what is in the rings stays there, and a restart goes on */
	atomic_store(&j->last, number);
	stats_add(j->cfg.stats, STAT_journal_frames, frame.n != 0);
	stats_add(j->cfg.stats, STAT_journal_bytes, j->batch.len - before);
	return number;
}

size_t
journal_batch_bytes(const struct journal *j)
{
	return j->batch.len;
}

/* Under lock.  A rescue may have put a fuller segment in place since the room was looked for. */
static bool
make_fit(struct journal *j)
{
	while (j->active->end + j->batch.len > j->active->bytes) {
		if (add_segment(j, j->batch.len) == BX_OK)
			break;
		if (j->stop || j->impatient || atomic_load(&j->state) == JOURNAL_FAILED)
			return false;
		pthread_mutex_unlock(&j->lock);
		usleep(RETRY_MS * 1000);
		pthread_mutex_lock(&j->lock);
	}
	if (j->batch_seed != j->active->seed)
		reseed(j->batch.data, j->batch.len, j->active->seed);
	return true;
}

/* Under lock. */
static void
keep_unsynced(struct journal *j)
{
	if (j->unsynced.len == 0)
		j->first_unsynced_ns = clock_mono_ns();
	buf_put(&j->unsynced, j->batch.data, j->batch.len);
	if (j->unsynced.err != BX_OK)
		abort();
}

/* Under lock. */
static bool
write_batch(struct journal *j)
{
	if (!make_fit(j))
		return false;
	uint64_t last = atomic_load(&j->last);
	bool ok = disk_write(j->active->fd, j->batch.data, j->batch.len, j->active->end);
	if (ok) {
		j->active->end += j->batch.len;
		j->active->dirty = true;
		j->written = last;
		if (j->cfg.sync == JOURNAL_SYNC_NEVER) {
			atomic_store(&j->synced, last);
			pthread_cond_broadcast(&j->moved);
			return true;
		}
		size_t before = j->unsynced.len;
		keep_unsynced(j);
		if (before == 0 || j->unsynced.len >= SYNC_BYTES)
			pthread_cond_signal(&j->work);
		return true;
	}
	j->why = errno;
	keep_unsynced(j);
	j->broken = true;
	pthread_cond_signal(&j->work);
	while (j->broken && atomic_load(&j->state) != JOURNAL_FAILED)
		pthread_cond_wait(&j->moved, &j->lock);
	return !j->broken;
}

enum bx_err
journal_write(struct journal *j)
{
	if (j->batch.len == 0)
		return BX_OK;
	pthread_mutex_lock(&j->lock);
	while (j->unsynced.len + j->syncing.len > UNSYNCED_MAX && atomic_load(&j->state) != JOURNAL_FAILED)
		pthread_cond_wait(&j->moved, &j->lock);
	bool ok = atomic_load(&j->state) != JOURNAL_FAILED && write_batch(j);
	pthread_mutex_unlock(&j->lock);
	buf_clear(&j->batch);
	return ok ? BX_OK : BX_EIO;
}

uint64_t
journal_last(const struct journal *j)
{
	return atomic_load(&j->last);
}

void
journal_offer_snapshot(struct journal *j, uint64_t covers, struct buf *content)
{
	pthread_mutex_lock(&j->lock);
	buf_fini(&j->snapshot);
	j->snapshot = *content;
	*content = (struct buf){0};
	j->snapshot_covers = covers;
	j->snapshot_waits = true;
	pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
}

/* ---- for everyone ------------------------------------------------------------------------------------------------ */

uint64_t
journal_synced(const struct journal *j)
{
	return atomic_load(&j->synced);
}

uint64_t
journal_snapshot_covers(const struct journal *j)
{
	return atomic_load(&j->durable_snapshot);
}

enum journal_state
journal_state(const struct journal *j)
{
	return (enum journal_state)atomic_load(&j->state);
}

const char *
journal_state_text(struct journal *j, char *out, size_t cap)
{
	static const char *const texts[] = {
	    [JOURNAL_RUNS] = "ok",
	    [JOURNAL_FULL] = "blocked: the journal has reached --journal-size",
	    [JOURNAL_NO_SPACE] = "blocked: no room for a journal segment",
	    [JOURNAL_FAILED] = "failed: the journal cannot be made durable",
	};
	pthread_mutex_lock(&j->lock);
	enum journal_state state = journal_state(j);
	if (j->why && (state == JOURNAL_NO_SPACE || state == JOURNAL_FAILED))
		snprintf(out, cap, "%s (%s)", texts[state], strerror(j->why));
	else
		snprintf(out, cap, "%s", texts[state]);
	pthread_mutex_unlock(&j->lock);
	return out;
}

bool
journal_wait(struct journal *j, uint64_t number, int timeout_ms)
{
	int64_t until_ns = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
	struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
	pthread_mutex_lock(&j->lock);
	uint64_t wakes = j->wakes;
	while (atomic_load(&j->synced) < number && j->wakes == wakes)
		if (pthread_cond_timedwait(&j->moved, &j->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&j->lock);
	return atomic_load(&j->synced) >= number;
}

void
journal_wake(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->wakes++;
	pthread_cond_broadcast(&j->moved);
	pthread_mutex_unlock(&j->lock);
}

void
journal_wait_no_more(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->impatient = true;
	pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
}

void
journal_sync_soon(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->soon = true;
	pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
}

void
journal_trim(struct journal *j, uint64_t upto)
{
	uint64_t covered = atomic_load(&j->durable_snapshot);
	if (upto > covered)
		upto = covered;
	pthread_mutex_lock(&j->lock);
	while (j->segments && j->segments->next && j->segments->next->first <= upto + 1 && !j->segments->dirty) {
		bool as_spare = !j->has_spare && j->segments->bytes == j->cfg.segment_bytes;
		drop_segment(j, j->segments, as_spare);
		if (as_spare)
			j->has_spare = faccessat(j->dir_fd, SEGMENT_SPARE, F_OK, 0) == 0;
	}
	pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
}

void
journal_usage(struct journal *j, uint64_t *bytes, uint64_t *segments)
{
	pthread_mutex_lock(&j->lock);
	*bytes = used_bytes(j);
	*segments = j->count;
	pthread_mutex_unlock(&j->lock);
}

struct segment *
journal_take_segment(struct journal *j, uint64_t number)
{
	struct segment *s, *found = NULL;
	pthread_mutex_lock(&j->lock);
	found = j->segments;
	LL_FOREACH(j->segments, s)
	if (s->first <= number)
		found = s;
	if (found)
		found->refs++;
	pthread_mutex_unlock(&j->lock);
	return found;
}

void
journal_give_segment(struct journal *j, struct segment **s)
{
	pthread_mutex_lock(&j->lock);
	segment_unref(s);
	pthread_mutex_unlock(&j->lock);
}
