/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "libbx/core/rundir.h"
#include "libbx/process.h"
#include "preload/oxrun_find.h"
#include "preload/oxrun_oxd.h"

enum { FREE_SHARE = 8, HEADER_ROOM = 4096 };

/* The same two limits that libbx keeps to when it makes a ring: a file that may not grow so far kills its program. */
static void
check_room(struct report *r, const char *rings)
{
	struct rlimit largest;
	struct statvfs fs;
	uint64_t bytes = bx_config.ring_capacity + HEADER_ROOM;
	if (getrlimit(RLIMIT_FSIZE, &largest) == 0 && largest.rlim_cur != RLIM_INFINITY && largest.rlim_cur < bytes)
		report_reason(r, "limits", "files may grow to %llu bytes here (ulimit -f), a ring has %llu",
		    (unsigned long long)largest.rlim_cur, (unsigned long long)bytes);
	if (statvfs(rings, &fs) != 0)
		return;
	uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize, all = (uint64_t)fs.f_blocks * fs.f_frsize;
	if (all && room < bytes + all / FREE_SHARE)
		report_reason(r, "room",
		    "%llu KiB are free in %s; a ring takes %llu KiB and leaves an eighth of %llu KiB free",
		    (unsigned long long)room >> 10, rings, (unsigned long long)bytes >> 10,
		    (unsigned long long)all >> 10);
	else if (fs.f_files && fs.f_favail == 0)
		report_reason(r, "room", "no file can be made in %s: it has no inode left", rings);
	else
		report_line(r, "room", "%llu MiB, a ring takes %llu KiB", (unsigned long long)room >> 20,
		    (unsigned long long)bytes >> 10);
}

/* How oxd finds out that a ring's program is gone.  The file that is tried on has no name, so no oxd sees it. */
static void
check_leases(struct report *r, const char *rings)
{
	int fd = open(rings, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		report_line(r, "leases", "not tried: no unnamed file can be made in %s: %s", rings, strerror(errno));
		return;
	}
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
		report_line(r, "leases", "granted: oxd can tell when a ring's program is gone");
	else
		report_line(r, "leases",
		    "refused (%s): events are recorded, but oxd cannot tell when a ring's program is gone, and leaves "
		    "the ring "
		    "there",
		    strerror(errno));
	close(fd);
}

static void
check_host(struct report *r)
{
	if (bx_config.host[0])
		report_line(r, "", "programs that link libbx send to %s; the shim does so with BLUEOX_PRELOAD_TCP=1",
		    bx_config.host);
}

/* What a missing directory means depends on who would make one. */
static void
check_absent(struct report *r, const struct conf *c, const char *rings, int why)
{
	char program[PATH_MAX];
	const char *more = why == ENOENT ? "; it is made by oxd when it starts" : "";
	if (c->oxd != OXD_NEVER && find_ours("oxd", program))
		report_line(r, "run directory", "%s: %s; oxrun starts an oxd of its own (--oxd=%s)", rings,
		    strerror(why), c->oxd == OXD_AUTO ? "auto" : "private");
	else
		report_reason(r, "run directory", "%s: %s%s", rings, strerror(why), more);
	check_host(r);
}

static void
check_daemon(struct report *r, const struct conf *c, bool runs)
{
	if (runs)
		report_line(r, "oxd", "runs");
	else if (c->oxd == OXD_NEVER)
		report_line(r, "oxd", "none runs: what has room in the rings waits there until one comes");
	else
		report_line(r, "oxd", "none runs: oxrun starts one of its own; other programs' events wait for one");
}

void
place_check(struct report *r, const struct conf *c)
{
	char dir[RUNDIR_MAX + 1], rings[PATH_MAX];
	bool runs = oxd_runs(dir, sizeof dir);
	if (!dir[0]) {
		report_reason(r, "run directory", "cannot be used: its name is too long, or it is somebody else's");
		return;
	}
	snprintf(rings, sizeof rings, "%s/rings", dir);
	if (access(rings, W_OK | X_OK) != 0) {
		check_absent(r, c, rings, errno);
		return;
	}
	report_line(r, "run directory", "%s: a program of this user can make rings there", dir);
	check_daemon(r, c, runs);
	check_room(r, rings);
	check_leases(r, rings);
}
