/* SPDX-License-Identifier: ISC */
/* statefile: rename is the only step that a reader can see. */
#include "oxd/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"
#include "oxd/disk.h"

#define MAGIC "BLUEOXS"
enum { HEADER = 32, VERSION = 1, NAME_CAP = 64 };
static const off_t content_max = 256 << 20;

static uint64_t
sum_of(const uint8_t *header, const uint8_t *p, size_t n)
{
	return XXH3_64bits_withSeed(p, n, get_u64le(header + 8));
}

static int
open_fresh(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
}

enum bx_err
statefile_write(int dir_fd, const char *name, enum statefile_kind kind, const struct buf *content)
{
	uint8_t header[HEADER] = MAGIC;
	put_u32le(header + 8, VERSION);
	put_u32le(header + 12, kind);
	put_u64le(header + 16, content->len);
	put_u64le(header + 24, sum_of(header, content->data, content->len));
	char fresh[NAME_CAP], prev[NAME_CAP];
	snprintf(fresh, sizeof fresh, "%s.new", name);
	snprintf(prev, sizeof prev, "%s.prev", name);
	int fd = open_fresh(dir_fd, fresh);
	if (fd < 0 && errno == ELOOP &&
	    unlinkat(dir_fd, fresh, 0) == 0) /* a link of somebody's: it goes, not what it leads to */
		fd = open_fresh(dir_fd, fresh);
	if (fd < 0)
		return BX_EIO;
	bool ok =
	    disk_write(fd, header, HEADER, 0) && disk_write(fd, content->data, content->len, HEADER) && fsync(fd) == 0;
	int why = errno;
	close(fd);
	if (!ok) {
		unlinkat(dir_fd, fresh, 0);
		errno = why;
		return BX_EIO;
	}
	/* Between the two renames only NAME.prev is there: it is whole, and readers look for it. */
	if (renameat(dir_fd, name, dir_fd, prev) != 0 && errno != ENOENT)
		return BX_EIO;
	if (renameat(dir_fd, fresh, dir_fd, name) != 0 || fsync(dir_fd) != 0)
		return BX_EIO;
	return BX_OK;
}

static enum bx_err
read_content(int fd, enum statefile_kind kind, struct buf *content)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return BX_EIO;
	if (!S_ISREG(st.st_mode) || st.st_size < HEADER || st.st_size > content_max)
		return BX_EBAD;
	buf_clear(content);
	uint8_t *p = buf_extend(content, (size_t)st.st_size);
	if (!p)
		return BX_ENOMEM;
	if (!disk_read(fd, p, content->len, 0))
		return BX_EIO;
	if (memcmp(p, MAGIC, sizeof MAGIC) != 0 || get_u32le(p + 12) != kind ||
	    get_u64le(p + 16) != content->len - HEADER)
		return BX_EBAD;
	if (get_u64le(p + 24) != sum_of(p, p + HEADER, content->len - HEADER))
		return BX_ESUM;
	if (get_u32le(p + 8) != VERSION) /* this header and its sum are the same in every version */
		return get_u32le(p + 8) > VERSION ? BX_EVERSION : BX_EBAD;
	buf_drop_front(content, HEADER);
	return BX_OK;
}

enum bx_err
statefile_read(int dir_fd, const char *name, bool prev, enum statefile_kind kind, struct buf *content)
{
	char path[NAME_CAP];
	snprintf(path, sizeof path, "%s%s", name, prev ? ".prev" : "");
	int fd = openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? BX_ESHORT : BX_EIO;
	enum bx_err err = read_content(fd, kind, content);
	close(fd);
	return err;
}

bool
statefile_take(struct cursor *c, enum mp_kind kind, struct mp_token *t)
{
	if (mp_next(c, t) && t->kind == kind)
		return true;
	cursor_fail(c, BX_EBAD);
	return false;
}

uint64_t
statefile_uint(struct cursor *c)
{
	struct mp_token t;
	return statefile_take(c, MP_UINT, &t) ? t.u : 0;
}

uint32_t
statefile_array(struct cursor *c, uint32_t least)
{
	struct mp_token t;
	if (!statefile_take(c, MP_ARRAY, &t))
		return 0;
	if (t.len < least)
		cursor_fail(c, BX_EBAD);
	return t.len < least ? 0 : t.len;
}
