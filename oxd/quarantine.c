/* SPDX-License-Identifier: ISC */
/* quarantine: written beside, synced, renamed; the same frame again has the same name. */
#include "oxd/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/bytes.h"
#include "libbx/core/frame.h"
#include "oxd/disk.h"

#define ROOM  "quarantine"
#define FRESH ROOM "/frame.new"

static void
name_it(struct bytes frame, char name[QUARANTINE_NAME])
{
	const uint8_t *p = frame.p + FRAME_NAME;
	int n = snprintf(name, QUARANTINE_NAME, ROOM "/");
	for (int i = 0; i < FRAME_ORIGIN; i++)
		n += snprintf(name + n, QUARANTINE_NAME - (size_t)n, "%02x", p[i]);
	snprintf(name + n, QUARANTINE_NAME - (size_t)n, "-%" PRIu64 ".frame", get_u64le(p + FRAME_ORIGIN));
}

static bool
sync_room(int state_fd)
{
	int fd = openat(state_fd, ROOM, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok && fsync(state_fd) == 0;
}

bool
quarantine_keep(int state_fd, struct bytes frame, char name[QUARANTINE_NAME])
{
	if (frame.n < FRAME_HEADER) {
		errno = EINVAL;
		return false;
	}
	name_it(frame, name);
	if (mkdirat(state_fd, ROOM, 0700) != 0 && errno != EEXIST)
		return false;
	int fd = openat(state_fd, FRESH, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool ok = disk_write(fd, frame.p, frame.n, 0) && fsync(fd) == 0;
	int why = errno;
	close(fd);
	if (!ok) {
		unlinkat(state_fd, FRESH, 0);
		errno = why;
		return false;
	}
	return renameat(state_fd, FRESH, state_fd, name) == 0 && sync_room(state_fd);
}
