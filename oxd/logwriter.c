/* SPDX-License-Identifier: ISC */
/* logwriter: record after record into its files; a checkpoint when one is due. */
#include "oxd/logwriter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "oxd/logwriter_own.h"
#include "oxd/say.h"

enum { FLUSH_BYTES = 256 * 1024, PENDING_MAX = 8 << 20 };
static const uint64_t checkpoint_bytes = 64 << 20;
static const int64_t checkpoint_ns = 1000000000;

/* ---- trouble ----------------------------------------------------------------------------------------------------- */

void
logwriter_set_trouble(struct logwriter *lw, const char *what, const char *name, int why)
{
	char text[sizeof lw->trouble];
	snprintf(text, sizeof text, "log: %s %.160s: %s", what, name, strerror(why));
	pthread_mutex_lock(&lw->lock);
	if (strcmp(lw->trouble, text) != 0)
		say(SAY_WARNING, "%s; trying again until it works", text);
	memcpy(lw->trouble, text, sizeof text);
	pthread_mutex_unlock(&lw->lock);
}

void
logwriter_clear_trouble(struct logwriter *lw)
{
	pthread_mutex_lock(&lw->lock);
	if (lw->trouble[0] && !lw->sync_fails) {
		say(SAY_WARNING, "log writer: goes on");
		lw->trouble[0] = '\0';
	}
	pthread_mutex_unlock(&lw->lock);
}

