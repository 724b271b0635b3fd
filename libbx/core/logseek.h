/* SPDX-License-Identifier: ISC */
/*
 * logseek: going to a place in a log file without reading what lies before it.
 *
 * A plain file is sought in.  A zstd file with a seek table at its end (as compress.h writes them) is read from the frame
 * on in which the place lies.  Everything else is unpacked from where the reader stands.  The table is a hint: when it is
 * not one, or says too much, the file is read as if it had none.
 */
#ifndef BLUEOX_CORE_LOGSEEK_H
#define BLUEOX_CORE_LOGSEEK_H

#include "libbx/core/logread.h"

struct logseek {
	uint64_t *starts; /* owned; two a frame, and two behind the last: where it begins packed, and unpacked */
	uint32_t frames;  /* 0: there is no table */
};

/* Reads the table of an open file, whose place does not move. */
void logseek_open(struct logseek *s, int fd);
void logseek_close(struct logseek *s);

/* Unpacked size of the file, where that is known without reading it. */
bool logseek_size(const struct logseek *s, int fd, uint64_t *size);

/*
 * Moves a reader that stands at offset `at` of the unpacked bytes to `to`, which is not before it.  BX_ESHORT: the file
 * ends before that.  Else as logread_read.
 */
enum bx_err logseek_go(const struct logseek *s, struct logread *r, uint64_t at, uint64_t to);

#endif
