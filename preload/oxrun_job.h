/* SPDX-License-Identifier: ISC */
/* oxrun_job: runs the command as a child, hands it the signals meant for it, and writes the job's event when it ends. */
#ifndef BLUEOX_PRELOAD_OXRUN_JOB_H
#define BLUEOX_PRELOAD_OXRUN_JOB_H

/* Exit statuses for a command that could not be started, as shells have them. */
enum { CANNOT_RUN = 126, NO_SUCH_COMMAND = 127 };

/* Becomes the command; if that fails, says so on stderr and returns the status to exit with. */
int command_exec(char *const command[]);

/*
 * Runs it under an event of this type.  `id` is set for the children already.  Returns the status to exit with.
 * Signals are handled for the whole process.
 */
int job_run(const char *type, char *const command[]);

#endif
