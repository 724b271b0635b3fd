/* SPDX-License-Identifier: ISC */
/*
 * oxrun_summary: what came of a run, for a person or for a program.
 *
 * The numbers are those of the events themselves, read back from the log: what is not in there is not in here.
 */
#ifndef BLUEOX_PRELOAD_OXRUN_SUMMARY_H
#define BLUEOX_PRELOAD_OXRUN_SUMMARY_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "preload/oxrun_job.h"
#include "preload/oxrun_tally.h"

struct summary {
	const char *command; /* its first word */
	const char *name;    /* NULL: none */
	const char *id;      /* that of the whole run */
	const char *log_path;
	bool only_id; /* the log has other events too */
	struct job_end end;
	struct tally tally;
};

void summary_text(const struct summary *s, struct buf *out);
void summary_json(const struct summary *s, struct buf *out); /* one line */

/* All programs as one. */
struct tally_program summary_all(const struct tally *t);

/* Events that are missing, as far as anybody knows of them. */
uint64_t summary_dropped(const struct tally *t);

/* How to see the events. */
void summary_command(const struct summary *s, struct buf *out);

#endif
