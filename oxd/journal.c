/* SPDX-License-Identifier: ISC */
/* journal: open and close, append, answer. */
#include "oxd/journal.h"

#include <errno.h>
#include <fcntl.h>
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
#include "oxd/journal_own.h"
#include "oxd/journal_recover.h"
#include "oxd/say.h"
#include "oxd/statefile.h"

enum { PATIENCE_MS = 100, MOMENT_MS = 50 };

/* ---- states ------------------------------------------------------------------------------------------------------ */

static void
say_state(const struct journal *j, enum journal_state state)
{
	const char *where = j->cfg.state_path, *why = strerror(j->why);
	switch (state) {
	case JOURNAL_RUNS:
		say(SAY_WARNING, "journal: intake goes on");
		break;
	case JOURNAL_FULL:
		say(SAY_WARNING, "journal has reached --journal-size, intake waits for its readers");
		break;
	case JOURNAL_DROPS:
		say(SAY_WARNING, "journal has reached --journal-size, the oldest is dropped as --when-full says");
		break;
	case JOURNAL_NO_SPACE:
		say(SAY_WARNING, "no room for a journal segment in %s, intake waits: %s", where, why);
		break;
	case JOURNAL_FAILED:
		say(SAY_ERROR, "journal in %s cannot be made durable, intake has stopped: %s", where, why);
		break;
	}
}

