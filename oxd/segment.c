/* SPDX-License-Identifier: ISC */
/* segment: fallocate, header, rename, in that order. */
#include "oxd/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"
#include "libbx/core/clock.h"
#include "oxd/disk.h"

#define MAGIC  "BLUEOXJ"
#define HIDDEN "segment.new"
#define SUFFIX ".seg"
enum { VERSION = 1, SUMMED = 56 };

bool
segment_is_name(const char *name, uint64_t *first)
{
	if (strlen(name) != 16 + strlen(SUFFIX) || strcmp(name + 16, SUFFIX) != 0 ||
	    strspn(name, "0123456789abcdef") != 16)
		return false;
	*first = strtoull(name, NULL, 16);
	return true;
}

enum bx_err
segment_make_spare(int dir_fd, uint64_t bytes)
{
	static const char fresh[] = SEGMENT_SPARE ".new";
	int fd = openat(dir_fd, fresh, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return BX_EIO;
	int why;
	do
		why = posix_fallocate(fd, 0, (off_t)bytes);
	while (why == EINTR);
	if (why == 0 && renameat(dir_fd, fresh, dir_fd, SEGMENT_SPARE) != 0)
		why = errno;
	close(fd);
	if (why != 0) {
		unlinkat(dir_fd, fresh, 0);
		errno = why;
		return BX_EIO;
	}
	return BX_OK;
}

static int
open_spare(int dir_fd, uint64_t bytes)
{
	struct stat st;
	int fd = openat(dir_fd, SEGMENT_SPARE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes && st.st_nlink == 1)
		return fd;
	if (fd >= 0) {
		close(fd);
		unlinkat(dir_fd, SEGMENT_SPARE, 0);
	}
	if (segment_make_spare(dir_fd, bytes) != BX_OK)
		return -1;
	return openat(dir_fd, SEGMENT_SPARE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
}

static void
header_put(uint8_t h[SEGMENT_HEADER], const struct segment *s)
{
	memset(h, 0, SEGMENT_HEADER);
	memcpy(h, MAGIC, sizeof MAGIC);
	put_u32le(h + 8, VERSION);
	put_u32le(h + 12, SEGMENT_HEADER);
	put_u64le(h + 16, s->first);
	put_u64le(h + 24, s->seed);
	put_u64le(h + 32, s->bytes);
	put_u64le(h + 40, (uint64_t)clock_wall_ns());
	put_u64le(h + 48, s->replaces_upto);
	put_u64le(h + SUMMED, XXH3_64bits(h, SUMMED));
}

/* Magic, version and sum stand where they stand in every version. */
static enum bx_err
header_get(const uint8_t h[SEGMENT_HEADER], struct segment *s)
{
	if (memcmp(h, MAGIC, sizeof MAGIC) != 0 || get_u64le(h + SUMMED) != XXH3_64bits(h, SUMMED))
		return BX_EBAD;
	if (get_u32le(h + 8) > VERSION)
		return BX_EVERSION;
	if (get_u32le(h + 8) != VERSION || get_u32le(h + 12) != SEGMENT_HEADER || get_u64le(h + 16) != s->first)
		return BX_EBAD;
	s->seed = get_u64le(h + 24);
	s->bytes = get_u64le(h + 32);
	s->replaces_upto = get_u64le(h + 48);
	return BX_OK;
}

static void
new_seed(uint64_t *seed)
{
	while (getrandom(seed, sizeof *seed, 0) != (ssize_t)sizeof *seed)
		;
}

enum bx_err
segment_create(int dir_fd, uint64_t first, uint64_t bytes, uint64_t replaces_upto, bool hidden, struct segment **out)
{
	struct segment *s = calloc(1, sizeof *s);
	if (!s)
		return BX_ENOMEM;
	*s = (struct segment){
	    .first = first,
	    .bytes = bytes,
	    .replaces_upto = replaces_upto,
	    .end = SEGMENT_HEADER,
	    .refs = 1,
	    .dirty = true,
	};
	snprintf(s->name, sizeof s->name, "%016" PRIx64 SUFFIX, first);
	new_seed(&s->seed);
	s->fd = open_spare(dir_fd, bytes);
	if (s->fd < 0)
		goto fail;
	uint8_t header[SEGMENT_HEADER];
	header_put(header, s);
	/* Under a name that recovery does not look at until the header is whole. */
	if (renameat(dir_fd, SEGMENT_SPARE, dir_fd, HIDDEN) != 0 || !disk_write(s->fd, header, sizeof header, 0))
		goto fail;
	if (!hidden && segment_show(dir_fd, s) != BX_OK)
		goto fail;
	*out = s;
	return BX_OK;
fail:;
	int why = errno;
	segment_discard(dir_fd, &s);
	errno = why;
	return BX_EIO;
}

void
segment_discard(int dir_fd, struct segment **s)
{
	unlinkat(dir_fd, HIDDEN, 0);
	segment_unref(s);
}

enum bx_err
segment_show(int dir_fd, struct segment *s)
{
	return renameat(dir_fd, HIDDEN, dir_fd, s->name) == 0 ? BX_OK : BX_EIO;
}

enum bx_err
segment_open(int dir_fd, const char *name, struct segment **out)
{
	struct segment *s = calloc(1, sizeof *s);
	struct stat st;
	uint8_t header[SEGMENT_HEADER];
	enum bx_err err = BX_EIO;
	if (!s)
		return BX_ENOMEM;
	*s = (struct segment){.end = SEGMENT_HEADER, .refs = 1, .fd = -1};
	if (!segment_is_name(name, &s->first)) {
		err = BX_EBAD;
		goto fail;
	}
	memcpy(s->name, name, strlen(name) + 1);
	s->fd = openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st) != 0)
		goto fail;
	ssize_t n = pread(s->fd, header, sizeof header, 0);
	if (n < 0)
		goto fail;
	err = n == (ssize_t)sizeof header ? header_get(header, s) : BX_EBAD;
	if (err != BX_OK)
		goto fail;
	if (s->bytes > (uint64_t)st.st_size)
		s->bytes = (uint64_t)st.st_size; /* somebody cut it: what is left may still hold */
	*out = s;
	return BX_OK;
fail:;
	int why = errno;
	segment_unref(&s);
	errno = why;
	return err;
}

void
segment_unref(struct segment **s)
{
	if (--(*s)->refs == 0) {
		if ((*s)->fd >= 0)
			close((*s)->fd);
		free(*s);
	}
	*s = NULL;
}

enum bx_err
segment_zero_from(struct segment *s, uint64_t end)
{
	if (end >= s->bytes)
		return BX_OK;
	off_t at = (off_t)end, n = (off_t)(s->bytes - end);
	if (fallocate(s->fd, FALLOC_FL_ZERO_RANGE, at, n) == 0)
		return BX_OK;
	static const uint8_t zeroes[65536];
	while (n > 0) {
		size_t step = n < (off_t)sizeof zeroes ? (size_t)n : sizeof zeroes;
		if (!disk_write(s->fd, zeroes, step, (uint64_t)at))
			return BX_EIO;
		at += (off_t)step;
		n -= (off_t)step;
	}
	return BX_OK;
}

void
segment_remove(int dir_fd, struct segment *s, bool as_spare)
{
	struct stat st;
	if (as_spare && fstat(s->fd, &st) == 0 && st.st_nlink == 1 &&
	    renameat(dir_fd, s->name, dir_fd, SEGMENT_SPARE) == 0)
		return;
	unlinkat(dir_fd, s->name, 0);
}
