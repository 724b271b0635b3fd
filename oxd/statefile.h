/* SPDX-License-Identifier: ISC */
/*
 * statefile: a small file that is either wholly the new one or wholly the one before.
 *
 * Written beside, synced, renamed, directory synced; the one before stays as NAME.prev.  Each carries a length and a
 * checksum, so a reader knows a damaged one and takes the one before.  Snapshots and checkpoints are these.
 *
 *    0  char[8] magic "BLUEOXS" and NUL    8  u32 version, 1    12  u32 kind
 *   16  u64 length of what follows        24  u64 XXH3-64 of it, seeded with bytes 8 .. 16 read as u64
 *   32  content
 */
#ifndef BLUEOX_OXD_STATEFILE_H
#define BLUEOX_OXD_STATEFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/buf.h"
#include "libbx/core/mp.h"

enum statefile_kind {
	STATEFILE_SNAPSHOT = 1,
	STATEFILE_CHECKPOINT = 2,
	STATEFILE_FORWARD = 3,
	STATEFILE_UPSTREAMS = 4,
	STATEFILE_PRUNES = 8,
};

/* Durable when it returns BX_OK.  BX_EIO with errno otherwise; then the old ones are still there. */
enum bx_err statefile_write(int dir_fd, const char *name, enum statefile_kind kind, const struct buf *content);

/*
 * Reads NAME (or NAME.prev) into content.  BX_ESHORT: there is no such file.  BX_EBAD, BX_ESUM, BX_EVERSION: it does
 * not hold.
 */
enum bx_err statefile_read(int dir_fd, const char *name, bool prev, enum statefile_kind kind, struct buf *content);

/*
 * Content is MessagePack in which every item has its kind.  These take the next one; another kind, or a list of fewer
 * items, fails the cursor with BX_EBAD, and the value is 0.
 */
bool statefile_take(struct cursor *c, enum mp_kind kind, struct mp_token *t);
uint64_t statefile_uint(struct cursor *c);
uint32_t statefile_array(struct cursor *c, uint32_t least);

#endif