void
journal_set_state(struct journal *j, enum journal_state state, int why)
{
	enum journal_state was = (enum journal_state)atomic_load(&j->state);
	j->why = why;
	atomic_store(&j->state, state);
	if (was == state)
		return;
	say_state(j, state);
	if (state == JOURNAL_FULL || state == JOURNAL_NO_SPACE)
		stats_add(j->cfg.stats, STAT_journal_blocked, 1);
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
		if (err == BX_EVERSION)
			break;
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
	journal_recent_fini(j);
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
	j->dir_fd = openat(j->state_fd, "journal", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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
	atomic_store(&j->doomed, r->doomed);
}

/* A full disk may get room, and oxd is then there to go on; anything else is better seen at the start. */
static bool
is_a_matter_of_time(const struct journal *j)
{
	return atomic_load(&j->state) != JOURNAL_NO_SPACE || j->why == ENOSPC || j->why == EDQUOT;
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
	result = load_snapshot(j, replay, &covers);
	if (result == BX_EVERSION) {
		snprintf(err, err_cap, "%s/" SNAPSHOT_NAME " was written by a newer oxd, this one cannot read it",
		    config->state_path);
		goto fail;
	}
	if (result == BX_OK)
		atomic_store(&j->durable_snapshot, covers);
	result = journal_recover(j->dir_fd, covers, replay, config->stats, &found, err, err_cap);
	if (found.last < floor) {
		found.last = floor;
		found.ends_open = false;
	}
	adopt(j, &found);
	if (result != BX_OK)
		goto fail;
	if (!j->active && journal_add_segment(j, 0) != BX_OK && !is_a_matter_of_time(j)) {
		snprintf(err, err_cap, "%s: no journal segment can be made: %s", config->state_path, strerror(j->why));
		result = BX_EIO;
		goto fail;
	}
	if (pthread_create(&j->thread, NULL, journal_sync_main, j) != 0) {
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

void
journal_reseed(uint8_t *p, size_t n, uint64_t seed)
{
	while (n > 0) {
		uint32_t len = record_length(p);
		size_t padded = ((size_t)len + 7) & ~(size_t)7;
		put_u64le(p + 8, XXH3_64bits_withSeed(p + 16, len - 16, seed ^ get_u64le(p)));
		p += padded;
		n -= padded;
	}
}

static struct buf *
begin(struct journal *j, size_t length, size_t *frame_at)
{
	journal_recent_make_room(j);
	if (j->batch.len == j->batch_at) {
		pthread_mutex_lock(&j->lock);
		j->batch_seed = j->active->seed;
		pthread_mutex_unlock(&j->lock);
	}
	j->begun_at = j->batch.len;
	*frame_at = j->frame_at = record_start(&j->batch, length);
	return &j->batch;
}

struct buf *
journal_begin(struct journal *j, enum source_kind kind, size_t *frame_at)
{
	return begin(j, source_bytes(kind), frame_at);
}

void
journal_undo(struct journal *j)
{
	j->batch.len = j->begun_at;
}

uint64_t
journal_end(struct journal *j, const struct source *source)
{
	uint64_t number = atomic_load_explicit(&j->last, memory_order_relaxed) + 1;
	bool has_frame = j->batch.len > j->frame_at;
	record_finish(&j->batch, j->frame_at, j->batch_seed, number, clock_wall_ns(), source);
	if (j->batch.err != BX_OK || j->batch.data != j->batch_memory)
		abort(); /* it must not move, and there was room for the longest record */
	atomic_store(&j->last, number);
	stats_add(j->cfg.stats, STAT_journal_frames, has_frame);
	stats_add(j->cfg.stats, STAT_journal_bytes, j->batch.len - j->begun_at);
	return number;
}

uint64_t
journal_append(struct journal *j, const struct source *source, struct bytes frame)
{
	size_t frame_at;
	struct buf *b = begin(j, source_length(source), &frame_at);
	buf_put(b, frame.p, frame.n);
	return journal_end(j, source);
}

size_t
journal_batch_bytes(const struct journal *j)
{
	return j->batch.len - j->batch_at;
}

/* Under lock.  A rescue may have put a fuller segment in place since the room was looked for. */
static bool
make_fit(struct journal *j)
{
	size_t n = journal_batch_bytes(j);
	if (j->active->end + n > j->active->bytes && journal_add_segment(j, n) != BX_OK)
		return false;
	if (j->batch_seed != j->active->seed) {
		journal_reseed(j->batch.data + j->batch_at, n, j->active->seed);
		j->batch_seed = j->active->seed;
	}
	return true;
}

/*
 * Under lock, which it lets go of while the disk works: whoever only asks must not hang with it.  Nobody but the appender
 * moves the active segment meanwhile, since a rescue waits.
 */
static bool
write_unlocked(struct journal *j, size_t n)
{
	int fd = j->active->fd;
	uint64_t at = j->active->end;
	j->writing = true;
	atomic_store(&j->write_since_ns, clock_mono_ns());
	pthread_mutex_unlock(&j->lock);
	bool ok = disk_write(fd, j->batch.data + j->batch_at, n, at);
	int why = errno;
	pthread_mutex_lock(&j->lock);
	atomic_store(&j->write_since_ns, 0);
	j->writing = false;
	if (j->broken)
		pthread_cond_signal(&j->work);
	errno = why;
	return ok;
}

/* Under lock. */
static bool
write_batch(struct journal *j)
{
	if (!make_fit(j))
		return false;
	journal_recent_place(j);
	size_t n = journal_batch_bytes(j);
	if (!write_unlocked(j, n)) {
		j->why = errno;
		j->broken = true;
		pthread_cond_signal(&j->work);
		return false;
	}
	if (j->unsynced == 0)
		j->first_unsynced_ns = clock_mono_ns();
	size_t before = j->unsynced;
	journal_recent_written(j);
	j->active->end += n;
	j->active->dirty = true;
	j->written = atomic_load(&j->last);
	if (j->cfg.sync == JOURNAL_SYNC_NEVER) {
		journal_recent_sync_begins(j);
		journal_recent_synced(j);
		atomic_store(&j->synced, j->written);
		journal_tell_synced(j);
		return true;
	}
	if (before == 0 || j->unsynced >= SYNC_BYTES)
		pthread_cond_signal(&j->work);
	return true;
}

/* Under lock. */
static bool
may_write(const struct journal *j)
{
	return !j->broken && j->unsynced + j->syncing <= UNSYNCED_MAX;
}

enum bx_err
journal_write(struct journal *j)
{
	if (journal_batch_bytes(j) == 0)
		return BX_OK;
	int64_t until_ns = clock_mono_ns() + (int64_t)PATIENCE_MS * 1000000;
	struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
	pthread_mutex_lock(&j->lock);
	bool ok = false;
	for (int waited = 0; !ok && !waited && !j->given_up;) {
		ok = may_write(j) && write_batch(j);
		if (!ok)
			waited = pthread_cond_timedwait(&j->moved, &j->lock, &until);
	}
	pthread_mutex_unlock(&j->lock);
	return ok ? BX_OK : BX_EFULL;
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
	    [JOURNAL_DROPS] = "dropping: the journal has reached --journal-size and gives up its oldest records",
	    [JOURNAL_NO_SPACE] = "blocked: no room for a journal segment",
	    [JOURNAL_FAILED] = "failed: the journal cannot be made durable",
	};
	enum journal_state state = journal_state(j);
	int64_t waits_s = journal_waits_ns(j) / 1000000000;
	int why = atomic_load(&j->why);
	if (state == JOURNAL_RUNS && waits_s > 0)
		snprintf(out, cap, "waiting: the journal's disk has not answered for %lld s", (long long)waits_s);
	else if (why && (state == JOURNAL_NO_SPACE || state == JOURNAL_FAILED))
		snprintf(out, cap, "%s (%s)", texts[state], strerror(why));
	else
		snprintf(out, cap, "%s", texts[state]);
	return out;
}

int64_t
journal_waits_ns(const struct journal *j)
{
	int64_t write_ns = atomic_load(&j->write_since_ns), sync_ns = atomic_load(&j->sync_since_ns);
	int64_t since_ns = write_ns && (!sync_ns || write_ns < sync_ns) ? write_ns : sync_ns;
	int64_t ns = since_ns ? clock_mono_ns() - since_ns : 0;
	return ns > 0 ? ns : 0;
}

bool
journal_lock_a_moment(struct journal *j)
{
	/* pthread_mutex_timedlock() goes by a clock that may jump, and no thread sanitizer here knows of _clocklock(). */
	for (int i = 0; i < MOMENT_MS; i++) {
		if (pthread_mutex_trylock(&j->lock) == 0)
			return true;
		usleep(1000);
	}
	return pthread_mutex_trylock(&j->lock) == 0;
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
journal_tell_synced(struct journal *j)
{
	uint64_t one = 1;
	pthread_cond_broadcast(&j->moved);
	for (unsigned i = 0; i < j->listener_count; i++)
		if (write(j->listeners[i], &one, sizeof one) < 0)
			continue; /* it is readable already */
}

void
journal_listen(struct journal *j, int event_fd)
{
	pthread_mutex_lock(&j->lock);
	if (j->listener_count == JOURNAL_LISTENERS)
		abort(); /* a mistake of ours: they are few, and known */
	j->listeners[j->listener_count++] = event_fd;
	pthread_mutex_unlock(&j->lock);
}

void
journal_listen_no_more(struct journal *j, int event_fd)
{
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < j->listener_count; i++)
		if (j->listeners[i] == event_fd)
			j->listeners[i--] = j->listeners[--j->listener_count];
	pthread_mutex_unlock(&j->lock);
}

void
journal_wake(struct journal *j)
{
	bool locked = journal_lock_a_moment(j); /* without, whoever is just going to wait finds out by its timeout */
	atomic_fetch_add(&j->wakes, 1);
	pthread_cond_broadcast(&j->moved);
	if (locked)
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
	bool locked = journal_lock_a_moment(j);
	atomic_store(&j->soon, true);
	pthread_cond_signal(&j->work);
	if (locked)
		pthread_mutex_unlock(&j->lock);
}
