/* SPDX-License-Identifier: ISC */
/*
 * segment: one file of the journal.
 *
 * Fallocated whole before anything is written, so running out of space comes when a segment is made and never inside a
 * record.  Named by the number of its first record.  A passed segment may be used again in place, under a new seed.
 *
 *    0  char[8] magic "BLUEOXJ" and NUL   8  u32 version, 1        12  u32 bytes of this header, 64
 *   16  u64 number of the first record   24  u64 seed, random      32  u64 bytes of the whole file
 *   40  i64 made, ns since the epoch     48  u64 replaces up to    56  u64 XXH3-64 of bytes 0 .. 56
 *   64  records, see record.h
 *
 * "replaces up to" is 0, or, in a segment that was written because another could not be synced, the last number that it
 * took over: later segments whose first number is not above it are stale.
 */
#ifndef BLUEOX_OXD_SEGMENT_H
#define BLUEOX_OXD_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/err.h"

enum { SEGMENT_HEADER = 64, SEGMENT_NAME = 32 };

#define SEGMENT_SPARE "spare"

/* Fields change only under the journal's lock. */
struct segment {
	uint64_t first;
	uint64_t seed;
	uint64_t bytes;
	uint64_t replaces_upto;
	uint64_t end; /* where the next record goes, in the last segment */
	int fd;
	int refs; /* the journal's list is one, each reader is one */
	bool dirty;
	char name[SEGMENT_NAME];
	struct segment *next;
};

/* Makes a file of these bytes, all fallocated, under the name SEGMENT_SPARE.  BX_EIO with errno. */
enum bx_err segment_make_spare(int dir_fd, uint64_t bytes);

/*
 * Makes a segment, from the spare where one of that size is there.  Nothing of it is synced yet.  With `hidden` it keeps
 * a name that recovery does not see until segment_show().  BX_EIO with errno.
 */
enum bx_err segment_create(
    int dir_fd, uint64_t first, uint64_t bytes, uint64_t replaces_upto, bool hidden, struct segment **out);
enum bx_err segment_show(int dir_fd, struct segment *s);

/* Gives up one that is hidden: closed, and its space is free again. */
void segment_discard(int dir_fd, struct segment **s);

/* BX_EBAD: no segment of that name.  BX_EVERSION: a newer oxd's.  BX_EIO with errno. */
enum bx_err segment_open(int dir_fd, const char *name, struct segment **out);

/* True for names that segments have. */
bool segment_is_name(const char *name, uint64_t *first);

void segment_unref(struct segment **s); /* closes and frees with the last one */

/* Makes everything from `end` on read as zeroes. */
enum bx_err segment_zero_from(struct segment *s, uint64_t end);

/* Takes the file of a passed segment away, keeping it as the spare when asked and when nothing else names it. */
void segment_remove(int dir_fd, struct segment *s, bool as_spare);

#endif
