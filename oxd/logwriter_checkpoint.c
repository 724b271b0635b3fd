/* SPDX-License-Identifier: ISC */
/*
 * logwriter_checkpoint: what is written becomes durable, and then it is said so (L3); and the one way back, to where it
 * was said last (L4).
 */
#include "oxd/logwriter_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "oxd/keeper.h"

/* ---- writing, and going back ------------------------------------------------------------------------------------- */

enum outcome
logwriter_flush_file(struct logwriter *lw, struct logfile *f)
{
	size_t n = f->pending.len;
	while (logfile_flush(f) != BX_OK) {
		stats_add(lw->stats, STAT_log_write_errors, 1);
		logwriter_set_trouble(lw, "cannot write", f->name, errno);
		if (!logwriter_wait_a_while(lw))
			return LEAVE;
	}
	lw->pending -= n;
	stats_add(lw->stats, STAT_log_bytes, n);
	return DONE;
}

enum outcome
logwriter_flush(struct logwriter *lw)
{
	if (lw->pending == 0)
		return DONE;
	for (struct logfile *f = lw->files; f; f = f->hh.next)
		if (f->pending.len && logwriter_flush_file(lw, f) != DONE)
			return LEAVE;
	logwriter_clear_trouble(lw);
	return DONE;
}

void
logwriter_go_back(struct logwriter *lw)
{
	for (struct logfile *f = lw->files; f; f = f->hh.next) {
		buf_clear(&f->pending);
		blocks_reset(&f->blocks);
		if (f->made)
			f->at = f->listed ? f->listed_at : 0;
	}
	lw->pending = 0;
	lw->number = atomic_load(&lw->saved);
	reader_seek(&lw->reader, lw->number + 1);
}

/* ---- taking one -------------------------------------------------------------------------------------------------- */

static bool
sync_files(struct logwriter *lw)
{
	bool failed = false;
	for (struct logfile *f = lw->files; f; f = f->hh.next) {
		if (!f->made || !f->dirty)
			continue;
		if (fdatasync(f->fd) == 0 && logfile_tail_sum(f, f->at, &f->tail_sum) == BX_OK)
			continue;
		stats_add(lw->stats, STAT_log_sync_errors, 1);
		/* What no checkpoint covers is written again elsewhere. */
		logwriter_set_trouble(lw, "cannot sync", f->name, errno);
		logwriter_leave_unsynced(lw, f);
		failed = true;
	}
	lw->sync_fails = failed;
	return !failed;
}

static enum outcome
sync_directory(struct logwriter *lw)
{
	while (lw->dir_dirty) {
		if (fsync(lw->log_fd) == 0)
			lw->dir_dirty = false;
		else
			logwriter_set_trouble(lw, "cannot sync", lw->cfg.log_path, errno);
		if (lw->dir_dirty && !logwriter_wait_a_while(lw))
			return LEAVE;
	}
	return DONE;
}

static void
describe(struct logwriter *lw, struct checkpoint *c)
{
	*c = (struct checkpoint){.number = lw->number, .hourly = lw->hourly};
	if (lw->cfg.audit)
		audit_encode_read(lw->cfg.audit, AUDIT_LOG, &c->account);
	for (struct logfile *f = lw->files; f; f = f->hh.next) {
		if (!f->made)
			continue;
		struct checkpoint_file *entry = checkpoint_add(c);
		if (!entry)
			abort();
		memcpy(entry->name, f->name, sizeof entry->name);
		entry->dev = f->dev;
		entry->ino = f->ino;
		entry->len = f->at;
		entry->tail_sum = f->tail_sum;
	}
}

/*
 * Who packs and removes files has to know which ones are not at rest; before their first byte, so before going on.  What
 * was seen of them comes first, or the keeper would read it.
 */
static void
tell_keeper(struct logwriter *lw, struct checkpoint *c)
{
	if (lw->cfg.keeper) {
		for (struct logfile *f = lw->files; f; f = f->hh.next) {
			struct block *list = blocks_take(&f->blocks);
			if (list)
				keeper_seen(lw->cfg.keeper, f->name, f->ino, &list);
		}
		keeper_listed(lw->cfg.keeper, c, lw->arrival_ns);
	}
	checkpoint_fini(c);
}

