/* SPDX-License-Identifier: ISC */
/*
 * checkpoint: up to which journal number the log files are written and durable, and what they were then.
 *
 * One small file says both, so that the number and the lengths can never disagree (L3).  Content, MessagePack:
 * {number, hourly, files: [[name, dev, ino, len, XXH3-64 of the last 4 KiB before len]…], account: as audit_state.c has it}.
 */
#ifndef BLUEOX_OXD_CHECKPOINT_H
#define BLUEOX_OXD_CHECKPOINT_H

#include "libbx/core/buf.h"
#include "libbx/core/logname.h"

struct checkpoint_file {
	char name[LOGNAME_MAX];
	uint64_t dev, ino;
	uint64_t len;
	uint64_t tail_sum;
	bool replaced; /* in memory only: found not to hold */
};

struct checkpoint {
	uint64_t number;
	bool hourly;                   /* the settings by which names were made */
	struct checkpoint_file *files; /* owned */
	size_t count;
	struct buf account; /* owned; the pair of it, to be written; nothing that is read is found here */
};

void checkpoint_fini(struct checkpoint *c);

/* Adds room for one file and returns it; NULL without memory. */
struct checkpoint_file *checkpoint_add(struct checkpoint *c);

/* Durable when it returns BX_OK; BX_EIO with errno. */
enum bx_err checkpoint_write(int state_fd, const struct checkpoint *c);

/* BX_ESHORT: there is none.  Anything else but BX_OK: it does not hold. */
enum bx_err checkpoint_read(int state_fd, bool prev, struct checkpoint *c);

#endif
