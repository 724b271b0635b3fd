/* SPDX-License-Identifier: ISC */
/*
 * house: the directories of a running oxd, and the locks that keep a second one out of them.
 *
 * The run directory is where programs look for us, the state directory holds the journal, the log directory the log
 * files.  All three are locked while oxd runs; a lock goes with the process, however that ends.
 */
#ifndef BLUEOX_OXD_HOUSE_H
#define BLUEOX_OXD_HOUSE_H

#include <stdbool.h>
#include <stddef.h>

#include "libbx/core/rundir.h"

struct house {
	char run_path[RUNDIR_MAX + 1];
	int run_fd;
	int lock_fd, state_lock_fd, log_lock_fd;
};

/* Makes what is missing and takes the locks; without a log path no log directory is touched.  On failure one line in err that names the directory. */
bool house_open(
    struct house *h, const char *run_dir, const char *state_path, const char *log_path, char *err, size_t err_cap);

/* Writes RUN/oxd.json, at once and whole; takes it away again. */
bool house_tell(const struct house *h, const char *json);
void house_tell_no_more(const struct house *h);

void house_close(struct house *h);

#endif
