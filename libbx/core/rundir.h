/* SPDX-License-Identifier: ISC */
/*
 * rundir: where on this host programs and oxd meet.
 *
 * `$RUN/rings` holds the ring files, `$RUN/doorbell` the word that tells whether oxd sleeps.  $RUN is what the caller
 * was told (BLUEOX_RUN_DIR, oxd --run-dir), else /run/blueox where it exists, else /dev/shm/blueox-<uid>, which is
 * used only when it is a directory, ours, and no link.  Only oxd makes directories; programs find them or do without.
 */
#ifndef BLUEOX_CORE_RUNDIR_H
#define BLUEOX_CORE_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>

enum { RUNDIR_MAX = 3900 }; /* leaves room for file names within PATH_MAX */

#define RUNDIR_SYSTEM "/run/blueox"

/*
 * Writes the run directory's path into out.  `given` may be NULL.  False when the name is too long, or when the
 * directory in /dev/shm is somebody else's or a link.  It need not exist.  Async-signal-safe; errno is kept.
 */
bool rundir_path(const char *given, char *out, size_t cap);

#endif
