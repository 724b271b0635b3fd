/* SPDX-License-Identifier: ISC */
/* logwriter: route, list, write, checkpoint; and the one way back, to the last checkpoint. */
#include "oxd/logwriter.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "oxd/keeper.h"
#include "oxd/logfile.h"
#include "oxd/say.h"

enum {
	OPEN_MAX_FILES = 256,
	ROUTES_MAX = 4096,
	FLUSH_BYTES = 256 * 1024,
	PENDING_MAX = 8 << 20,
	AHEAD_BYTES = 4 << 20,
	AHEAD_RECORDS = 1000
};
static const uint64_t checkpoint_bytes = 64 << 20;
static const int64_t checkpoint_ns = 1000000000;

/* From a type's name to the file of the current period. */
struct route {
	struct logfile *file;
	size_t n;
	UT_hash_handle hh;
	char type[];
};

struct logwriter {
	struct logwriter_config cfg;
	struct journal *journal; /* borrowed */
	struct seen *seen;       /* borrowed */
	struct stats *stats;     /* borrowed */
	int log_fd, state_fd;
	pthread_t thread;

	/* the thread's own */
	struct reader reader;
	unsigned cursor;                  /* of the journal */
	uint64_t told_damaged, told_gone; /* of the reader's */
	struct logfile *files;
	struct route *routes;
	unsigned open_files;
	uint64_t ticks;
	uint64_t frame_tick; /* files used later than this are of the frame at hand */
	int64_t period;
	bool hourly;
	uint64_t switch_at;   /* names change to cfg.hourly behind this number */
	uint64_t accounted;   /* the audit knows of everything up to here */
	uint64_t number;      /* everything up to here has been given to the files */
	uint64_t prev_number; /* of the checkpoint before the newest */
	uint64_t bytes_since;
	size_t pending;
	bool stuck;               /* the next record cannot be read now */
	int64_t unsaved_since_ns; /* since when number is ahead of the checkpoint */
	int64_t saved_ns;
	int64_t arrival_ns; /* of the newest record written */
	int64_t swept_ns;   /* when idle files were looked for, and at which tick */
	uint64_t swept_tick;
	bool dir_dirty;
	struct logfile **frame_files; /* one an event of the frame at hand */
	size_t frame_files_cap;

	pthread_mutex_t lock;
	char trouble[256]; /* under lock: what it waits for, or empty */

	_Atomic uint64_t saved; /* number of the durable checkpoint */
	_Atomic uint64_t written;
	_Atomic uint64_t hurry_upto;
	_Atomic unsigned rotate_wanted, rotate_done;
	_Atomic int64_t close_idle_ns;
	_Atomic uint64_t rounds;
	_Atomic bool stop;
};

enum outcome {
	DONE,
	AGAIN, /* the record at hand has not been taken; perhaps gone back to the checkpoint */
	LEAVE, /* oxd stops while the disk says no */
};

/* ---- trouble ----------------------------------------------------------------------------------------------------- */

static void
set_trouble(struct logwriter *lw, const char *what, const char *name, int why)
{
	char text[sizeof lw->trouble];
	snprintf(text, sizeof text, "log: %s %.160s: %s", what, name, strerror(why));
	pthread_mutex_lock(&lw->lock);
	if (strcmp(lw->trouble, text) != 0)
		say(SAY_WARNING, "%s; trying again until it works", text);
	memcpy(lw->trouble, text, sizeof text);
	pthread_mutex_unlock(&lw->lock);
}

static void
clear_trouble(struct logwriter *lw)
{
	pthread_mutex_lock(&lw->lock);
	if (lw->trouble[0]) {
		say(SAY_WARNING, "log writer: goes on");
		lw->trouble[0] = '\0';
	}
	pthread_mutex_unlock(&lw->lock);
}

