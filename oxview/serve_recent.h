/* SPDX-License-Identifier: ISC */
/*
 * serve_recent: what a running oxd has taken in lately, from its stream, by a thread of its own.
 *
 * Log files are some seconds behind what happens.  The last RECENT_BYTES of events are held; what is in the log files by
 * now is the same event twice, which readers know how to leave out (repeats).
 */
#ifndef BLUEOX_OXVIEW_SERVE_RECENT_H
#define BLUEOX_OXVIEW_SERVE_RECENT_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "oxview/conf.h"

enum { RECENT_BYTES = 8 * 1024 * 1024 };

struct serve_recent;

/* Starts to listen to the oxd that conf names, and goes on trying when it does not answer.  NULL: out of memory or threads. */
struct serve_recent *serve_recent_open(const struct conf *conf);
void serve_recent_close(struct serve_recent **r);

/* Gives each event that is selected to `take`, until that is false. */
void serve_recent_walk(struct serve_recent *r, const struct select *select,
    bool (*take)(void *context, const struct event *ev), void *context);

/* A line when it is not listening now. */
void serve_recent_say(struct serve_recent *r, struct buf *out);

#endif
