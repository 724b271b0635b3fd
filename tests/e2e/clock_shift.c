/* SPDX-License-Identifier: ISC */
/*
 * clock_shift: a wall clock that a test sets.
 *
 * Preloaded into oxd: the file that CLOCK_SHIFT names holds seconds, which are added to CLOCK_REALTIME from the moment
 * they are written there.  Clocks that run from boot stay as they are.  clocks.py compiles it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long
shift_s(void)
{
	char text[32] = "";
	const char *path = getenv("CLOCK_SHIFT");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	return n > 0 ? atoll(text) : 0;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int status = (int)syscall(SYS_clock_gettime, id, ts);
	if (status == 0 && id == CLOCK_REALTIME)
		ts->tv_sec += shift_s();
	return status;
}

time_t
time(time_t *out)
{
	struct timespec ts = {0};
	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}