enum outcome
logwriter_save(struct logwriter *lw)
{
	struct checkpoint c;
	for (;;) {
		describe(lw, &c);
		bool ok = checkpoint_write(lw->state_fd, &c) == BX_OK;
		int why = errno;
		if (ok)
			break;
		checkpoint_fini(&c);
		stats_add(lw->stats, STAT_checkpoint_failures, 1);
		logwriter_set_trouble(lw, "cannot write the checkpoint in", lw->cfg.state_path, why);
		if (!logwriter_wait_a_while(lw))
			return LEAVE;
	}
	if (lw->cfg.audit)
		audit_read_is_saved(lw->cfg.audit);
	tell_keeper(lw, &c);
	for (struct logfile *f = lw->files; f; f = f->hh.next) {
		f->listed = f->made;
		f->listed_at = f->at;
	}
	stats_add(lw->stats, STAT_checkpoints, 1);
	lw->prev_number = atomic_load(&lw->saved);
	atomic_store(&lw->saved, lw->number);
	lw->bytes_since = 0;
	lw->unsaved_since_ns = 0;
	lw->saved_ns = clock_mono_ns();
	logwriter_clear_trouble(lw);
	journal_wake(lw->journal); /* whoever waits for the checkpoint */
	journal_cursor_move(lw->journal, lw->cursor, lw->prev_number, lw->number);
	return DONE;
}

enum outcome
logwriter_checkpoint(struct logwriter *lw, bool rotating)
{
	if (logwriter_flush(lw) != DONE)
		return LEAVE;
	bool synced = sync_files(lw);
	if (!synced || logwriter_look_after_files(lw, rotating)) {
		logwriter_go_back(lw);
		if (!synced && !logwriter_wait_a_while(lw))
			return LEAVE;
		return AGAIN;
	}
	if (sync_directory(lw) != DONE)
		return LEAVE;
	for (struct logfile *f = lw->files; f; f = f->hh.next)
		f->dirty = false;
	logwriter_drop_earlier(lw);
	return logwriter_save(lw);
}

/* ---- the one that is there --------------------------------------------------------------------------------------- */

uint64_t
logwriter_covered(const char *state_path)
{
	uint64_t number = 0;
	int fd = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int prev = 0; fd >= 0 && prev < 2; prev++) {
		struct checkpoint c;
		if (checkpoint_read(fd, prev, &c) != BX_OK)
			continue;
		if (c.number > number)
			number = c.number;
		checkpoint_fini(&c);
	}
	if (fd >= 0)
		close(fd);
	return number;
}

static void
take_over(struct logwriter *lw, const struct checkpoint *c)
{
	lw->hourly = c->hourly;
	lw->number = c->number;
	atomic_store(&lw->saved, c->number);
}

enum bx_err
logwriter_load(struct logwriter *lw)
{
	struct checkpoint newest, prev;
	enum bx_err err = checkpoint_read(lw->state_fd, false, &newest);
	if (err == BX_EVERSION)
		return err;
	bool has_newest = err == BX_OK, has_prev = checkpoint_read(lw->state_fd, true, &prev) == BX_OK;
	lw->hourly = lw->cfg.hourly;
	if (!has_newest && !has_prev) { /* the first start of all: no file that is there is ours to go on with */
		struct checkpoint none = {0};
		tell_keeper(lw, &none);
	}
	if (has_newest) {
		take_over(lw, &newest);
		lw->prev_number = has_prev ? prev.number : 0;
	}
	if ((!has_newest || !logwriter_adopt_files(lw, &newest, NULL)) && has_prev) {
		logwriter_forget_files(lw);
		take_over(lw, &prev);
		lw->prev_number = prev.number;
		logwriter_adopt_files(lw, &prev, has_newest ? &newest : NULL);
	}
	if (has_prev)
		tell_keeper(lw, &prev);
	if (has_newest)
		tell_keeper(lw, &newest);
	return BX_OK;
}
