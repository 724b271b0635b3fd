/* SPDX-License-Identifier: ISC */
/* journal_segments: what is made, what may go, and what is dropped when there is no other way. */
#include "oxd/journal_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "libbx/core/clock.h"
#include "oxd/say.h"

uint64_t
journal_used_bytes(const struct journal *j)
{
	uint64_t bytes = j->has_spare ? j->cfg.segment_bytes : 0;
	const struct segment *s;
	LL_FOREACH(j->segments, s)
	bytes += s->bytes;
	return bytes;
}

static void
look_for_spare(struct journal *j)
{
	j->has_spare = faccessat(j->dir_fd, SEGMENT_SPARE, F_OK, 0) == 0;
}

/* What drop-oldest has to write before it may drop must fit when nothing else does. */
static size_t
reserve_of(const struct journal *j)
{
	return j->cfg.drop_oldest ? JOURNAL_RESERVE : 0;
}

enum bx_err
journal_add_segment(struct journal *j, size_t need)
{
	while (j->making_spare)
		pthread_cond_wait(&j->moved, &j->lock);
	if (j->broken)
		return BX_EFULL;
	uint64_t bytes = j->cfg.segment_bytes;
	if (bytes < SEGMENT_HEADER + need + reserve_of(j))
		bytes = SEGMENT_HEADER + need + reserve_of(j);
	uint64_t reused = j->has_spare && bytes == j->cfg.segment_bytes ? bytes : 0;
	if (journal_used_bytes(j) - reused + bytes > j->cfg.max_bytes) {
		journal_set_state(j, j->cfg.drop_oldest ? JOURNAL_DROPS : JOURNAL_FULL, 0);
		return BX_EFULL;
	}
	struct segment *s;
	atomic_store(&j->write_since_ns, clock_mono_ns());
	enum bx_err err = segment_create(j->dir_fd, j->written + 1, bytes, 0, false, &s);
	int why = errno;
	atomic_store(&j->write_since_ns, 0);
	if (err != BX_OK) {
		look_for_spare(j);
		journal_set_state(j, JOURNAL_NO_SPACE, why);
		return BX_EFULL;
	}
	journal_set_state(j, j->dropped ? JOURNAL_DROPS : JOURNAL_RUNS, 0);
	j->dropped = false;
	j->has_spare = false;
	j->dir_dirty = true;
	LL_APPEND(j->segments, s);
	j->active = s;
	j->count++;
	pthread_cond_signal(&j->work); /* for the next spare */
	return BX_OK;
}

bool
journal_has_room(const struct journal *j, size_t frame_bytes)
{
	/* `active` and its end change under lock, by this thread, or by a rescue: journal_write() looks again. */
	struct journal *mine = (struct journal *)(uintptr_t)j;
	pthread_mutex_lock(&mine->lock);
	const struct segment *s = j->active;
	uint64_t taken = s ? s->end + journal_batch_bytes(j) + reserve_of(j) : 0;
	bool fits = !mine->broken && s && taken <= s->bytes && frame_bytes + RECORD_OVERHEAD <= s->bytes - taken;
	pthread_mutex_unlock(&mine->lock);
	return fits;
}

enum bx_err
journal_roll(struct journal *j, size_t frame_bytes)
{
	pthread_mutex_lock(&j->lock);
	enum bx_err err = journal_add_segment(j, frame_bytes + RECORD_OVERHEAD);
	pthread_mutex_unlock(&j->lock);
	return err;
}

static void
drop_segment(struct journal *j, struct segment *s)
{
	bool as_spare = !(j->has_spare && j->spare_is_used) && !j->making_spare && s->bytes == j->cfg.segment_bytes;
	segment_remove(j->dir_fd, s, as_spare);
	LL_DELETE(j->segments, s);
	j->count--;
	j->dir_dirty = true;
	segment_unref(&s);
	if (as_spare) {
		look_for_spare(j);
		j->spare_is_used = j->has_spare;
	}
}

void
journal_replace_segments(struct journal *j, struct segment *fresh)
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

/* ---- the spare --------------------------------------------------------------------------------------------------- */

bool
journal_wants_spare(const struct journal *j, int64_t now_ns)
{
	return !j->has_spare && !j->stop && j->active && j->active->end > j->cfg.segment_bytes / 2 &&
	       journal_used_bytes(j) + j->cfg.segment_bytes <= j->cfg.max_bytes &&
	       atomic_load(&j->state) == JOURNAL_RUNS && now_ns >= j->spare_retry_ns;
}