/* Waits a second.  False when oxd stops. */
static bool
wait_a_while(struct logwriter *lw)
{
	for (int i = 0; i < 20; i++) {
		if (atomic_load(&lw->stop))
			return false;
		atomic_fetch_add(&lw->rounds, 1);
		usleep(50000);
	}
	return true;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void
forget_routes(struct logwriter *lw)
{
	struct route *r, *next;
	HASH_ITER(hh, lw->routes, r, next)
	{
		HASH_DEL(lw->routes, r);
		free(r);
	}
}

static void
shut_file(struct logwriter *lw, struct logfile *f)
{
	if (f->fd >= 0)
		lw->open_files--;
	logfile_shut(f);
}

static void
forget_file(struct logwriter *lw, struct logfile *f)
{
	shut_file(lw, f);
	HASH_DEL(lw->files, f);
	logfile_free(&f);
}

static void
forget_files(struct logwriter *lw)
{
	struct logfile *f, *next;
	forget_routes(lw);
	HASH_ITER(hh, lw->files, f, next)
	{
		forget_file(lw, f);
	}
}

/* Events go on in a new part. */
static void
leave_file(struct logwriter *lw, struct logfile *f)
{
	shut_file(lw, f);
	lw->pending -= f->pending.len;
	buf_clear(&f->pending);
	f->made = f->listed = f->dirty = false;
	f->part++;
}

/* Whatever the file's name now means, it is not ours. */
static void
replace_file(struct logwriter *lw, struct logfile *f, const char *why)
{
	stats_add(lw->stats, STAT_log_replaced, 1);
	say(SAY_WARNING, "log file %s/%s %s; its events go on in a new part", lw->cfg.log_path, f->name, why);
	leave_file(lw, f);
}

static int64_t
period_of(bool hourly, int64_t arrival_ns)
{
	return arrival_ns / ((hourly ? 3600 : 86400) * (int64_t)1000000000);
}

static struct logfile *
find_or_add_file(struct logwriter *lw, struct bytes type, int64_t arrival_ns)
{
	char base[LOGNAME_MAX] = "";
	struct logfile *f;
	logname_make(type, arrival_ns, lw->hourly, 0, base);
	HASH_FIND_STR(lw->files, base, f);
	if (f)
		return f;
	f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->fd = -1;
	f->period = lw->period;
	memcpy(f->base, base, sizeof f->base);
	memcpy(f->name, base, sizeof f->name);
	HASH_ADD_STR(lw->files, base, f);
	return f;
}

static struct logfile *
route(struct logwriter *lw, struct bytes type, int64_t arrival_ns)
{
	struct route *r;
	HASH_FIND(hh, lw->routes, type.p, type.n, r);
	if (r)
		return r->file;
	if (HASH_COUNT(lw->routes) >= ROUTES_MAX)
		forget_routes(lw);
	r = malloc(sizeof *r + type.n);
	if (!r)
		abort();
	memset(r, 0, sizeof *r);
	r->n = type.n;
	memcpy(r->type, type.p, type.n);
	r->file = find_or_add_file(lw, type, arrival_ns);
	HASH_ADD(hh, lw->routes, type, r->n, r);
	return r->file;
}

/* ---- flushing and going back ------------------------------------------------------------------------------------- */

static enum outcome
flush_file(struct logwriter *lw, struct logfile *f)
{
	size_t n = f->pending.len;
	while (logfile_flush(f) != BX_OK) {
		stats_add(lw->stats, STAT_log_write_errors, 1);
		set_trouble(lw, "cannot write", f->name, errno);
		if (!wait_a_while(lw))
			return LEAVE;
	}
	lw->pending -= n;
	stats_add(lw->stats, STAT_log_bytes, n);
	return DONE;
}

static enum outcome
flush_all(struct logwriter *lw)
{
	if (lw->pending == 0)
		return DONE;
	for (struct logfile *f = lw->files; f; f = f->hh.next)
		if (f->pending.len && flush_file(lw, f) != DONE)
			return LEAVE;
	clear_trouble(lw);
	return DONE;
}

/* Everything behind the durable checkpoint is read again, and compared with what the files have by now. */
static void
go_back(struct logwriter *lw)
{
	for (struct logfile *f = lw->files; f; f = f->hh.next) {
		buf_clear(&f->pending);
		if (f->made)
			f->at = f->listed ? f->listed_at : 0;
	}
	lw->pending = 0;
	lw->number = atomic_load(&lw->saved);
	reader_seek(&lw->reader, lw->number + 1);
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

/* Files that are not what they were.  With `rotating` that was meant, and everything in them is durable already. */
static bool
look_after_files(struct logwriter *lw, bool rotating)
{
	bool replaced = false;
	struct logfile *f, *next;
	HASH_ITER(hh, lw->files, f, next)
	{
		if (!f->made || !(f->dirty || rotating) || logfile_is_there(f, lw->log_fd))
			continue;
		if (rotating) {
			forget_routes(lw);
			forget_file(lw, f);
		} else {
			replace_file(lw, f, "was moved, removed or cut by somebody");
			replaced = true;
		}
	}
	return replaced;
}

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
		logfile_cut(f, f->listed ? f->listed_at : 0);
		replace_file(lw, f, "could not be synced");
		failed = true;
	}
	return !failed;
}

