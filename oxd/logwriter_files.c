/* SPDX-License-Identifier: ISC */
/*
 * logwriter_files: the table of files, and from an event's type to its file.
 *
 * A file is in the table from the first event of its type on until its day is over; it is open while descriptors are
 * enough.  Before the first byte of a file comes a durable checkpoint that lists it (L2), so that nothing in the log
 * directory is unknown to a restart: a frame is written only when all of its files are ready.
 */
#include "oxd/logwriter_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oxd/say.h"

enum { OPEN_MAX_FILES = 256, ROUTES_MAX = 4096, AHEAD_BYTES = 4 << 20, AHEAD_RECORDS = 1000 };

/* From a type's name to the file of the current period. */
struct route {
	struct logfile *file;
	size_t n;
	UT_hash_handle hh;
	char type[];
};

/* ---- where events go --------------------------------------------------------------------------------------------- */

int64_t
logwriter_period(bool hourly, int64_t arrival_ns)
{
	return arrival_ns / ((hourly ? 3600 : 86400) * (int64_t)1000000000);
}

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

void
logwriter_turn_period(struct logwriter *lw, int64_t arrival_ns)
{
	int64_t period = logwriter_period(lw->hourly, arrival_ns);
	if (period == lw->period)
		return;
	forget_routes(lw);
	lw->period = period;
}

/* ---- letting go -------------------------------------------------------------------------------------------------- */

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

void
logwriter_forget_files(struct logwriter *lw)
{
	struct logfile *f, *next;
	forget_routes(lw);
	HASH_ITER(hh, lw->files, f, next)
	{
		forget_file(lw, f);
	}
}

/* It is made anew, under the same name unless the part is another one then. */
static void
leave_file(struct logwriter *lw, struct logfile *f)
{
	shut_file(lw, f);
	lw->pending -= f->pending.len;
	buf_clear(&f->pending);
	f->made = f->listed = f->dirty = false;
}

void
logwriter_replace_file(struct logwriter *lw, struct logfile *f, const char *why)
{
	stats_add(lw->stats, STAT_log_replaced, 1);
	say_about(SAY_FILE, f->name);
	say(SAY_WARNING, "log file %s/%s %s; its events go on in a new part", lw->cfg.log_path, f->name, why);
	leave_file(lw, f);
	f->part++;
}

void
logwriter_leave_unsynced(struct logwriter *lw, struct logfile *f)
{
	uint64_t durable = f->listed ? f->listed_at : 0;
	if (durable > 0 || unlinkat(lw->log_fd, f->name, 0) != 0) {
		logfile_cut(f, durable);
		logwriter_replace_file(lw, f, "could not be synced");
	} else {
		leave_file(lw, f);
	}
}

bool
logwriter_look_after_files(struct logwriter *lw, bool rotating)
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
			logwriter_replace_file(lw, f, "was moved, removed or cut by somebody");
			replaced = true;
		}
	}
	return replaced;
}

void
logwriter_drop_earlier(struct logwriter *lw)
{
	struct logfile *f, *next;
	HASH_ITER(hh, lw->files, f, next)
	{
		if (f->period < lw->period && f->pending.len == 0 && !f->dirty)
			forget_file(lw, f); /* routes are of the current period only */
	}
}

void
logwriter_shut_idle(struct logwriter *lw, int64_t now_ns)
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

/* ---- making and opening ------------------------------------------------------------------------------------------ */

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
		return logwriter_checkpoint(lw, false) == LEAVE ? LEAVE : AGAIN;
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
			logwriter_replace_file(lw, f, "was moved, removed or cut by somebody");
			logwriter_go_back(lw);
			return AGAIN;
		}
		int why = errno;
		stats_note_open(lw->stats);
		if (find_directory_again(lw))
			continue;
		logwriter_set_trouble(lw, "cannot open", f->name, why);
		if (!logwriter_wait_a_while(lw))
			return LEAVE;
	}
	return DONE;
}

/* ---- what a frame needs ------------------------------------------------------------------------------------------ */

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
		if (logwriter_period(lw->hourly, rec.arrival_ns) != lw->period ||
		    ahead.next - lw->reader.next > AHEAD_RECORDS ||
		    frame_open_summed(rec.frame.p, rec.frame.n, &frame) != BX_OK ||
		    !make_files(lw, frame, rec.arrival_ns))
			break;
	}
	reader_fini(&ahead);
}

enum outcome
logwriter_ready_files(struct logwriter *lw, struct frame frame, int64_t arrival_ns)
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
	return logwriter_checkpoint(lw, false);
}

/* ---- at a start -------------------------------------------------------------------------------------------------- */

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
	f->period = logwriter_period(name.hourly, name.day_start * 1000000000);
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

bool
logwriter_adopt_files(struct logwriter *lw, struct checkpoint *c, const struct checkpoint *before)
{
	bool all = true;
	for (size_t i = 0; i < c->count; i++) {
		struct logfile *f = adopt_file(lw, &c->files[i]);
		if (f && !still_holds(lw, f, &c->files[i])) {
			c->files[i].replaced = true;
			if (was_told(before, f->name))
				leave_file(lw, f);
			else
				logwriter_replace_file(lw, f, "is not what the checkpoint says");
			all = false;
		} else if (f && lw->open_files >= OPEN_MAX_FILES) {
			shut_file(lw, f);
		}
	}
	return all;
}