void
journal_make_spare(struct journal *j)
{
	j->making_spare = true;
	pthread_mutex_unlock(&j->lock);
	bool made = segment_make_spare(j->dir_fd, j->cfg.segment_bytes) == BX_OK;
	pthread_mutex_lock(&j->lock);
	j->making_spare = false;
	j->has_spare = made;
	j->spare_is_used = false;
	if (!made) /* whoever needs it will find out, and say so */
		j->spare_retry_ns = clock_mono_ns() + 1000000000;
	pthread_cond_broadcast(&j->moved);
}

void
journal_free_spare(struct journal *j)
{
	if (!j->has_spare || j->making_spare)
		return;
	unlinkat(j->dir_fd, SEGMENT_SPARE, 0);
	j->has_spare = false;
	j->spare_retry_ns = clock_mono_ns() + 10000000000;
}

/* ---- cursors, and what may go ------------------------------------------------------------------------------------ */

unsigned
journal_cursor_add(struct journal *j, uint64_t passed, uint64_t done)
{
	unsigned i = 0;
	pthread_mutex_lock(&j->lock);
	while (i < JOURNAL_CURSORS && j->cursors[i].used)
		i++;
	if (i == JOURNAL_CURSORS)
		abort(); /* our own mistake: cursors are counted in the code, not by what comes in */
	j->cursors[i] = (struct cursor_place){.used = true, .passed = passed, .done = done};
	pthread_mutex_unlock(&j->lock);
	return i;
}

/* Under lock.  The least of all, or 0 while there is none. */
static struct cursor_place
least_of(const struct journal *j)
{
	struct cursor_place least = {0};
	for (unsigned i = 0; i < JOURNAL_CURSORS; i++) {
		const struct cursor_place *c = &j->cursors[i];
		if (!c->used)
			continue;
		if (!least.used || c->passed < least.passed)
			least.passed = c->passed;
		if (!least.used || c->done < least.done)
			least.done = c->done;
		least.used = true;
	}
	return least;
}

/* Under lock. */
static void
let_go(struct journal *j)
{
	uint64_t upto = least_of(j).passed, covered = atomic_load(&j->durable_snapshot);
	if (upto > covered)
		upto = covered;
	bool went = false;
	while (j->segments && j->segments->next && j->segments->next->first <= upto + 1 && !j->segments->dirty) {
		drop_segment(j, j->segments);
		went = true;
	}
	if (went && atomic_load(&j->state) == JOURNAL_DROPS) /* the readers keep up again */
		journal_set_state(j, JOURNAL_RUNS, 0);
	if (j->dir_dirty)
		pthread_cond_signal(&j->work);
}

void
journal_cursor_move(struct journal *j, unsigned cursor, uint64_t passed, uint64_t done)
{
	pthread_mutex_lock(&j->lock);
	j->cursors[cursor].passed = passed;
	j->cursors[cursor].done = done;
	let_go(j);
	pthread_mutex_unlock(&j->lock);
}

void
journal_cursor_remove(struct journal *j, unsigned cursor)
{
	pthread_mutex_lock(&j->lock);
	j->cursors[cursor].used = false;
	let_go(j);
	pthread_mutex_unlock(&j->lock);
}

/* ---- drop-oldest ------------------------------------------------------------------------------------------------- */

bool
journal_doom_oldest(struct journal *j, struct segment **out, uint64_t *lo, uint64_t *hi)
{
	pthread_mutex_lock(&j->lock);
	struct segment *s = j->segments;
	bool may = j->cfg.drop_oldest && s && s->next && !s->dirty && !j->broken && j->active &&
		   j->active->end + JOURNAL_LOST_MAX <= j->active->bytes &&
		   s->next->first - 1 <= atomic_load(&j->durable_snapshot);
	if (may) {
		uint64_t done = least_of(j).done;
		*hi = s->next->first - 1;
		*lo = done >= s->first ? done + 1 : s->first;
		if (*hi > atomic_load(&j->doomed))
			atomic_store(&j->doomed, *hi);
		s->refs++;
		*out = s;
	}
	pthread_mutex_unlock(&j->lock);
	return may;
}

void
journal_drop_doomed(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	uint64_t doomed = atomic_load(&j->doomed);
	while (j->segments && j->segments->next && j->segments->next->first <= doomed + 1) {
		drop_segment(j, j->segments);
		j->dropped = true;
	}
	pthread_mutex_unlock(&j->lock);
}

/* ---- for everyone ------------------------------------------------------------------------------------------------ */

uint64_t
journal_doomed(const struct journal *j)
{
	return atomic_load(&j->doomed);
}

void
journal_usage(struct journal *j, uint64_t *bytes, uint64_t *segments)
{
	if (journal_lock_a_moment(j)) {
		atomic_store(&j->used_bytes, journal_used_bytes(j));
		atomic_store(&j->used_segments, j->count);
		pthread_mutex_unlock(&j->lock);
	}
	*bytes = atomic_load(&j->used_bytes);
	*segments = atomic_load(&j->used_segments);
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
