/* SPDX-License-Identifier: ISC */
/* lane: files read one after the other as if they were one, each open only while it is read. */
#ifndef BLUEOX_OXVIEW_LANE_H
#define BLUEOX_OXVIEW_LANE_H

#include "oxview/feed.h"
#include "oxview/source.h"

struct lane {
	char **paths; /* owned, and each of them */
	size_t count, next;
	size_t window;
	const struct source_env *env;
	struct feed feed;
	bool open;
};

/* An empty lane; window as in feed_open. */
void lane_init(struct lane *l, size_t window, const struct source_env *env);
void lane_fini(struct lane *l);

bool lane_add(struct lane *l, const char *path); /* copies; false: out of memory */

/* As feed_next.  Files that cannot be opened are told and passed over. */
bool lane_next(struct lane *l, struct event *ev);

/* The file, or what the daemon has packed it into since its name was listed.  -1 with errno. */
int lane_open(const char *path);

#endif
