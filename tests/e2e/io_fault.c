/* SPDX-License-Identifier: ISC */
/*
 * io_fault: preloaded into oxd, makes calls on files below a directory fail as the test asks, while it runs.
 *
 * $IO_FAULT names a file that both have mapped.  The test writes which calls, where, with which error and which of them
 * (the first so many pass, then so many fail), and last `armed`; every call that was made to fail is counted in `hits`.
 * Without an error they do not fail but hang, while the test has the file locked.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum call { WRITE = 1, SYNC = 2, RENAME = 4, OPEN = 8, TRUNCATE = 16, ALLOCATE = 32 };

/* As tests/e2e/oxd_faults has it. */
struct control {
	_Atomic uint32_t armed;
	uint32_t calls, error;
	_Atomic int32_t pass, fail; /* how many still */
	_Atomic uint32_t hits;
	char where[PATH_MAX];
};

static struct control *control;
static char control_name[PATH_MAX];

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void
prepare(void)
{
	const char *name = getenv("IO_FAULT");
	int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) {
		control = p;
		snprintf(control_name, sizeof control_name, "%s", name);
	}
	if (fd >= 0)
		close(fd);
}

static int
is_there(int fd, const char *name)
{
	char link[64], path[2 * PATH_MAX];
	if (name && name[0] == '/') {
		snprintf(path, sizeof path, "%s", name);
	} else {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, path, PATH_MAX);
		if (n < 0)
			return 0;
		path[n] = '\0';
	}
	size_t n = strlen(control->where);
	return strncmp(path, control->where, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static int
fails(enum call call, int fd, const char *name)
{
	int before = errno;
	if (!control || !atomic_load(&control->armed) || !(control->calls & call) || !is_there(fd, name)) {
		errno = before;
		return 0;
	}
	errno = before;
	if (atomic_fetch_sub(&control->pass, 1) > 0 || atomic_fetch_sub(&control->fail, 1) <= 0)
		return 0;
	atomic_fetch_add(&control->hits, 1);
	if (control->error == 0) {
		int lock = open(control_name, O_RDONLY | O_CLOEXEC);
		flock(lock, LOCK_SH);
		close(lock);
		errno = before;
		return 0;
	}
	errno = (int)control->error;
	return 1;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fails(WRITE, fd, NULL) ? -1 : REAL(pwrite)(fd, p, n, at);
}

/*
 * The kernel's own: libzmq writes too, and the thread sanitizer, which leaves it alone where it calls by itself, would take
 * a call through here for one of ours and a descriptor that libzmq had closed for one that is still its.
 */
ssize_t
write(int fd, const void *p, size_t n)
{
	return fails(WRITE, fd, NULL) ? -1 : syscall(SYS_write, fd, p, n);
}

int
fdatasync(int fd)
{
	return fails(SYNC, fd, NULL) ? -1 : REAL(fdatasync)(fd);
}

int
fsync(int fd)
{
	return fails(SYNC, fd, NULL) ? -1 : REAL(fsync)(fd);
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return fails(RENAME, to_fd, to) ? -1 : REAL(renameat)(from_fd, from, to_fd, to);
}

int
ftruncate(int fd, off_t n)
{
	return fails(TRUNCATE, fd, NULL) ? -1 : REAL(ftruncate)(fd, n);
}

int
posix_fallocate(int fd, off_t at, off_t n)
{
	int before = errno;
	if (!fails(ALLOCATE, fd, NULL))
		return REAL(posix_fallocate)(fd, at, n);
	int why = errno;
	errno = before;
	return why;
}

/* Only what writes: oxd reads with these descriptors too, but a disk that cannot be written can often be read. */
int
openat(int dir_fd, const char *name, int flags, ...)
{
	mode_t mode = 0;
	if (flags & O_CREAT) {
		va_list ap;
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if ((flags & O_ACCMODE) != O_RDONLY && fails(OPEN, dir_fd, name))
		return -1;
	return REAL(openat)(dir_fd, name, flags, mode);
}
