/* SPDX-License-Identifier: ISC */
/* doorbell: a shared futex in a file. */
#include "oxd/doorbell.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DOORBELL_BYTES = 4096 };

bool
doorbell_open(struct doorbell *d, int run_fd)
{
	int fd = openat(run_fd, "doorbell", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	struct stat st;
	int why = 0;
	if (fstat(fd, &st) != 0)
		why = errno;
	else if (!S_ISREG(st.st_mode))
		why = EINVAL;
	else if (fchmod(fd, 0644) != 0) /* whatever our umask is */
		why = errno;
	else
		why = posix_fallocate(fd, 0, DOORBELL_BYTES); /* a hole on a full tmpfs would be a SIGBUS */
	void *p = why ? MAP_FAILED : mmap(NULL, DOORBELL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!why && p == MAP_FAILED)
		why = errno;
	close(fd);
	if (why) {
		errno = why;
		return false;
	}
	d->word = p;
	atomic_store(d->word, 0);
	return true;
}

void
doorbell_close(struct doorbell *d)
{
	if (!d->word)
		return;
	atomic_store(d->word, 0);
	munmap((void *)d->word, DOORBELL_BYTES);
	d->word = NULL;
}

void
doorbell_arm(struct doorbell *d)
{
	atomic_store(d->word, 1);
}

bool
doorbell_wait(struct doorbell *d, int64_t ns)
{
	struct timespec timeout = {ns / 1000000000, ns % 1000000000};
	return syscall(SYS_futex, d->word, FUTEX_WAIT, 1, &timeout, NULL, 0) == 0 || errno != ETIMEDOUT;
}

void
doorbell_disarm(struct doorbell *d)
{
	atomic_store(d->word, 0);
}

void
doorbell_ring(struct doorbell *d)
{
	if (atomic_exchange(d->word, 0) == 1)
		syscall(SYS_futex, d->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
