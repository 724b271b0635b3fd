/* SPDX-License-Identifier: ISC */
/*
 * report_groups: the slowest groups, whole, in bounded memory.
 *
 * A group is the events of one id; it is as slow as its longest event.  While events come their groups are held, and the
 * ones that nothing was added to for longest go when GROUPS_HELD bytes are full, but never those that are the slowest so
 * far.  Which are the slowest is therefore exact, and events may be missing only in a group that was let go once.  Where
 * events can be read a second time, groups_again() then completes them.
 *
 *    groups_add .. groups_add | groups_again_begin, groups_add .. groups_add | report_groups_write
 */
#ifndef BLUEOX_OXVIEW_REPORT_GROUPS_H
#define BLUEOX_OXVIEW_REPORT_GROUPS_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "libbx/core/event.h"
#include "oxview/out.h"

enum {
	GROUPS_SLOWEST = 20,
	GROUPS_HELD = 10 * 1024 * 1024,
	GROUP_EVENTS = 200, /* of one group, at most */
	GROUP_BYTES = 128 * 1024,
	GROUP_ID = 128, /* a longer id is no group's */
};

struct group;

struct report_groups {
	struct group **table; /* owned, by hash of the id, chained */
	struct group *newest, *oldest;
	struct group *slowest[GROUPS_SLOWEST]; /* in no order */
	size_t slowest_count, groups, bytes;
	uint64_t let_go; /* groups */
	bool again;      /* only the slowest are added to */
	bool full;       /* out of memory */
};

bool report_groups_init(struct report_groups *g);
void report_groups_fini(struct report_groups *g);

/* False: out of memory. */
bool report_groups_add(struct report_groups *g, const struct event *ev, bool error);

/* True when a second reading would tell more; the same events are then to be added again. */
bool report_groups_again(struct report_groups *g);

/* `[{...},...]`, the slowest first, by out_done() in pieces that are safe to embed.  False: out of memory. */
bool report_groups_write(struct report_groups *g, struct out *out);

#endif
