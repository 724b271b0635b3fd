/* SPDX-License-Identifier: ISC */
/* oxrun_events: the events of a run, read back from where an oxd wrote them. */
#ifndef BLUEOX_PRELOAD_OXRUN_EVENTS_H
#define BLUEOX_PRELOAD_OXRUN_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/oxrun_tally.h"

/* Adds the events of a log directory, those of one id when `id` is not NULL.  False with one line in err. */
bool events_tally(struct tally *t, const char *log_path, const char *id, char *err, size_t err_cap);

/* The log directory of the oxd of this host, once all that it has taken in is written there.  False with one line in err. */
bool events_find_log(char *out, size_t cap, char *err, size_t err_cap);

#endif
