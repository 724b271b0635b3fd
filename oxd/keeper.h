/* SPDX-License-Identifier: ISC */
/*
 * keeper: the thread that looks after log files at rest.
 *
 * It indexes what the log writer has made durable, packs files that nobody writes any more, and removes days that are
 * over what is kept.  It never touches a file of the newest two checkpoints but to read it, nor one that it does not
 * know.  Every step can be cut short by a kill: what was begun is begun anew, and at no moment is an event neither in
 * FILE.log nor in FILE.log.zst.  The thread runs at the lowest priority; nobody waits for it.
 */
#ifndef BLUEOX_OXD_KEEPER_H
#define BLUEOX_OXD_KEEPER_H

#include "oxd/blocks.h"
#include "oxd/checkpoint.h"
#include "oxd/stats.h"

/* What may change while it runs. */
struct keeper_limits {
	int64_t compress_after_ns; /* since the end of the day or hour in the name; below 0: never */
	uint64_t retain_days;      /* 0: for ever */
	uint64_t retain_bytes;     /* 0: any size */
	int64_t prune_pause_ns;
};

struct keeper_config {
	const char *log_path, *state_path; /* borrowed */
	struct keeper_limits limits;       /* to begin with */
};

/* What oxctl may ask for on top of that. */
enum keeper_task { KEEPER_NONE, KEEPER_COMPRESS, KEEPER_PRUNE, KEEPER_REINDEX };

struct keeper_job {
	enum keeper_task task;
	char type[256];    /* glob; empty: all */
	int64_t before_ns; /* prune: days that are over by then; INT64_MIN: none */
	uint64_t bytes;    /* prune: down to this size; 0: any */
};

struct keeper_report {
	unsigned number; /* of the job, from 1; 0: there was none */
	struct keeper_job job;
	bool running;
	uint64_t files, bytes, failed; /* done so far; bytes that it freed, or indexed */
	char problem[256];             /* the first one, or empty */
};

struct keeper;

/* One line in err on failure.  The directories exist. */
enum bx_err keeper_open(
    struct keeper **out, const struct keeper_config *config, struct stats *stats, char *err, size_t err_cap);
bool keeper_start(struct keeper *k);
void keeper_stop(struct keeper *k); /* a step under way is given up */
void keeper_close(struct keeper **k);

/* ---- any thread; none of these blocks ---------------------------------------------------------------------------- */

/*
 * Log writer's thread: this checkpoint is durable, and the newest record that was written arrived then (0: not known).
 * Its files are taken over from *c, which is left empty.
 */
void keeper_listed(struct keeper *k, struct checkpoint *c, int64_t newest_arrival_ns);

/*
 * Log writer's thread, before keeper_listed(): of this file it has seen these blocks go by, and a durable checkpoint covers
 * them.  Takes the list over.  What there is no room for is read again.
 */
void keeper_seen(struct keeper *k, const char *name, uint64_t ino, struct block **list);

/* From the next round on, which begins at once; a file being packed is finished. */
void keeper_limit(struct keeper *k, const struct keeper_limits *limits);

/* Begins a job; false when one is under way. */
bool keeper_ask(struct keeper *k, const struct keeper_job *job);
void keeper_tell(struct keeper *k, struct keeper_report *out);

#endif
