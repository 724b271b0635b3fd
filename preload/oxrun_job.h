/* SPDX-License-Identifier: ISC */
/* oxrun_job: runs the command as a child, hands it the signals meant for it, and writes the job's event when it ends. */
#ifndef BLUEOX_PRELOAD_OXRUN_JOB_H
#define BLUEOX_PRELOAD_OXRUN_JOB_H

#include <stdbool.h>
#include <stdint.h>

/* Exit statuses for a command that could not be started, as shells have them. */
enum { CANNOT_RUN = 126, NO_SUCH_COMMAND = 127 };

struct job_end {
	int status; /* as waitpid() gives it; an exit status of its own when the command could not be run */
	int64_t duration_ns;
};

/* Becomes the command; if that fails, says so on stderr and returns the status to exit with. */
int command_exec(char *const command[]);

/*
 * Runs it, under an event of this type when there is one; `id` is set for the children already.  Signals are handled for
 * the whole process, and are left ignored at the end: what is done for the command's sake afterwards is not cut off.
 */
struct job_end job_run(const char *type, char *const command[]);

/* Leaves as the command left, by the same signal if one killed it (without a core dump: that is the command's). */
_Noreturn void job_leave(const struct job_end *end);

#endif
