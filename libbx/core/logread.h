/* SPDX-License-Identifier: ISC */
/*
 * logread: the bytes of a log file, whatever it is packed with.
 *
 * Plain files, zstd, gzip and bzip2 are told apart by their first bytes, which no MessagePack map begins with; so the name
 * does not matter, and standard input works as well.  Several packed streams in a row are read as one.
 *
 * One thread.  Blocks in read(2) and nowhere else.
 */
#ifndef BLUEOX_CORE_LOGREAD_H
#define BLUEOX_CORE_LOGREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/err.h"

enum logread_pack { LOGREAD_UNKNOWN, LOGREAD_PLAIN, LOGREAD_ZSTD, LOGREAD_GZIP, LOGREAD_BZIP2 };

struct logread {
	int fd; /* owned; -1: closed */
	enum logread_pack pack;
	bool (*read_on)(struct logread *r, uint8_t *to, size_t cap, size_t *got);
	void *unpacker; /* owned, of this pack */
	bool inside;    /* a packed stream has begun and not ended */

	/* input: 0 .. at taken | at .. end not yet */
	uint8_t *input; /* owned; NULL while a plain file is read straight through */
	size_t at, end;
	bool eof;
	const char *problem; /* what was wrong with the packed bytes, after BX_EBAD */
};

/* Takes over fd.  Nothing is read yet: what is wrong with the content comes from reading. */
void logread_open(struct logread *r, int fd);
void logread_close(struct logread *r);

/*
 * Up to cap bytes into `to`; *got is 0 at the end only.  BX_EIO with errno.  BX_EBAD: the packed bytes are damaged or end
 * too early, `problem` says how; what was read before still counts.
 */
enum bx_err logread_read(struct logread *r, void *to, size_t cap, size_t *got);

/* Reads until n bytes or the end. */
enum bx_err logread_full(struct logread *r, void *to, size_t n, size_t *got);

/* Passes over n bytes.  BX_ESHORT when there are fewer. */
enum bx_err logread_skip(struct logread *r, uint64_t n);

/* Goes on at this byte of the packed file, where a frame of zstd begins.  BX_EBAD for any other pack. */
enum bx_err logread_jump(struct logread *r, uint64_t packed_offset);

/* What the first bytes of a file say; four of them, or all there are. */
enum logread_pack logread_pack_of(const void *p, size_t n);

/* "plain", "zstd", … */
const char *logread_pack_text(enum logread_pack pack);

#endif
