/* SPDX-License-Identifier: ISC */
/* house: make, open, lock, in that order. */
#include "oxd/house.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Programs of any user make rings there, none may remove another's: sticky, and of oxd's own user and group. */
enum { RINGS_MODE = 03733, PATH_CAP = 4096 };

static bool
make_path(const char *path, mode_t mode)
{
	char part[PATH_CAP];
	int n = snprintf(part, sizeof part, "%s", path);
	if (n <= 0 || (size_t)n >= sizeof part) {
		errno = n <= 0 ? ENOENT : ENAMETOOLONG;
		return false;
	}
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return false;
		*p = '/';
	}
	return mkdir(part, mode) == 0 || errno == EEXIST;
}

static int
open_dir(const char *path, mode_t mode)
{
	if (!make_path(path, mode))
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool
open_run(struct house *h, const char *run_dir, char *err, size_t err_cap)
{
	if (!rundir_path(run_dir, h->run_path, sizeof h->run_path)) {
		snprintf(err, err_cap, "no run directory: %s is not ours; pass --run-dir",
		    run_dir ? run_dir : "/dev/shm/blueox-UID");
		return false;
	}
	bool shared = strncmp(h->run_path, "/dev/shm/", 9) != 0;
	h->run_fd = open_dir(h->run_path, shared ? 0755 : 0700);
	if (h->run_fd < 0) {
		snprintf(err, err_cap, "run directory %s: %s", h->run_path, strerror(errno));
		return false;
	}
	h->lock_fd = openat(h->run_fd, "oxd.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (h->lock_fd < 0) {
		snprintf(err, err_cap, "run directory %s is not writable: %s", h->run_path, strerror(errno));
		return false;
	}
	return true;
}

/* A link is no room of ours, and what it leads to keeps its mode. */
static bool
furnish_room(int run_fd, const char *name, mode_t mode)
{
	if (mkdirat(run_fd, name, 0700) != 0 && errno != EEXIST)
		return false;
	int fd = openat(run_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = fchmod(fd, mode) == 0;
	int why = errno;
	close(fd);
	errno = why;
	return ok;
}

static bool
furnish_run(struct house *h, char *err, size_t err_cap)
{
	static const struct {
		const char *name;
		mode_t mode;
	} rooms[] = {{"rings", RINGS_MODE}, {"bad", 0700}};
	for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
		if (!furnish_room(h->run_fd, rooms[i].name, rooms[i].mode)) {
			snprintf(err, err_cap, "%s/%s: %s", h->run_path, rooms[i].name, strerror(errno));
			return false;
		}
	}
	return true;
}

static bool
lock(int fd, const char *what, const char *path, char *err, size_t err_cap)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		snprintf(err, err_cap, "another oxd is running on the %s %s", what, path);
	else
		snprintf(err, err_cap, "%s %s cannot be locked: %s", what, path, strerror(errno));
	return false;
}

static bool
open_and_lock(int *fd, const char *what, const char *path, mode_t mode, char *err, size_t err_cap)
{
	*fd = open_dir(path, mode);
	if (*fd < 0) {
		snprintf(err, err_cap, "%s %s: %s", what, path, strerror(errno));
		return false;
	}
	if (faccessat(*fd, ".", W_OK | X_OK, AT_EACCESS) != 0) {
		snprintf(err, err_cap, "%s %s is not writable: %s", what, path, strerror(errno));
		return false;
	}
	return lock(*fd, what, path, err, err_cap);
}

bool
house_open(
    struct house *h, const char *run_dir, const char *state_path, const char *log_path, char *err, size_t err_cap)
{
	h->run_fd = h->lock_fd = h->state_lock_fd = h->log_lock_fd = -1;
	bool ok = open_run(h, run_dir, err, err_cap) && lock(h->lock_fd, "run directory", h->run_path, err, err_cap) &&
		  furnish_run(h, err, err_cap) &&
		  open_and_lock(&h->state_lock_fd, "state directory", state_path, 0700, err, err_cap) &&
		  (!log_path || open_and_lock(&h->log_lock_fd, "log directory", log_path, 0755, err, err_cap));
	if (!ok)
		house_close(h);
	return ok;
}

bool
house_tell(const struct house *h, const char *json)
{
	static const char fresh[] = "oxd.json.new";
	int fd = openat(h->run_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	size_t n = strlen(json);
	bool ok = write(fd, json, n) == (ssize_t)n;
	close(fd);
	return ok && renameat(h->run_fd, fresh, h->run_fd, "oxd.json") == 0;
}

void
house_tell_no_more(const struct house *h)
{
	unlinkat(h->run_fd, "oxd.json", 0);
}

void
house_close(struct house *h)
{
	int *fds[] = {&h->log_lock_fd, &h->state_lock_fd, &h->lock_fd, &h->run_fd};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
