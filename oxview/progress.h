/* SPDX-License-Identifier: ISC */
/*
 * progress: how far a long scan has come, on a terminal's standard error, until there is something to show.
 *
 *     oxview: 3.1 GB read
 *
 * Readers count bytes, in any thread; a thread of its own looks now and then.
 */
#ifndef BLUEOX_OXVIEW_PROGRESS_H
#define BLUEOX_OXVIEW_PROGRESS_H

#include <stdint.h>

/* From now on, after a second, where standard error is a terminal. */
void progress_start(void);

/* Takes the line away and shows it no more; also before anything else is written to a terminal. */
void progress_end(void);

/* Takes the line away for something else that is written to standard error; it comes again. */
void progress_make_way(void);

/* So much more was read. */
void progress_count(uint64_t bytes);

#endif
