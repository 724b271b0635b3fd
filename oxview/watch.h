/* SPDX-License-Identifier: ISC */
/* watch: --exec: a command for events that --watch holds for, and for errors that --new-errors does not know. */
#ifndef BLUEOX_OXVIEW_WATCH_H
#define BLUEOX_OXVIEW_WATCH_H

#include "oxview/conf.h"
#include "oxview/trouble.h"

/* Returns when the source has ended, or SIGTERM or SIGINT came, and the command has run for what was left. */
void watch(const struct conf *c, struct trouble *trouble);

#endif
