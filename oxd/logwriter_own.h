/* SPDX-License-Identifier: ISC */
/*
 * logwriter_own: what the files of the log writer share with each other and with nobody else.
 *
 * logwriter.c is the thread: it takes records and writes their events.  logwriter_files.c has the files open and listed
 * that they go to.  logwriter_checkpoint.c makes durable what was written, and knows the way back.  All of it runs in the
 * log writer's thread, or before that has started.
 */
#ifndef BLUEOX_OXD_LOGWRITER_OWN_H
#define BLUEOX_OXD_LOGWRITER_OWN_H

#include <pthread.h>

#include "oxd/logfile.h"
#include "oxd/logwriter.h"

struct route;

struct logwriter {
	struct logwriter_config cfg;
	struct journal *journal; /* borrowed */
	struct seen *seen;       /* borrowed */
	struct stats *stats;     /* borrowed */
	int log_fd, state_fd;
	pthread_t thread;

	/* the thread's own */
	struct reader reader;
	unsigned cursor;                  /* of the journal */
	uint64_t told_damaged, told_gone; /* of the reader's */
	struct logfile *files;
	struct route *routes;
	unsigned open_files;
	uint64_t ticks;
	uint64_t frame_tick; /* files used later than this are of the frame at hand */
	int64_t period;
	bool hourly;
	uint64_t switch_at;   /* names change to cfg.hourly behind this number */
	uint64_t number;      /* everything up to here has been given to the files */
	uint64_t prev_number; /* of the checkpoint before the newest */
	uint64_t bytes_since;
	size_t pending;
	bool stuck;               /* the next record cannot be read now */
	int64_t unsaved_since_ns; /* since when number is ahead of the checkpoint */
	int64_t saved_ns;
	int64_t arrival_ns; /* of the newest record written */
	int64_t swept_ns;   /* when idle files were looked for, and at which tick */
	uint64_t swept_tick;
	bool dir_dirty;
	bool sync_fails;              /* the last look at it: what can be written only is no end of the trouble */
	struct logfile **frame_files; /* one an event of the frame at hand */
	size_t frame_files_cap;

	pthread_mutex_t lock;
	char trouble[256]; /* under lock: what it waits for, or empty */

	_Atomic uint64_t saved; /* number of the durable checkpoint */
	_Atomic uint64_t written;
	_Atomic uint64_t hurry_upto;
	_Atomic unsigned rotate_wanted, rotate_done;
	_Atomic int64_t close_idle_ns;
	_Atomic uint64_t rounds;
	_Atomic bool stop;
};

enum outcome {
	DONE,
	AGAIN, /* the record at hand has not been taken; perhaps gone back to the checkpoint */
	LEAVE, /* oxd stops while the disk says no */
};

/* ---- logwriter.c ------------------------------------------------------------------------------------------------- */

/* What the log writer waits for; said once.  It is over when everything could be written. */
void logwriter_set_trouble(struct logwriter *lw, const char *what, const char *name, int why);
void logwriter_clear_trouble(struct logwriter *lw);

/* Waits a second.  False when oxd stops. */
bool logwriter_wait_a_while(struct logwriter *lw);

/* ---- logwriter_files.c ------------------------------------------------------------------------------------------- */

/* The day or hour of an arrival, counted since the epoch.  Files are made for the one turned to last. */
int64_t logwriter_period(bool hourly, int64_t arrival_ns);
void logwriter_turn_period(struct logwriter *lw, int64_t arrival_ns);

/*
 * Every file that the frame needs is open, and listed in the durable checkpoint: lw->frame_files has one for each event.
 */
enum outcome logwriter_ready_files(struct logwriter *lw, struct frame frame, int64_t arrival_ns);

/* Whatever the file's name now means, it is not ours: events go on in a new part. */
void logwriter_replace_file(struct logwriter *lw, struct logfile *f, const char *why);

/*
 * What it has beyond the checkpoint is not durable and never will be: it is cut off, and events go on in a new part.  One
 * that has nothing else is removed and made again, or a disk that fails for an hour would leave thousands of empty parts.
 */
void logwriter_leave_unsynced(struct logwriter *lw, struct logfile *f);

/*
 * Replaces files that are not what they were; true when there was one.  With `rotating` that was meant, and everything in
 * them is durable already: they are let go of, and made anew.
 */
bool logwriter_look_after_files(struct logwriter *lw, bool rotating);

/* Files of earlier periods leave the table, once everything in them is durable. */
void logwriter_drop_earlier(struct logwriter *lw);

/* A file that nothing came for between two looks is closed; it stays listed, its next event opens it.  Between frames. */
void logwriter_shut_idle(struct logwriter *lw, int64_t now_ns);

/*
 * At a start: goes on with the files of a checkpoint.  False when one is not what it says; that is then `replaced`.  What
 * the checkpoint `before` has told of is not told again.
 */
bool logwriter_adopt_files(struct logwriter *lw, struct checkpoint *c, const struct checkpoint *before);
void logwriter_forget_files(struct logwriter *lw);

/* ---- logwriter_checkpoint.c -------------------------------------------------------------------------------------- */

/* Gives the kernel what is pending, of one file or of all.  DONE, or LEAVE. */
enum outcome logwriter_flush_file(struct logwriter *lw, struct logfile *f);
enum outcome logwriter_flush(struct logwriter *lw);

/* Everything behind the durable checkpoint is read again, and compared with what the files have by now. */
void logwriter_go_back(struct logwriter *lw);

/* L3, between frames.  AGAIN: a file did not hold, and it went back. */
enum outcome logwriter_checkpoint(struct logwriter *lw, bool rotating);

/* The last step of it: writes the checkpoint of files that are durable as they are. */
enum outcome logwriter_save(struct logwriter *lw);

/*
 * At a start.  The checkpoint before is taken when the newest does not hold, or when one of its files does not (L4).
 * BX_EVERSION: the newest is a newer oxd's, and without it nobody knows what is in the log.
 */
enum bx_err logwriter_load(struct logwriter *lw);

#endif
