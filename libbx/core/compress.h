/* SPDX-License-Identifier: ISC */
/*
 * compress: FILE.log into FILE.log.zst, so that nothing is lost whenever it is interrupted.
 *
 * Each block of the index becomes a zstd frame of its own, with a checksum; behind them stands the seek table of zstd's
 * seekable format, which tells where each frame begins.  `zstdcat FILE` knows how to read it.  Two steps: pack writes
 * FILE.log.zst whole beside FILE.log, settle compares the two and then removes FILE.log.  Between them readers take
 * FILE.log; whoever listed the directory before the first step has had time to open it when the second comes.
 *
 * Files may be large: each step takes a stop flag, may be NULL, and gives up with BX_ELIMIT when it becomes true.
 */
#ifndef BLUEOX_CORE_COMPRESS_H
#define BLUEOX_CORE_COMPRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/err.h"

enum {
	COMPRESS_LEVEL = 3,
	COMPRESS_WAIT_S = 5, /* between the steps: longer than anybody takes to list a directory */
};

#define COMPRESS_SUFFIX ".zst"
#define COMPRESS_FRESH  ".zst.new" /* while it is written; found at a start it is thrown away */

/*
 * Writes dir_fd/NAME.zst, durable when it returns BX_OK, with NAME's mode and times.  BX_EIO with errno (EEXIST: it is
 * there already; ENOSPC also when the disk could not take it without running low); then nothing is left behind.
 */
enum bx_err compress_pack(int dir_fd, const char *name, const _Atomic bool *stop, uint64_t *packed);

/*
 * Removes dir_fd/NAME when NAME.zst holds the very same bytes.  BX_EBAD: it does not, and both stay.
 */
enum bx_err compress_settle(int dir_fd, const char *name, const _Atomic bool *stop);

/* How many frames the seek table says that the n bytes at p end in; 0 when they do not end in one. */
uint32_t compress_read_table(const void *p, size_t n);

#endif
