/* SPDX-License-Identifier: ISC */
/*
 * power_cut: preloaded into oxd, notes how to take back every write that no sync has covered.
 *
 * Before a regular file below $POWER_CUT_DIR changes, what stands there goes to $POWER_CUT_LOG; before and after each
 * sync of it a mark does.  Who kills oxd and means a power cut then takes back, latest first, what stands behind the
 * last sync that was done (chaos.py).  Names are as if they were durable at once.
 *
 * While a test has the file $POWER_CUT_HOLD locked, no sync of a file of the journal begins.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, SYNC_BEGINS, SYNC_DONE };

struct note {
	uint64_t kind, inode, offset, old_bytes, old_size, sync;
};

static int log_fd = -1;
static char dir[PATH_MAX];
static uint64_t syncs;

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void
prepare(void)
{
	const char *where = getenv("POWER_CUT_DIR"), *log = getenv("POWER_CUT_LOG");
	if (where && log) {
		snprintf(dir, sizeof dir, "%s", where);
		log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
}

static int
is_ours(int fd, struct stat *st, char path[PATH_MAX])
{
	char link[64];
	char *at = stpcpy(link, "/proc/self/fd/");
	char digits[12];
	int n = 0;
	for (int rest = fd; n == 0 || rest; rest /= 10)
		digits[n++] = (char)('0' + rest % 10);
	while (n)
		*at++ = digits[--n];
	*at = '\0';
	ssize_t len = log_fd < 0 || fd < 0 ? -1 : readlink(link, path, PATH_MAX - 1);
	path[len > 0 ? len : 0] = '\0';
	return len > 0 && strncmp(path, dir, strlen(dir)) == 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode);
}

static void
wait_for_leave(const char *path)
{
	const char *hold = getenv("POWER_CUT_HOLD");
	int fd = hold && strstr(path, "/journal/") ? open(hold, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	flock(fd, LOCK_SH);
	close(fd);
}

static void
note(struct note *n, void *old)
{
	struct iovec parts[2] = {{n, sizeof *n}, {old, n->old_bytes}};
	if (writev(log_fd, parts, 2) != (ssize_t)(sizeof *n + n->old_bytes))
		abort(); /* the log has room, or the test is worth nothing */
}

static void
note_change(int fd, uint64_t offset, uint64_t bytes)
{
	struct stat st;
	char name[PATH_MAX];
	if (!is_ours(fd, &st, name))
		return;
	struct note n = {WRITE, st.st_ino, offset, 0, (uint64_t)st.st_size, 0};
	void *old = malloc(bytes + 1);
	ssize_t got = old ? pread(fd, old, bytes, (off_t)offset) : -1;
	int copy = -1;
	if (got < 0 && old) { /* a descriptor for writing only */
		char path[64] = "/proc/self/fd/";
		size_t at = strlen(path);
		for (int d = 1000000; d; d /= 10)
			if (fd >= d || d == 1)
				path[at++] = (char)('0' + fd / d % 10);
		path[at] = '\0';
		copy = open(path, O_RDONLY | O_CLOEXEC);
		got = copy < 0 ? -1 : pread(copy, old, bytes, (off_t)offset);
		if (copy >= 0)
			close(copy);
	}
	if (got < 0)
		abort();
	n.old_bytes = (uint64_t)got;
	note(&n, old);
	free(old);
}

static int
noted_sync(int fd, int (*real)(int))
{
	struct stat st;
	char path[PATH_MAX];
	if (!is_ours(fd, &st, path))
		return real(fd);
	wait_for_leave(path);
	struct note n = {SYNC_BEGINS, st.st_ino, 0, 0, 0, __atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST)};
	note(&n, NULL);
	int result = real(fd);
	n.kind = SYNC_DONE;
	if (result == 0)
		note(&n, NULL);
	return result;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	note_change(fd, (uint64_t)at, n);
	return REAL(pwrite)(fd, p, n, at);
}

int
ftruncate(int fd, off_t size)
{
	struct stat st;
	char path[PATH_MAX];
	if (is_ours(fd, &st, path) && st.st_size > size)
		note_change(fd, (uint64_t)size, (uint64_t)(st.st_size - size));
	return REAL(ftruncate)(fd, size);
}

int
fallocate(int fd, int mode, off_t at, off_t n)
{
	note_change(fd, (uint64_t)at, (uint64_t)n);
	return REAL(fallocate)(fd, mode, at, n);
}

int
fdatasync(int fd)
{
	return noted_sync(fd, REAL(fdatasync));
}

int
fsync(int fd)
{
	return noted_sync(fd, REAL(fsync));
}
