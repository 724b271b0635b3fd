/* SPDX-License-Identifier: ISC */
/*
 * logwriter: the journal reader that makes the log files.
 *
 * A file is chosen by the event's type and the arrival stamp in its record, never by the clock, so that a replay writes
 * every event where it was written before.  Rules L1 to L5 of doc/PROMISE.md.  A thread of its own; when the disk says
 * no it waits and tries again, the journal fills, and nothing is lost.
 */
#ifndef BLUEOX_OXD_LOGWRITER_H
#define BLUEOX_OXD_LOGWRITER_H

#include "oxd/audit.h"
#include "oxd/reader.h"
#include "oxd/seen.h"

struct keeper;

struct logwriter_config {
	struct audit *audit; /* borrowed; NULL: nobody wants an account */
	const char *log_path;
	const char *state_path;
	bool hourly;           /* as the settings say now; taken on once everything older is written by the old names */
	int64_t close_idle_ns; /* to begin with; see logwriter_close_idle() */
	struct keeper *keeper; /* borrowed; told of each checkpoint; may be NULL */
};

struct logwriter;

/* The number that the newest checkpoint covers, 0 without one: what journal_open() wants as its floor. */
uint64_t logwriter_covered(const char *state_path);

/* Loads the checkpoint and looks at its files; one line in err on failure.  Both directories exist and are locked. */
enum bx_err logwriter_open(struct logwriter **out, const struct logwriter_config *config, struct journal *journal,
    struct seen *seen, struct stats *stats, char *err, size_t err_cap);
bool logwriter_start(struct logwriter *lw);

/* Writes what is synced, takes a checkpoint, ends the thread; gives up at once while the disk says no. */
void logwriter_stop(struct logwriter *lw);
void logwriter_close(struct logwriter **lw);

/* ---- any thread; none of these blocks ---------------------------------------------------------------------------- */

/* Asks for a checkpoint as soon as everything up to this number is written. */
void logwriter_hurry(struct logwriter *lw, uint64_t upto);
uint64_t logwriter_checkpointed(const struct logwriter *lw);
uint64_t logwriter_written(const struct logwriter *lw);

/* Files that somebody has moved away are let go of and made anew.  The ticket tells when that has happened. */
unsigned logwriter_rotate(struct logwriter *lw);
bool logwriter_rotated(const struct logwriter *lw, unsigned ticket);

/* Descriptors of files unused for so long are closed; 0: never. */
void logwriter_close_idle(struct logwriter *lw, int64_t ns);

/* For the watchdog: goes up at least each second while the thread is not hung. */
uint64_t logwriter_rounds(const struct logwriter *lw);

/* "ok", or what the log writer is waiting for. */
const char *logwriter_state_text(struct logwriter *lw, char *out, size_t cap);

#endif
