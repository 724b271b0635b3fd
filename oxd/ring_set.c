/* SPDX-License-Identifier: ISC */
/* ring_set: a hash by file name, fed by inotify and by readdir. */
#include "oxd/ring_set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "libbx/core/id.h"
#include "oxd/say.h"

enum { BAD_MAX = 16, LEFTOVER_S = 60, HINT_PROBES = 5 };
static const int64_t scan_ns = 30000000000, retry_ns = 2000000000, look_ns = 1000000000;

bool
ring_set_init(struct ring_set *set, int run_fd, struct positions *positions, struct stats *stats)
{
	*set = (struct ring_set){.positions = positions, .stats = stats, .scan_due = true, .inotify_fd = -1};
	set->bad_fd = -1;
	ring_boot_id(set->boot_id);
	set->rings_fd = openat(run_fd, "rings", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (set->rings_fd < 0)
		return false;
	set->bad_fd = openat(run_fd, "bad", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (set->bad_fd < 0)
		return false;
	set->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", set->rings_fd); /* the directory itself, whatever its path */
	if (set->inotify_fd >= 0 &&
	    inotify_add_watch(set->inotify_fd, path, IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR) >= 0)
		return true;
	say(SAY_WARNING, "new rings are found by looking only, inotify: %s", strerror(errno));
	if (set->inotify_fd >= 0)
		close(set->inotify_fd);
	set->inotify_fd = -1;
	return true;
}

void
ring_set_fini(struct ring_set *set)
{
	struct ring_file *r, *next;
	HASH_ITER(hh, set->table, r, next)
	{
		HASH_DEL(set->table, r);
		ring_file_close(&r);
	}
	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? set->rings_fd : i == 1 ? set->bad_fd : set->inotify_fd;
		if (fd >= 0)
			close(fd);
	}
}

/* $RUN/bad is for people to look into, and bounded: it lies in memory. */
static void
move_to_bad(struct ring_set *set, const char *name)
{
	if (set->bad_count < BAD_MAX && renameat(set->rings_fd, name, set->bad_fd, name) == 0) {
		set->bad_count++;
		return;
	}
	if (unlinkat(set->rings_fd, name, 0) != 0 && errno == EISDIR)
		unlinkat(set->rings_fd, name, AT_REMOVEDIR);
}

/* The programs of one user, unless it is oxd's own, get half of the places at most. */
static bool
has_place(const struct ring_set *set, const char *name)
{
	struct stat st;
	size_t open = HASH_COUNT(set->table), of_user = 0;
	if (set->max == 0 || open < set->max / 2)
		return true;
	if (open >= set->max)
		return false;
	if (fstatat(set->rings_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_uid == geteuid())
		return true;
	for (const struct ring_file *r = set->table; r; r = r->hh.next)
		of_user += r->key.uid == st.st_uid;
	return of_user < set->max / 2;
}

static void
meet(struct ring_set *set, const char *name)
{
	static struct say_limit bad_limit, unreadable_limit, newer_limit, full_limit;
	struct ring_file *r;
	if (!ring_file_is_name(name))
		return;
	HASH_FIND_STR(set->table, name, r);
	if (r)
		return;
	if (!has_place(set, name)) {
		int64_t again_ns = clock_mono_ns() + retry_ns;
		set->all_open = false;
		if (set->next_scan_ns > again_ns)
			set->next_scan_ns = again_ns;
		stats_add(set->stats, STAT_rings_refused, 1);
		say_about(SAY_FILE, name);
		say_limited(&full_limit, SAY_WARNING,
		    "ring %s has to wait: %u rings are open, and --max-rings is %zu, half of it for one user", name,
		    HASH_COUNT(set->table), set->max);
		return;
	}
	enum bx_err err = ring_file_open(set->rings_fd, name, set->boot_id, set->positions, &r);
	if (err == BX_OK) {
		int64_t now_ns = clock_mono_ns();
		r->idle_since_ns = now_ns;
		r->next_report_ns = now_ns + 60000000000;
		HASH_ADD_STR(set->table, name, r);
		stats_add(set->stats, STAT_rings_opened, 1);
		if (r->tail_due)
			ring_file_write_tail(r);
	} else if (err == BX_EVERSION) {
		set->all_open = false;
		stats_add(set->stats, STAT_rings_unreadable, 1);
		say_about(SAY_FILE, name);
		say_limited(&newer_limit, SAY_WARNING,
		    "ring %s was made by a newer libbx than this oxd can read; it is kept for a newer oxd", name);
	} else if (err == BX_EBAD) {
		stats_add(set->stats, STAT_rings_set_aside, 1);
		say_about(SAY_FILE, name);
		say_limited(&bad_limit, SAY_WARNING, "%s is no ring, set aside", name);
		move_to_bad(set, name);
	} else if (errno != ENOENT) {
		set->all_open = false;
		stats_note_open(set->stats);
		stats_add(set->stats, STAT_rings_unreadable, 1);
		say_about(SAY_FILE, name);
		say_limited(&unreadable_limit, SAY_WARNING, "ring %s cannot be opened: %s", name, strerror(errno));
	}
}

/* `.<hex>.new`: a program died while it made a ring.  Removed when nobody has it open and a minute has passed. */
static void
remove_leftover(struct ring_set *set, const char *name)
{
	struct stat st;
	size_t n = strlen(name);
	if (n != RING_NAME_LEN + 5 || name[0] != '.' || strcmp(name + n - 4, ".new") != 0)
		return;
	int fd = openat(set->rings_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && time(NULL) - st.st_mtime > LEFTOVER_S && fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		unlinkat(set->rings_fd, name, 0);
	}
	close(fd);
}

static void
scan(struct ring_set *set, int64_t now_ns)
{
	int fd = openat(set->rings_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	set->scan_due = false;
	set->all_open = d != NULL;
	if (!d) {
		if (fd >= 0)
			close(fd);
		set->next_scan_ns = now_ns + retry_ns;
		return;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		meet(set, e->d_name);
		remove_leftover(set, e->d_name);
	}
	closedir(d);
	set->next_scan_ns = now_ns + (set->all_open && set->inotify_fd >= 0 ? scan_ns : retry_ns);
}

static void
take_news(struct ring_set *set, const struct inotify_event *e)
{
	struct ring_file *r;
	if (e->mask & IN_Q_OVERFLOW)
		set->scan_due = true;
	if (e->len == 0)
		return;
	meet(set, e->name);
	if (e->mask & IN_CLOSE_WRITE) {
		HASH_FIND_STR(set->table, e->name, r);
		if (r) {
			r->closed = true;
			r->probes_due = HINT_PROBES;
			r->next_probe_ns = 0;
		}
	}
}

/* The kernel tells nobody that a directory was removed while somebody, we, has it open. */
static void
look_for_directory(struct ring_set *set, int64_t now_ns)
{
	struct stat st;
	if (now_ns < set->next_look_ns)
		return;
	set->next_look_ns = now_ns + look_ns;
	if (fstat(set->rings_fd, &st) == 0 && st.st_nlink == 0)
		atomic_store(&set->removed, true);
}

bool
ring_set_update(struct ring_set *set, int64_t now_ns)
{
	look_for_directory(set, now_ns);
	_Alignas(struct inotify_event) char events[8192];
	ssize_t n = set->inotify_fd < 0 ? -1 : read(set->inotify_fd, events, sizeof events);
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const struct inotify_event *)(const void *)(events + at);
		take_news(set, e);
		at += (ssize_t)(sizeof *e + e->len);
	}
	bool scans = set->scan_due || now_ns >= set->next_scan_ns;
	if (scans)
		scan(set, now_ns);
	return n > 0 || scans;
}

static void
forget(struct ring_set *set, struct ring_file **r)
{
	HASH_DEL(set->table, *r);
	positions_forget(set->positions, &(*r)->position);
	ring_file_close(r);
}

void
ring_set_remove(struct ring_set *set, struct ring_file **r)
{
	unlinkat(set->rings_fd, (*r)->name, 0);
	fsync(set->rings_fd); /* on a disk it must not come back once its position is forgotten */
	stats_add(set->stats, STAT_rings_reclaimed, 1);
	forget(set, r);
}

void
ring_set_condemn(struct ring_set *set, struct ring_file **r)
{
	static struct say_limit limit;
	stats_add(set->stats, STAT_rings_condemned, 1);
	say_limited(&limit, SAY_WARNING, "ring %s of %s (pid %u) is damaged, moved to the bad directory", (*r)->name,
	    (*r)->program, (*r)->pid);
	ring_file_ask_to_leave(*r);
	move_to_bad(set, (*r)->name);
	forget(set, r);
}
