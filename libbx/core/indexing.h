/* SPDX-License-Identifier: ISC */
/*
 * indexing: FILE.idx out of what FILE holds.
 *
 * An index is only ever appended to, or begun anew in place; so it can be interrupted anywhere, and what a kill or a full
 * disk leaves half written is written over.  Blocks take file reads of 256 KiB or so; nobody waits for anything else.
 */
#ifndef BLUEOX_CORE_INDEXING_H
#define BLUEOX_CORE_INDEXING_H

#include <stdatomic.h>

#include "libbx/core/index.h"

/* Where an index ends, and what to go on with.  All zeroes: not looked at yet. */
struct index_end {
	struct index_header header;
	uint64_t at;      /* bytes of FILE.idx that hold; 0: none */
	uint64_t covered; /* bytes of FILE that they are about */
	uint32_t entries;
};

/*
 * Reads dir_fd/NAME.idx to the first entry that does not hold, reaches beyond `upto`, or is not of dir_fd/NAME.  The log
 * may be packed by now.  No index, or one that does not hold at all, is an end of zeroes and BX_OK.
 */
enum bx_err indexing_look(int dir_fd, const char *name, uint64_t upto, struct index_end *end);

/*
 * Indexes dir_fd/NAME from `end` on, and looks for the end first when it is zeroes.  Up to `upto` bytes of the log, in
 * whole blocks; with `seal` the rest too.  Events that cannot be read end it: end->covered tells how far it came.
 * BX_EIO with errno.  Stops early, with BX_OK, when *stop becomes true; stop may be NULL.
 */
enum bx_err indexing_extend(
    int dir_fd, const char *name, uint64_t upto, bool seal, const _Atomic bool *stop, struct index_end *end);

/*
 * Appends entries of blocks that follow each other from end->covered on, made by whoever wrote them; numbers are given
 * here.  The end was looked for (indexing_look()) and the log holds them all.  BX_EIO with errno: it ends where it did.
 */
enum bx_err indexing_append(
    int dir_fd, const char *name, const struct index_entry *const *blocks, size_t count, struct index_end *end);

/* Makes the index empty, so that it is begun anew. */
enum bx_err indexing_forget(int dir_fd, const char *log_name);

/* True when this file is an index by its content: a regular file with a header that holds, or an empty one. */
bool indexing_is_index(int dir_fd, const char *file);

/* One entry after the other out of an index file.  next is false behind the last that holds. */
struct index_walk {
	int fd; /* owned */
	struct buf window;
	size_t at;
	struct index_header header;
	uint64_t read_at, covered;
	uint32_t number;
};

/* BX_ESHORT: there is no index, or no whole header in it yet. */
enum bx_err index_walk_open(struct index_walk *w, int dir_fd, const char *log_name);
bool index_walk_next(struct index_walk *w, struct index_entry *e); /* the filter lives until the next call */
void index_walk_close(struct index_walk *w);

#endif
