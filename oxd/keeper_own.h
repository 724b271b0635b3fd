/* SPDX-License-Identifier: ISC */
/*
 * keeper_own: what the files of the keeper share with each other and with nobody else.
 *
 * keeper.c is the thread, its rounds, and the job at hand.  keeper_files.c indexes and packs; keeper_prune.c removes.
 * All of it runs in the keeper's thread.  Nothing is remembered that could not be seen again, but for the brake.
 */
#ifndef BLUEOX_OXD_KEEPER_OWN_H
#define BLUEOX_OXD_KEEPER_OWN_H

#include <pthread.h>
#include <uthash.h>

#include "libbx/core/indexing.h"
#include "libbx/core/logdir.h"
#include "oxd/brake.h"
#include "oxd/keeper.h"
#include "oxd/kept.h"

static const int64_t second_ns = 1000000000, day_ns = 86400 * 1000000000LL;

enum { LONGEST_WAIT_S = 600 };

/* What is known of a file by its name, between two looks at the directory. */
struct tended {
	struct index_end end;
	uint64_t ino, sealed_size; /* of the log when it was last indexed to its end */
	int64_t twin_since_ns;     /* 0: it has no packed twin */
	int64_t not_before_ns;     /* after a failure */
	int64_t wait_ns;
	unsigned failed_job; /* counted as a failure of that one */
	bool seen;
	UT_hash_handle hh;
	char name[LOGNAME_MAX];
};

/* Blocks that the log writer has seen go by, since some checkpoint. */
struct seen_blocks {
	char name[LOGNAME_MAX];
	uint64_t ino;
	struct block *list; /* owned */
	size_t bytes;
	struct seen_blocks *next;
};

struct keeper {
	struct keeper_config cfg;
	struct stats *stats; /* borrowed */
	pthread_t thread;
	struct kept kept;

	/* the thread's own */
	struct keeper_limits limits; /* as they were when the round began */
	struct brake brake;
	struct tended *files;
	int64_t next_round_ns;
	int dir_fd; /* during a round, or while indexing */

	pthread_mutex_t lock;
	pthread_cond_t wake; /* on the monotonic clock */
	bool listed;         /* under lock: there are new lists */
	bool limited;        /* under lock: there are new limits, in cfg */
	struct keeper_report report;
	struct seen_blocks *seen; /* under lock, with: */
	size_t seen_bytes;

	_Atomic int64_t newest_arrival_ns;
	_Atomic bool stop;
};

/* What one round goes by. */
struct keeper_round {
	struct logdir_list files;
	struct kept_look kept;
	struct keeper_report job;
	int64_t now_ns, wall_ns;
	bool unfinished; /* something is left that a job waits for */
	bool again;      /* look again at once */
	bool *gone;      /* of each file: removed in this round */
};

/* ---- keeper.c ---------------------------------------------------------------------------------------------------- */

struct keeper_report keeper_job_at_hand(struct keeper *k);
bool keeper_wants(const struct keeper_report *r, enum keeper_task task, const struct logdir_file *f);
void keeper_count_done(struct keeper *k, uint64_t bytes);

/* A failure is told, and the file left alone for a while: longer each time. */
void keeper_tell_failure(struct keeper *k, const char *what, struct tended *t, enum bx_err err);

void keeper_free_seen(struct seen_blocks **list);

bool keeper_open_dir(struct keeper *k);
void keeper_close_dir(struct keeper *k);

/* It is in one of the newest two checkpoints. */
bool keeper_is_live(const struct keeper_round *r, const struct logdir_file *f);

/* ---- keeper_files.c ---------------------------------------------------------------------------------------------- */

/* What is known of a file; from now on, where it was not. */
struct tended *keeper_tend(struct keeper *k, const char *name);
void keeper_forget(struct keeper *k, struct tended *t);

/* Indexes what the checkpoints cover. */
void keeper_index_written(struct keeper *k);

/* Files at rest: seals their indexes, finishes what was packed, packs one. */
void keeper_tend_files(struct keeper *k, struct keeper_round *r);
void keeper_reindex(struct keeper *k, struct keeper_round *r);

/* ---- keeper_prune.c ---------------------------------------------------------------------------------------------- */

void keeper_prune(struct keeper *k, const struct keeper_round *r);

/* What somebody asked for: no brake, and no clock but the date that was given. */
void keeper_prune_as_told(struct keeper *k, const struct keeper_round *r);

#endif