static enum outcome
sync_directory(struct logwriter *lw)
{
	while (lw->dir_dirty) {
		if (fsync(lw->log_fd) == 0)
			lw->dir_dirty = false;
		else
			set_trouble(lw, "cannot sync", lw->cfg.log_path, errno);
		if (lw->dir_dirty && !wait_a_while(lw))
			return LEAVE;
	}
	return DONE;
}

static void
drop_earlier(struct logwriter *lw)
{
	struct logfile *f, *next;
	HASH_ITER(hh, lw->files, f, next)
	{
		if (f->period < lw->period && f->pending.len == 0 && !f->dirty)
			forget_file(lw, f); /* routes are of the current period only */
	}
}

/* A file that nothing came for between two looks is closed; it stays listed, its next event opens it.  Between frames. */
static void
close_idle(struct logwriter *lw, int64_t now_ns)
{
	int64_t idle_ns = atomic_load(&lw->close_idle_ns);
	if (idle_ns <= 0 || now_ns - lw->swept_ns < idle_ns)
		return;
	for (struct logfile *f = lw->files; f; f = f->hh.next)
		if (f->fd >= 0 && f->used <= lw->swept_tick && f->pending.len == 0 && !f->dirty)
			shut_file(lw, f);
	lw->swept_ns = now_ns;
	lw->swept_tick = lw->ticks;
}

static void
describe(struct logwriter *lw, struct checkpoint *c)
{
	*c = (struct checkpoint){.number = lw->number, .hourly = lw->hourly};
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

/* Who packs and removes files has to know which ones are not at rest; before their first byte, so before going on. */
static void
tell_keeper(struct logwriter *lw, struct checkpoint *c)
{
	if (lw->cfg.keeper)
		keeper_listed(lw->cfg.keeper, c, lw->arrival_ns);
	checkpoint_fini(c);
}

static enum outcome
save(struct logwriter *lw)
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
		set_trouble(lw, "cannot write the checkpoint in", lw->cfg.state_path, why);
		if (!wait_a_while(lw))
			return LEAVE;
	}
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
	clear_trouble(lw);
	journal_wake(lw->journal); /* whoever waits for the checkpoint */
	journal_cursor_move(lw->journal, lw->cursor, lw->prev_number, lw->number);
	return DONE;
}

