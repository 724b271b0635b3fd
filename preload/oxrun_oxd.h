/* SPDX-License-Identifier: ISC */
/*
 * oxrun_oxd: an oxd for one command, where none runs.
 *
 * It lives as long as oxrun does, in directories of its own, is reached by nobody else, and takes no setting from the
 * environment or a file that is meant for another oxd.  Of what it wrote the log files stay; the rest goes with it, also
 * when oxrun is killed: a process of its own keeps watch over both.
 */
#ifndef BLUEOX_PRELOAD_OXRUN_OXD_H
#define BLUEOX_PRELOAD_OXRUN_OXD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct private_oxd {
	pid_t pid;           /* of its keeper; 0: none runs */
	char base[PATH_MAX]; /* made by us; "" when there is none */
	char run[PATH_MAX];
	char log[PATH_MAX];
	bool log_is_ours; /* lies in base: removed when there is nothing in it */
};

/* An oxd runs on the run directory that programs of this environment use.  `run` is filled in any case, "" for none. */
bool oxd_runs(char *run, size_t cap);

/*
 * Starts one that writes its log files to `log_path`, or to a new directory where that is NULL, and waits until it takes
 * events.  False with one line in err; nothing is left then.
 */
bool private_oxd_start(struct private_oxd *o, const char *log_path, char *err, size_t err_cap);

/* Has it write all it has and leave.  False with one line in err when it had failed; its messages then stay in `base`. */
bool private_oxd_stop(struct private_oxd *o, char *err, size_t err_cap);

/* Removes what was made for it; the log files only when `log_too` says so, and never those of a log_path that was given. */
void private_oxd_clear(struct private_oxd *o, bool log_too);

#endif