bool
logwriter_wait_a_while(struct logwriter *lw)
{
	for (int i = 0; i < 20; i++) {
		if (atomic_load(&lw->stop))
			return false;
		atomic_fetch_add(&lw->rounds, 1);
		usleep(50000);
	}
	return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static enum outcome
write_events(struct logwriter *lw, struct frame frame)
{
	struct frame_event ev;
	uint32_t count = frame.count;
	for (size_t i = 0; frame_next(&frame, &ev); i++) {
		struct logfile *f = lw->frame_files[i];
		size_t before = f->pending.len;
		size_t slack = (size_t)(frame.data + frame.len - ev.map.p);
		enum bx_err err = logfile_add(f, ev.map, slack, lw->stats);
		if (err == BX_EBAD) {
			logwriter_replace_file(lw, f, "holds events that this journal does not know");
			logwriter_go_back(lw);
			return AGAIN;
		}
		if (err != BX_OK) {
			logwriter_set_trouble(lw, "cannot compare or cut", f->name, errno);
			logwriter_go_back(lw);
			return logwriter_wait_a_while(lw) ? AGAIN : LEAVE;
		}
		lw->pending += f->pending.len - before;
		lw->bytes_since += ev.map.n;
		if (f->pending.len >= FLUSH_BYTES && logwriter_flush_file(lw, f) != DONE)
			return LEAVE;
	}
	stats_add(lw->stats, STAT_log_events, count);
	return DONE;
}

static enum outcome
write_record(struct logwriter *lw, const struct record *rec)
{
	struct frame frame;
	if (rec->frame.n == 0)
		return DONE;
	enum bx_err err = frame_open_summed(rec->frame.p, rec->frame.n, &frame);
	if (err == BX_EVERSION) { /* no damage: it waits for an oxd that can read it */
		char number[32];
		snprintf(number, sizeof number, "%llu", (unsigned long long)rec->number);
		logwriter_set_trouble(lw, "made by a newer oxd, this one cannot read journal record", number, ENOTSUP);
		return logwriter_wait_a_while(lw) ? AGAIN : LEAVE;
	}
	if (err != BX_OK) {
		stats_add(lw->stats, STAT_journal_lost, 1);
		say(SAY_WARNING, "journal record %llu holds no frame that can be read (%s)",
		    (unsigned long long)rec->number, bx_err_text(err));
		return DONE;
	}
	lw->arrival_ns = rec->arrival_ns;
	logwriter_turn_period(lw, rec->arrival_ns);
	enum outcome outcome = logwriter_ready_files(lw, frame, rec->arrival_ns);
	if (outcome == DONE)
		outcome = write_events(lw, frame);
	if (outcome == DONE) {
		seen_note_frame(lw->seen, &frame, rec->source.kind, rec->arrival_ns);
		if (lw->cfg.audit)
			audit_read(lw->cfg.audit, AUDIT_LOG, rec, &frame);
	}
	return outcome;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static bool
checkpoint_due(const struct logwriter *lw, int64_t now_ns)
{
	uint64_t saved = atomic_load(&lw->saved);
	if (lw->number ==
	    saved) /* once more after the last one, so that the one before it lets go of the journal too */
		return lw->prev_number < saved && now_ns - lw->saved_ns >= checkpoint_ns;
	uint64_t hurry = atomic_load(&lw->hurry_upto);
	return lw->bytes_since >= checkpoint_bytes || now_ns - lw->unsaved_since_ns >= checkpoint_ns ||
	       (saved < hurry && lw->number >= hurry);
}

/* Names by new settings begin only where nothing can be replayed by the old ones. */
static enum outcome
switch_names(struct logwriter *lw)
{
	if (lw->hourly == lw->cfg.hourly || lw->number < lw->switch_at)
		return DONE;
	enum outcome outcome = logwriter_checkpoint(lw, false);
	if (outcome != DONE)
		return outcome;
	logwriter_forget_files(lw);
	lw->hourly = lw->cfg.hourly;
	lw->period = INT64_MIN;
	return logwriter_save(lw);
}

static enum outcome
rotate_if_asked(struct logwriter *lw)
{
	unsigned wanted = atomic_load(&lw->rotate_wanted);
	if (wanted == atomic_load(&lw->rotate_done))
		return DONE;
	enum outcome outcome = logwriter_checkpoint(lw, true);
	if (outcome == DONE)
		atomic_store(&lw->rotate_done, wanted);
	return outcome;
}

static void
count_skipped(struct logwriter *lw)
{
	static struct say_limit limit;
	uint64_t damaged = lw->reader.damaged - lw->told_damaged, gone = lw->reader.gone - lw->told_gone;
	if (damaged + gone == 0)
		return;
	stats_add(lw->stats, STAT_journal_lost, damaged);
	stats_add(lw->stats, STAT_log_missed, gone);
	say_limited(&limit, SAY_WARNING, "log writer: %llu journal records before %llu are %s",
	    (unsigned long long)damaged + gone, (unsigned long long)lw->reader.next,
	    damaged ? "damaged or gone" : "gone");
	lw->told_damaged = lw->reader.damaged;
	lw->told_gone = lw->reader.gone;
}

/* DONE: a record was taken, or nothing is to be had now (`idle`). */
static enum outcome
take_record(struct logwriter *lw, bool *idle)
{
	struct record rec;
	static struct say_limit limit;
	enum bx_err err = reader_next(&lw->reader, &rec);
	count_skipped(lw);
	*idle = err != BX_OK;
	lw->stuck = err != BX_OK && err != BX_ESHORT;
	if (lw->stuck)
		say_limited(&limit, SAY_WARNING, "log writer: journal record %llu cannot be read (%s)",
		    (unsigned long long)lw->reader.next, bx_err_text(err));
	if (err != BX_OK)
		return DONE;
	enum outcome outcome = write_record(lw, &rec);
	if (outcome == AGAIN)
		reader_seek(&lw->reader, lw->number + 1);
	if (outcome != DONE)
		return outcome;
	lw->number = lw->reader.next - 1;
	if (lw->unsaved_since_ns == 0)
		lw->unsaved_since_ns = clock_mono_ns();
	return lw->pending >= PENDING_MAX ? logwriter_flush(lw) : DONE;
}

static enum outcome
rest(struct logwriter *lw)
{
	enum outcome outcome = logwriter_flush(lw);
	atomic_store(&lw->written, lw->number);
	if (outcome != DONE || checkpoint_due(lw, clock_mono_ns()))
		return outcome;
	journal_cursor_move(lw->journal, lw->cursor, lw->prev_number, atomic_load(&lw->saved));
	logwriter_shut_idle(lw, clock_mono_ns());
	if (lw->stuck) {
		logwriter_wait_a_while(lw);
		return DONE;
	}
	bool soon = lw->number != atomic_load(&lw->saved) || lw->prev_number < lw->number;
	journal_wait(lw->journal, lw->reader.next, soon ? 100 : 1000);
	return DONE;
}

static void *
logwriter_main(void *arg)
{
	struct logwriter *lw = arg;
	enum outcome outcome = DONE;
	pthread_setname_np(pthread_self(), "logwriter");
	while (outcome != LEAVE) {
		bool idle = false;
		atomic_fetch_add(&lw->rounds, 1);
		outcome = switch_names(lw);
		if (outcome == DONE)
			outcome = rotate_if_asked(lw);
		if (outcome == DONE)
			outcome = take_record(lw, &idle);
		if (outcome == DONE && idle && atomic_load(&lw->stop))
			break;
		if (outcome == DONE && idle)
			outcome = rest(lw);
		if (outcome == DONE && checkpoint_due(lw, clock_mono_ns())) {
			outcome = logwriter_checkpoint(lw, false);
			logwriter_shut_idle(lw, lw->saved_ns);
		}
	}
	for (int i = 0; outcome != LEAVE && i < 2 && logwriter_checkpoint(lw, false) == AGAIN; i++)
		for (bool idle = false; !idle && take_record(lw, &idle) != LEAVE;)
			;
	return NULL;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

enum bx_err
logwriter_open(struct logwriter **out, const struct logwriter_config *config, struct journal *journal,
    struct seen *seen, struct stats *stats, char *err, size_t err_cap)
{
	struct logwriter *lw = calloc(1, sizeof *lw);
	if (!lw)
		return BX_ENOMEM;
	lw->cfg = *config;
	atomic_init(&lw->close_idle_ns, config->close_idle_ns);
	lw->journal = journal;
	lw->seen = seen;
	lw->stats = stats;
	lw->period = INT64_MIN;
	pthread_mutex_init(&lw->lock, NULL);
	lw->log_fd = open(config->log_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	lw->state_fd = open(config->state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	reader_init(&lw->reader, journal, 1);
	*out = lw;
	if (lw->log_fd < 0 || lw->state_fd < 0) {
		snprintf(
		    err, err_cap, "%s: %s", lw->log_fd < 0 ? config->log_path : config->state_path, strerror(errno));
		logwriter_close(out);
		return BX_EIO;
	}
	if (logwriter_load(lw) != BX_OK) {
		snprintf(err, err_cap, "%s/checkpoint was written by a newer oxd, this one cannot read it",
		    config->state_path);
		logwriter_close(out);
		return BX_EVERSION;
	}
	lw->cursor = journal_cursor_add(journal, lw->prev_number, lw->number);
	lw->switch_at = journal_synced(journal);
	reader_seek(&lw->reader, lw->number + 1);
	return BX_OK;
}

bool
logwriter_start(struct logwriter *lw)
{
	int err = pthread_create(&lw->thread, NULL, logwriter_main, lw);
	errno = err;
	return err == 0;
}

void
logwriter_stop(struct logwriter *lw)
{
	atomic_store(&lw->stop, true);
	journal_wake(lw->journal);
	pthread_join(lw->thread, NULL);
}

void
logwriter_close(struct logwriter **lwp)
{
	struct logwriter *lw = *lwp;
	logwriter_forget_files(lw);
	reader_fini(&lw->reader);
	free(lw->frame_files);
	pthread_mutex_destroy(&lw->lock);
	if (lw->log_fd >= 0)
		close(lw->log_fd);
	if (lw->state_fd >= 0)
		close(lw->state_fd);
	free(lw);
	*lwp = NULL;
}

void
logwriter_hurry(struct logwriter *lw, uint64_t upto)
{
	atomic_store(&lw->hurry_upto, upto);
	journal_wake(lw->journal);
}

uint64_t
logwriter_checkpointed(const struct logwriter *lw)
{
	return atomic_load(&lw->saved);
}

uint64_t
logwriter_written(const struct logwriter *lw)
{
	return atomic_load(&lw->written);
}

unsigned
logwriter_rotate(struct logwriter *lw)
{
	unsigned ticket = atomic_fetch_add(&lw->rotate_wanted, 1) + 1;
	journal_wake(lw->journal);
	return ticket;
}

bool
logwriter_rotated(const struct logwriter *lw, unsigned ticket)
{
	return (int)(atomic_load(&lw->rotate_done) - ticket) >= 0;
}

void
logwriter_close_idle(struct logwriter *lw, int64_t ns)
{
	atomic_store(&lw->close_idle_ns, ns);
}

uint64_t
logwriter_rounds(const struct logwriter *lw)
{
	return atomic_load(&lw->rounds);
}

const char *
logwriter_state_text(struct logwriter *lw, char *out, size_t cap)
{
	pthread_mutex_lock(&lw->lock);
	snprintf(out, cap, "%s", lw->trouble[0] ? lw->trouble : "ok");
	pthread_mutex_unlock(&lw->lock);
	return out;
}
