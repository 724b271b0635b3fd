/* SPDX-License-Identifier: ISC */
/*
 * serve_recent: what a running oxd has taken in lately, from its stream, by a thread of its own.
 *
 * Log files are some seconds behind what happens.  The last RECENT_BYTES of events are held.  Most of them are in the log
 * files by the time somebody asks, byte for byte: who reads those strikes them off, and then takes what is left.
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

/* What is held at one moment.  All zeroes is empty. */
struct recent {
	struct buf events, slots;
	size_t mask;       /* of the slots */
	double oldest_end; /* of its events */
	uint64_t struck;
};

/* Before the log is read: what comes later is in the next answer. */
bool serve_recent_take(struct serve_recent *r, struct recent *out); /* false: out of memory */
void recent_fini(struct recent *r);

/* An event that was found in the log. */
void recent_strike(struct recent *r, const struct event *ev);

/* Gives each event that was not struck off and is selected to `take`, until that is false. */
void recent_walk(
    struct recent *r, const struct select *select, bool (*take)(void *context, const struct event *ev), void *context);

/* A line when it is not listening now. */
void serve_recent_say(struct serve_recent *r, struct buf *out);

#endif
