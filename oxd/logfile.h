/* SPDX-License-Identifier: ISC */
/*
 * logfile: one file of the log, and the position that the journal's events have reached in it.
 *
 * Behind the position the file may already hold bytes from before a restart.  Those are compared, not overwritten: the
 * same bytes move the position on; at the first difference the file is cut at the position and written from there (L4).
 * So a reader that follows the file never sees anything change but a torn last event.  Log writer's thread only.
 */
#ifndef BLUEOX_OXD_LOGFILE_H
#define BLUEOX_OXD_LOGFILE_H

#include <uthash.h>

#include "libbx/core/buf.h"
#include "oxd/blocks.h"
#include "oxd/checkpoint.h"
#include "oxd/stats.h"

struct logfile {
	char base[LOGNAME_MAX]; /* name of the day's first file: what events are routed by */
	char name[LOGNAME_MAX]; /* of the part that is written now */
	unsigned part;
	int fd;    /* -1: closed, or no file made yet */
	bool made; /* dev and ino are those of a file of ours */
	uint64_t dev, ino;
	uint64_t at;   /* where `pending` goes; equal bytes before it are in the file */
	uint64_t size; /* bytes that the file has; above `at` while replaying */
	struct buf pending;
	struct blocks blocks; /* of what was written through this descriptor, for the index */
	uint64_t tail_sum;    /* of what the newest checkpoint lists */
	bool listed;          /* in the durable checkpoint, with: */
	uint64_t listed_at;
	bool dirty;        /* written to since its last sync */
	int64_t period;    /* day or hour, counted since the epoch */
	uint64_t used;     /* ticks of the log writer, for closing the one unused longest */
	UT_hash_handle hh; /* by base */
};

/*
 * Makes the file of the lowest part from f->part on that does not exist, packed neither, or is empty.  BX_EIO with errno.
 */
enum bx_err logfile_make(struct logfile *f, int log_fd);

/* Opens the file that was made before.  BX_EBAD: it is not there or another one by now.  BX_EIO with errno. */
enum bx_err logfile_reopen(struct logfile *f, int log_fd);
void logfile_shut(struct logfile *f); /* closes the descriptor; nothing is pending */

/* True while the name still means this very file. */
bool logfile_is_there(const struct logfile *f, int log_fd);

/*
 * Adds a whole event, of which `slack` bytes and more may be read.  Only memory, unless bytes of before a restart are being
 * compared.  BX_EIO with errno.  BX_EBAD: another event stands there, whole: the file is ahead of this journal, and not to
 * be touched.
 */
enum bx_err logfile_add(struct logfile *f, struct bytes event, size_t slack, struct stats *stats);

/* Writes what is pending.  On failure the file is cut back to the position and all stays pending; BX_EIO with errno. */
enum bx_err logfile_flush(struct logfile *f);

/* Cuts the file, durably where that is possible. */
void logfile_cut(struct logfile *f, uint64_t len);

/* XXH3-64 of the last 4 KiB before len. */
enum bx_err logfile_tail_sum(const struct logfile *f, uint64_t len, uint64_t *sum);

void logfile_free(struct logfile **f);

#endif