/* L3, between frames. */
static enum outcome
take_checkpoint(struct logwriter *lw, bool rotating)
{
	if (flush_all(lw) != DONE)
		return LEAVE;
	bool synced = sync_files(lw);
	if (!synced || look_after_files(lw, rotating)) {
		go_back(lw);
		return AGAIN;
	}
	if (sync_directory(lw) != DONE)
		return LEAVE;
	for (struct logfile *f = lw->files; f; f = f->hh.next)
		f->dirty = false;
	drop_earlier(lw);
	return save(lw);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* A type may come with any name: descriptors are few, so the file unused longest gives its one up. */
static enum outcome
shut_one_file(struct logwriter *lw)
{
	struct logfile *oldest = NULL;
	for (struct logfile *f = lw->files; f; f = f->hh.next)
		if (f->fd >= 0 && f->used <= lw->frame_tick && (!oldest || f->used < oldest->used))
			oldest = f;
	if (!oldest)
		return DONE; /* all are of the frame at hand */
	if (oldest->pending.len || oldest->dirty)
		return take_checkpoint(lw, false) == LEAVE ? LEAVE : AGAIN;
	shut_file(lw, oldest);
	return DONE;
}

/*
 * The log directory was removed: what its path names now, or is made to name, is where events go on.  The lock goes with
 * the new descriptor.
 */
static bool
find_directory_again(struct logwriter *lw)
{
	struct stat st;
	if (fstat(lw->log_fd, &st) != 0 || st.st_nlink != 0)
		return false;
	int fd = mkdir(lw->cfg.log_path, 0755) == 0 || errno == EEXIST
		     ? open(lw->cfg.log_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
		     : -1;
	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return false;
	}
	close(lw->log_fd);
	lw->log_fd = fd;
	say(SAY_WARNING, "log directory %s was removed; going on in a new one of that name", lw->cfg.log_path);
	return true;
}

/* Makes or opens the file.  `made` is set when it has to be listed before its first byte. */
static enum outcome
ready_file(struct logwriter *lw, struct logfile *f, bool *made)
{
	f->used = ++lw->ticks;
	*made = f->made && !f->listed;
	while (f->fd < 0) {
		if (lw->open_files >= OPEN_MAX_FILES) {
			enum outcome shut = shut_one_file(lw);
			if (shut != DONE)
				return shut;
		}
		enum bx_err err = f->made ? logfile_reopen(f, lw->log_fd) : logfile_make(f, lw->log_fd);
		if (err == BX_OK) {
			lw->open_files++;
			*made = !f->listed;
			lw->dir_dirty |= *made;
			return DONE;
		}
		if (err == BX_EBAD) {
			replace_file(lw, f, "was moved, removed or cut by somebody");
			go_back(lw);
			return AGAIN;
		}
		int why = errno;
		if (find_directory_again(lw))
			continue;
		set_trouble(lw, "cannot open", f->name, why);
		if (!wait_a_while(lw))
			return LEAVE;
	}
	return DONE;
}

static struct logfile **
room_for_files(struct logwriter *lw, size_t count)
{
	if (count > lw->frame_files_cap) {
		free(lw->frame_files);
		lw->frame_files = calloc(count, sizeof(struct logfile *));
		if (!lw->frame_files)
			abort();
		lw->frame_files_cap = count;
	}
	return lw->frame_files;
}

/* Makes the files of one frame that do not exist yet, while there are descriptors.  False when there are no more. */
static bool
make_files(struct logwriter *lw, struct frame frame, int64_t arrival_ns)
{
	struct frame_event ev, before = {0};
	for (; frame_next(&frame, &ev); before = ev) {
		if (before.type.p && bytes_equal(ev.type, before.type))
			continue;
		struct logfile *f = route(lw, ev.type, arrival_ns);
		if (f->made)
			continue;
		if (lw->open_files >= OPEN_MAX_FILES || logfile_make(f, lw->log_fd) != BX_OK)
			return false;
		f->used = ++lw->ticks;
		lw->open_files++;
		lw->dir_dirty = true;
	}
	return true;
}

/* A checkpoint is some syncs: the one that is needed now lists the files of the records behind this one too. */
static void
make_ahead(struct logwriter *lw)
{
	struct record rec;
	struct frame frame;
	struct reader ahead;
	reader_init(&ahead, lw->journal, lw->reader.next);
	for (size_t bytes = 0; bytes < AHEAD_BYTES && reader_next(&ahead, &rec) == BX_OK; bytes += rec.size) {
		if (rec.frame.n == 0)
			continue;
		if (period_of(lw->hourly, rec.arrival_ns) != lw->period ||
		    ahead.next - lw->reader.next > AHEAD_RECORDS ||
		    frame_open_summed(rec.frame.p, rec.frame.n, &frame) != BX_OK ||
		    !make_files(lw, frame, rec.arrival_ns))
			break;
	}
	reader_fini(&ahead);
}

/* L2: every file that the frame needs is open, and listed in the durable checkpoint. */
static enum outcome
ready_files(struct logwriter *lw, struct frame frame, int64_t arrival_ns)
{
	struct logfile **files = room_for_files(lw, frame.count);
	struct frame_event ev, before = {0};
	bool unlisted = false;
	lw->frame_tick = lw->ticks;
	for (size_t i = 0; frame_next(&frame, &ev); i++, before = ev) {
		if (i > 0 && bytes_equal(ev.type, before.type)) {
			files[i] = files[i - 1];
			continue;
		}
		bool made = false;
		files[i] = route(lw, ev.type, arrival_ns);
		enum outcome ready = ready_file(lw, files[i], &made);
		if (ready != DONE)
			return ready;
		unlisted |= made;
	}
	if (!unlisted)
		return DONE;
	make_ahead(lw);
	return take_checkpoint(lw, false);
}

/* Once a frame: after going back to a checkpoint it is written again, and not logged again. */
static void
note_audit(struct logwriter *lw, const struct record *rec, const struct frame *frame)
{
	if (rec->number <= lw->accounted)
		return;
	lw->accounted = rec->number;
	if (lw->cfg.audit)
		audit_logged(lw->cfg.audit, rec, frame);
}

static enum outcome
write_events(struct logwriter *lw, struct frame frame)
{
	struct frame_event ev;
	uint32_t count = frame.count;
	for (size_t i = 0; frame_next(&frame, &ev); i++) {
		struct logfile *f = lw->frame_files[i];
		size_t before = f->pending.len;
		enum bx_err err = logfile_add(f, ev.map, lw->stats);
		if (err == BX_EBAD) {
			replace_file(lw, f, "holds events that this journal does not know");
			go_back(lw);
			return AGAIN;
		}
		if (err != BX_OK) {
			set_trouble(lw, "cannot compare or cut", f->name, errno);
			go_back(lw);
			return wait_a_while(lw) ? AGAIN : LEAVE;
		}
		lw->pending += f->pending.len - before;
		lw->bytes_since += ev.map.n;
		if (f->pending.len >= FLUSH_BYTES && flush_file(lw, f) != DONE)
			return LEAVE;
	}
	stats_add(lw->stats, STAT_log_events, count);
	return DONE;
}

static void
turn_period(struct logwriter *lw, int64_t arrival_ns)
{
	int64_t period = period_of(lw->hourly, arrival_ns);
	if (period == lw->period)
		return;
	forget_routes(lw);
	lw->period = period;
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
		set_trouble(lw, "made by a newer oxd, this one cannot read journal record", number, ENOTSUP);
		return wait_a_while(lw) ? AGAIN : LEAVE;
	}
	if (err != BX_OK) {
		stats_add(lw->stats, STAT_journal_lost, 1);
		say(SAY_WARNING, "journal record %llu holds no frame that can be read (%s)",
		    (unsigned long long)rec->number, bx_err_text(err));
		return DONE;
	}
	lw->arrival_ns = rec->arrival_ns;
	turn_period(lw, rec->arrival_ns);
	enum outcome outcome = ready_files(lw, frame, rec->arrival_ns);
	if (outcome == DONE)
		outcome = write_events(lw, frame);
	if (outcome == DONE) {
		seen_note_frame(lw->seen, &frame, rec->source.kind, rec->arrival_ns);
		note_audit(lw, rec, &frame);
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
	enum outcome outcome = take_checkpoint(lw, false);
	if (outcome != DONE)
		return outcome;
	forget_files(lw);
	lw->hourly = lw->cfg.hourly;
	lw->period = INT64_MIN;
	return save(lw);
}

static enum outcome
rotate_if_asked(struct logwriter *lw)
{
	unsigned wanted = atomic_load(&lw->rotate_wanted);
	if (wanted == atomic_load(&lw->rotate_done))
		return DONE;
	enum outcome outcome = take_checkpoint(lw, true);
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
	return lw->pending >= PENDING_MAX ? flush_all(lw) : DONE;
}

static enum outcome
rest(struct logwriter *lw)
{
	enum outcome outcome = flush_all(lw);
	atomic_store(&lw->written, lw->number);
	if (outcome != DONE || checkpoint_due(lw, clock_mono_ns()))
		return outcome;
	journal_cursor_move(lw->journal, lw->cursor, lw->prev_number, atomic_load(&lw->saved));
	close_idle(lw, clock_mono_ns());
	if (lw->stuck) {
		wait_a_while(lw);
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
			outcome = take_checkpoint(lw, false);
			close_idle(lw, lw->saved_ns);
		}
	}
	for (int i = 0; outcome != LEAVE && i < 2 && take_checkpoint(lw, false) == AGAIN; i++)
		for (bool idle = false; !idle && take_record(lw, &idle) != LEAVE;)
			;
	return NULL;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

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

/* The device number may change with a restart of the host: inode, length and the last bytes tell. */
static bool
still_holds(struct logwriter *lw, struct logfile *f, const struct checkpoint_file *entry)
{
	struct stat st;
	uint64_t sum;
	if (fstatat(lw->log_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	f->dev = st.st_dev;
	if (logfile_reopen(f, lw->log_fd) != BX_OK)
		return false;
	lw->open_files++;
	return logfile_tail_sum(f, entry->len, &sum) == BX_OK && sum == entry->tail_sum;
}

static struct logfile *
adopt_file(struct logwriter *lw, const struct checkpoint_file *entry)
{
	struct logname name;
	if (!logname_parse(entry->name, &name))
		return NULL;
	struct logfile *f = calloc(1, sizeof *f);
	if (!f)
		abort();
	memcpy(f->name, entry->name, sizeof f->name);
	memcpy(f->base, entry->name, sizeof f->base);
	if (name.part) { /* TYPE.DATE.N.log: the base has no N */
		char suffix[16];
		size_t cut = (size_t)snprintf(suffix, sizeof suffix, ".%u.log", name.part);
		memcpy(f->base + strlen(f->base) - cut, ".log", 5);
	}
	f->fd = -1;
	f->part = name.part;
	f->ino = entry->ino;
	f->at = f->listed_at = entry->len;
	f->tail_sum = entry->tail_sum;
	f->made = f->listed = true;
	f->period = period_of(name.hourly, name.day_start * 1000000000);
	HASH_ADD_STR(lw->files, base, f);
	return f;
}

static bool
was_told(const struct checkpoint *c, const char *name)
{
	for (size_t i = 0; c && i < c->count; i++)
		if (strcmp(c->files[i].name, name) == 0)
			return c->files[i].replaced;
	return false;
}

/* Returns false when a file is not what the checkpoint says.  What `before` has told of is not told again. */
static bool
adopt_files(struct logwriter *lw, struct checkpoint *c, const struct checkpoint *before)
{
	bool all = true;
	for (size_t i = 0; i < c->count; i++) {
		struct logfile *f = adopt_file(lw, &c->files[i]);
		if (f && !still_holds(lw, f, &c->files[i])) {
			c->files[i].replaced = true;
			if (was_told(before, f->name))
				leave_file(lw, f);
			else
				replace_file(lw, f, "is not what the checkpoint says");
			all = false;
		} else if (f && lw->open_files >= OPEN_MAX_FILES) {
			shut_file(lw, f);
		}
	}
	return all;
}

static void
take_over(struct logwriter *lw, const struct checkpoint *c)
{
	lw->hourly = c->hourly;
	lw->number = c->number;
	atomic_store(&lw->saved, c->number);
}

/*
 * The checkpoint before is taken when the newest does not hold, or when one of its files does not (L4).  BX_EVERSION:
 * the newest is a newer oxd's, and without it nobody knows what is in the log.
 */
static enum bx_err
load(struct logwriter *lw)
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
	if ((!has_newest || !adopt_files(lw, &newest, NULL)) && has_prev) {
		forget_files(lw);
		take_over(lw, &prev);
		lw->prev_number = prev.number;
		adopt_files(lw, &prev, has_newest ? &newest : NULL);
	}
	if (has_prev)
		tell_keeper(lw, &prev);
	if (has_newest)
		tell_keeper(lw, &newest);
	return BX_OK;
}

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
	if (load(lw) != BX_OK) {
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
	forget_files(lw);
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
