/* SPDX-License-Identifier: ISC */
/* disk: pwrite and pread until done. */
#include "oxd/disk.h"

#include <errno.h>
#include <unistd.h>

bool
disk_write(int fd, const void *p, size_t n, uint64_t at)
{
	const uint8_t *from = p;
	while (n > 0) {
		ssize_t done = pwrite(fd, from, n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = EIO;
		if (done <= 0)
			return false;
		from += done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return true;
}

bool
disk_read(int fd, void *p, size_t n, uint64_t at)
{
	uint8_t *to = p;
	while (n > 0) {
		ssize_t got = pread(fd, to, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = 0;
		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return true;
}
