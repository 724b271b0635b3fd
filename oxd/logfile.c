/* SPDX-License-Identifier: ISC */
/* logfile: compare while behind the end, append at the end. */
#include "oxd/logfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/logdir.h"

enum { TAIL_BYTES = 4096, PART_MAX = 9999, LOOK_MAX = 1 << 20 };

static void
name_part(struct logfile *f)
{
	if (f->part == 0)
		memcpy(f->name, f->base, sizeof f->name);
	else
		snprintf(f->name, sizeof f->name, "%.*s.%u.log", (int)(strlen(f->base) - 4), f->base, f->part);
}

/* A packed file stands for its log: were that made again, it would hide what is packed. */
static bool
is_packed(const struct logfile *f, int log_fd)
{
	char packed[LOGNAME_MAX + 8];
	for (int pack = LOGDIR_PLAIN + 1; pack < LOGDIR_PACKS; pack++) {
		struct stat st;
		snprintf(packed, sizeof packed, "%s%s", f->name, logdir_suffix((enum logdir_pack)pack));
		if (fstatat(log_fd, packed, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

enum bx_err
logfile_make(struct logfile *f, int log_fd)
{
	struct stat st;
	for (;; f->part++) {
		if (f->part > PART_MAX) {
			errno = EEXIST;
			return BX_EIO;
		}
		name_part(f);
		if (is_packed(f, log_fd))
			continue;
		f->fd = openat(log_fd, f->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
		if (f->fd < 0 && errno != ELOOP && errno != EISDIR && errno != ENXIO)
			return BX_EIO;
		if (f->fd < 0)
			continue;
		if (fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
			break;
		close(f->fd); /* not empty, and not known to us: never touched */
		f->fd = -1;
	}
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->at = f->size = 0;
	f->made = true;
	f->listed = false;
	f->dirty = true; /* its being there is worth a sync */
	return BX_OK;
}

enum bx_err
logfile_reopen(struct logfile *f, int log_fd)
{
	struct stat st;
	int fd = openat(log_fd, f->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? BX_EBAD : BX_EIO;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return BX_EIO;
	}
	if (!S_ISREG(st.st_mode) || st.st_dev != f->dev || st.st_ino != f->ino || (uint64_t)st.st_size < f->at) {
		close(fd);
		return BX_EBAD;
	}
	f->fd = fd;
	f->size = (uint64_t)st.st_size;
	return BX_OK;
}

void
logfile_shut(struct logfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	blocks_reset(&f->blocks);
}

bool
logfile_is_there(const struct logfile *f, int log_fd)
{
	struct stat st;
	return fstatat(log_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == f->dev && st.st_ino == f->ino &&
	       (uint64_t)st.st_size >= f->at;
}

static bool
same_bytes(int fd, struct bytes want, uint64_t at, bool *same)
{
	uint8_t have[16384];
	while (want.n > 0) {
		size_t n = want.n < sizeof have ? want.n : sizeof have;
		ssize_t got = pread(fd, have, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0 || memcmp(have, want.p, (size_t)got) != 0) {
			*same = false;
			return true;
		}
		want.p += got;
		want.n -= (size_t)got;
		at += (uint64_t)got;
	}
	*same = true;
	return true;
}

static bool
is_hex(struct bytes text, size_t digits)
{
	for (size_t i = 0; i < text.n; i++)
		if (!isxdigit(text.p[i]))
			return false;
	return text.n == digits;
}

/*
 * What differs is a torn or spoilt event of ours, which is cut away; unless it is whole and has a name of its own.  Then
 * the log is ahead of the journal: somebody has put an old state directory back.
 */
static bool
is_anothers(const struct logfile *f, struct bytes event)
{
	size_t n = f->size - f->at < LOOK_MAX ? (size_t)(f->size - f->at) : LOOK_MAX;
	uint8_t *have = malloc(n);
	struct event there, ours;
	bool anothers = false;
	ssize_t got = have ? pread(f->fd, have, n, (off_t)f->at) : -1;
	if (got > 0 && event_read(have, (size_t)got, &there, &n) == BX_OK &&
	    event_parse(event.p, event.n, &ours) == BX_OK)
		anothers = is_hex(there.id, 32) && is_hex(there.span, 16) &&
			   !(bytes_equal(there.id, ours.id) && bytes_equal(there.span, ours.span));
	free(have);
	return anothers;
}

/* Nothing is pending here: the position is inside bytes of before. */
static enum bx_err
replay(struct logfile *f, struct bytes event, struct stats *stats, bool *found)
{
	*found = false;
	if (event.n <= f->size - f->at && !same_bytes(f->fd, event, f->at, found))
		return BX_EIO;
	if (*found) {
		f->at += event.n;
		f->dirty = true; /* whoever wrote them was killed before its own sync */
		stats_add(stats, STAT_log_replayed, 1);
		return BX_OK;
	}
	if (is_anothers(f, event))
		return BX_EBAD;
	if (ftruncate(f->fd, (off_t)f->at) != 0)
		return BX_EIO;
	f->size = f->at;
	f->dirty = true;
	stats_add(stats, STAT_log_cut, 1);
	return BX_OK;
}

enum bx_err
logfile_add(struct logfile *f, struct bytes event, size_t slack, struct stats *stats)
{
	if (f->pending.len == 0 && f->at < f->size) {
		bool found;
		enum bx_err err = replay(f, event, stats, &found);
		if (err != BX_OK || found)
			return err;
	}
	buf_put(&f->pending, event.p, event.n);
	blocks_add(&f->blocks, f->at + f->pending.len - event.n, &f->pending, event, slack);
	return f->pending.err;
}

enum bx_err
logfile_flush(struct logfile *f)
{
	size_t done = 0;
	while (done < f->pending.len) {
		ssize_t n = pwrite(f->fd, f->pending.data + done, f->pending.len - done, (off_t)(f->at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int why = n < 0 ? errno : EIO;
			if (done > 0 && ftruncate(f->fd, (off_t)f->at) != 0)
				f->dirty = true; /* the rest is written over it at the same place later */
			errno = why;
			return BX_EIO;
		}
		done += (size_t)n;
	}
	if (done == 0)
		return BX_OK;
	f->at += done;
	f->size = f->at;
	f->dirty = true;
	blocks_flushed(&f->blocks, &f->pending);
	buf_clear(&f->pending);
	return BX_OK;
}

void
logfile_cut(struct logfile *f, uint64_t len)
{
	/* Where the disk refuses, the events may come back after a power loss: better twice than lost. */
	if (ftruncate(f->fd, (off_t)len) == 0 && fsync(f->fd) == 0)
		f->size = len;
}

enum bx_err
logfile_tail_sum(const struct logfile *f, uint64_t len, uint64_t *sum)
{
	uint8_t tail[TAIL_BYTES];
	size_t n = len < sizeof tail ? (size_t)len : sizeof tail, got = 0;
	while (got < n) {
		ssize_t step = pread(f->fd, tail + got, n - got, (off_t)(len - n + got));
		if (step < 0 && errno == EINTR)
			continue;
		if (step <= 0)
			return step < 0 ? BX_EIO : BX_ESHORT;
		got += (size_t)step;
	}
	*sum = XXH3_64bits(tail, n);
	return BX_OK;
}

void
logfile_free(struct logfile **f)
{
	logfile_shut(*f);
	buf_fini(&(*f)->pending);
	free(*f);
	*f = NULL;
}
