/* SPDX-License-Identifier: ISC */
/* compress: frames at the index's borders, then the table, then the name. */
#include "libbx/core/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zstd.h>

#include "libbx/core/bytes.h"
#include "libbx/core/indexing.h"
#include "libbx/core/logname.h"
#include "libbx/core/logread.h"

enum { NAME_CAP = LOGNAME_MAX + 16, SKIPPABLE = 0x184d2a5e, TABLE_FOOTER = 9, TABLE_ENTRY = 8, SKIPPABLE_HEADER = 8 };
static const uint32_t table_magic = 0x8f92eab1;

struct packing {
	int dir_fd, from, to;
	const _Atomic bool *stop;
	ZSTD_CCtx *zstd;
	struct buf block, frame, table;
	uint32_t frames;
	uint64_t written;
};

static bool
join(char out[NAME_CAP], const char *name, const char *suffix)
{
	if (snprintf(out, NAME_CAP, "%s%s", name, suffix) < NAME_CAP)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static bool
stopped(const _Atomic bool *stop)
{
	return stop && atomic_load(stop);
}

/* ---- packing ----------------------------------------------------------------------------------------------------- */

static enum bx_err
write_all(struct packing *k, const struct buf *b)
{
	size_t done = 0;
	while (done < b->len) {
		ssize_t n = write(k->to, b->data + done, b->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return BX_EIO;
		done += (size_t)n;
	}
	k->written += done;
	return BX_OK;
}

static enum bx_err
read_all(struct packing *k, uint64_t offset, size_t n)
{
	buf_clear(&k->block);
	uint8_t *to = buf_extend(&k->block, n);
	for (size_t got = 0; to && got < n;) {
		ssize_t step = pread(k->from, to + got, n - got, (off_t)(offset + got));
		if (step < 0 && errno == EINTR)
			continue;
		if (step == 0)
			errno = ESTALE; /* cut while we read it: no sealed file of ours */
		if (step <= 0)
			return BX_EIO;
		got += (size_t)step;
	}
	return k->block.err;
}

static enum bx_err
pack_block(struct packing *k, uint64_t offset, size_t n)
{
	if (stopped(k->stop))
		return BX_ELIMIT;
	enum bx_err err = read_all(k, offset, n);
	if (err != BX_OK)
		return err;
	buf_clear(&k->frame);
	size_t bound = ZSTD_compressBound(n);
	uint8_t *to = buf_extend(&k->frame, bound), *entry = buf_extend(&k->table, TABLE_ENTRY);
	if (!to || !entry)
		return BX_ENOMEM;
	size_t packed = ZSTD_compress2(k->zstd, to, bound, k->block.data, n);
	if (ZSTD_isError(packed))
		return BX_ENOMEM; /* there is room, and nothing else can go wrong */
	k->frame.len = packed;
	put_u32le(entry, (uint32_t)packed);
	put_u32le(entry + 4, (uint32_t)n);
	k->frames++;
	return write_all(k, &k->frame);
}

/* Blocks of the index as far as it reaches, equal pieces behind it. */
static enum bx_err
pack_blocks(struct packing *k, const char *name, uint64_t size)
{
	struct index_walk w;
	struct index_entry e;
	uint64_t at = 0;
	enum bx_err err = BX_OK;
	if (index_walk_open(&w, k->dir_fd, name) == BX_OK) {
		while (err == BX_OK && index_walk_next(&w, &e) && e.length <= size - at) {
			err = pack_block(k, at, e.length);
			at += e.length;
		}
		index_walk_close(&w);
	}
	while (err == BX_OK && at < size) {
		size_t n = size - at < INDEX_BLOCK ? (size_t)(size - at) : INDEX_BLOCK;
		err = pack_block(k, at, n);
		at += n;
	}
	return err;
}

static enum bx_err
write_table(struct packing *k)
{
	struct buf all = {0};
	uint8_t *p = buf_extend(&all, SKIPPABLE_HEADER);
	if (p) {
		put_u32le(p, SKIPPABLE);
		put_u32le(p + 4, (uint32_t)(k->table.len + TABLE_FOOTER));
	}
	buf_put(&all, k->table.data, k->table.len);
	p = buf_extend(&all, TABLE_FOOTER);
	if (p) {
		put_u32le(p, k->frames);
		p[4] = 0; /* no checksums here: each frame has its own */
		put_u32le(p + 5, table_magic);
	}
	enum bx_err err = all.err != BX_OK ? all.err : write_all(k, &all);
	buf_fini(&all);
	return err;
}

/* Packing must not be what fills a disk: the whole file again, and a sixteenth of the disk, have to be free. */
static bool
disk_has_room(int fd, uint64_t size)
{
	struct statvfs fs;
	if (fstatvfs(fd, &fs) != 0)
		return false;
	uint64_t unit = fs.f_frsize, free_bytes = fs.f_bavail * unit, all = fs.f_blocks * unit;
	errno = ENOSPC;
	return free_bytes >= size && free_bytes - size >= all / 16;
}

static enum bx_err
pack_file(struct packing *k, const char *name, const char *fresh)
{
	struct stat st, after;
	if (fstat(k->from, &st) != 0 || !S_ISREG(st.st_mode) || !disk_has_room(k->from, (uint64_t)st.st_size))
		return BX_EIO;
	if (unlinkat(k->dir_fd, fresh, 0) != 0 && errno != ENOENT)
		return BX_EIO;
	k->to = openat(k->dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (k->to < 0)
		return BX_EIO;
	enum bx_err err = pack_blocks(k, name, (uint64_t)st.st_size);
	if (err == BX_OK)
		err = write_table(k);
	if (err != BX_OK)
		return err;
	struct timespec times[2] = {st.st_atim, st.st_mtim};
	if (fchmod(k->to, st.st_mode & 07777) != 0 || futimens(k->to, times) != 0 || fsync(k->to) != 0)
		return BX_EIO;
	/* Of another user and packed by root: it stays that user's. */
	if (fstat(k->to, &after) != 0 || ((after.st_uid != st.st_uid || after.st_gid != st.st_gid) &&
					     fchown(k->to, st.st_uid, st.st_gid) != 0 && geteuid() == 0))
		return BX_EIO;
	if (fstat(k->from, &after) != 0)
		return BX_EIO;
	errno = ESTALE;
	return after.st_size == st.st_size ? BX_OK : BX_EIO;
}

static bool
rename_and_sync(int dir_fd, const char *fresh, const char *final)
{
	return renameat2(dir_fd, fresh, dir_fd, final, RENAME_NOREPLACE) == 0 && fsync(dir_fd) == 0;
}

enum bx_err
compress_pack(int dir_fd, const char *name, const _Atomic bool *stop, uint64_t *packed)
{
	char fresh[NAME_CAP], final[NAME_CAP];
	struct packing k = {.dir_fd = dir_fd, .from = -1, .to = -1, .stop = stop};
	if (!join(fresh, name, COMPRESS_FRESH) || !join(final, name, COMPRESS_SUFFIX))
		return BX_EIO;
	enum bx_err err = BX_EIO;
	k.from = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	k.zstd = ZSTD_createCCtx();
	if (!k.zstd)
		err = BX_ENOMEM;
	else if (k.from >= 0) {
		ZSTD_CCtx_setParameter(k.zstd, ZSTD_c_compressionLevel, COMPRESS_LEVEL);
		ZSTD_CCtx_setParameter(k.zstd, ZSTD_c_checksumFlag, 1);
		err = pack_file(&k, name, fresh);
	}
	if (err == BX_OK && !rename_and_sync(dir_fd, fresh, final))
		err = BX_EIO;
	int why = errno;
	if (k.to >= 0)
		close(k.to);
	if (k.to >= 0 && err != BX_OK)
		unlinkat(dir_fd, fresh, 0);
	if (k.from >= 0)
		close(k.from);
	ZSTD_freeCCtx(k.zstd);
	buf_fini(&k.block);
	buf_fini(&k.frame);
	buf_fini(&k.table);
	*packed = k.written;
	errno = why;
	return err;
}

/* ---- settling ---------------------------------------------------------------------------------------------------- */

enum { PIECE = 128 * 1024 };

static enum bx_err
compare(struct logread *plain, struct logread *packed, uint8_t *pieces, const _Atomic bool *stop)
{
	for (;;) {
		size_t a, b;
		if (stopped(stop))
			return BX_ELIMIT;
		enum bx_err err = logread_full(plain, pieces, PIECE, &a);
		if (err == BX_OK)
			err = logread_full(packed, pieces + PIECE, PIECE, &b);
		if (err != BX_OK)
			return err;
		if (a != b || memcmp(pieces, pieces + PIECE, a) != 0)
			return BX_EBAD;
		if (a == 0)
			return BX_OK;
	}
}

static int
open_one(int dir_fd, const char *name, struct stat *st)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

enum bx_err
compress_settle(int dir_fd, const char *name, const _Atomic bool *stop)
{
	char final[NAME_CAP];
	struct stat st, now, packed_st;
	struct logread plain = {.fd = -1}, packed = {.fd = -1};
	if (!join(final, name, COMPRESS_SUFFIX))
		return BX_EIO;
	int from = open_one(dir_fd, name, &st), to = open_one(dir_fd, final, &packed_st);
	uint8_t *pieces = malloc((size_t)2 * PIECE);
	enum bx_err err = from < 0 || to < 0 ? BX_EIO : pieces ? BX_OK : BX_ENOMEM;
	logread_open(&plain, from);
	logread_open(&packed, to);
	if (err == BX_OK)
		err = compare(&plain, &packed, pieces, stop);
	/* A kill or a power cut behind a rename of before may have left it without the directory's sync. */
	if (err == BX_OK && (fsync(to) != 0 || fsync(dir_fd) != 0))
		err = BX_EIO;
	errno = ESTALE;
	if (err == BX_OK && (fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) != 0 || now.st_ino != st.st_ino ||
				now.st_dev != st.st_dev || now.st_size != st.st_size || unlinkat(dir_fd, name, 0) != 0))
		err = BX_EIO;
	int why = errno;
	logread_close(&plain);
	logread_close(&packed);
	free(pieces);
	errno = why;
	return err;
}

uint32_t
compress_read_table(const void *p, size_t n)
{
	const uint8_t *end = (const uint8_t *)p + n;
	if (n < SKIPPABLE_HEADER + TABLE_FOOTER || get_u32le(end - 4) != table_magic || end[-5] != 0)
		return 0;
	uint64_t frames = get_u32le(end - TABLE_FOOTER), len = frames * TABLE_ENTRY + TABLE_FOOTER;
	if (n - SKIPPABLE_HEADER < len)
		return 0;
	const uint8_t *table = end - len - SKIPPABLE_HEADER;
	return get_u32le(table) == SKIPPABLE && get_u32le(table + 4) == len ? (uint32_t)frames : 0;
}
