/* SPDX-License-Identifier: ISC */
/*
 * seen: the newest event of each type and host, for STATUS.
 *
 * Bounded: names beyond the first thousand are counted together.  Filled by the log writer, read by control.
 */
#ifndef BLUEOX_OXD_SEEN_H
#define BLUEOX_OXD_SEEN_H

#include <pthread.h>
#include <uthash.h>

#include "libbx/core/buf.h"
#include "libbx/core/frame.h"
#include "oxd/stats.h"

struct seen_name;

struct seen {
	pthread_mutex_t lock;
	struct stats *stats; /* borrowed */
	/* under lock */
	struct seen_name *types, *hosts;
	bool any;
	double last; /* arrival of the newest event */
	double lag;  /* that less its end */
};

void seen_init(struct seen *s, struct stats *stats);
void seen_fini(struct seen *s);

/* `host` may be absent. */
void seen_note(struct seen *s, struct bytes type, struct bytes host, double end, double arrival);

/* The events of one record's frame. */
void seen_note_frame(struct seen *s, const struct frame *frame, uint8_t source_kind, int64_t arrival_ns);

/* Adds `last`, `lag`, `events`, `hosts` to a map that has room for the four. */
void seen_encode(struct seen *s, struct buf *out);

/* The host of an event, read no further than needed. */
struct bytes seen_host_of(struct bytes map);

/*
 * The hosts of one event after the other, in little time where they begin alike; their bytes stay where they are.  True
 * when w->host is another one than before, and for the first.  A struct of all zeroes begins.
 */
struct seen_host {
	struct bytes host; /* of the newest event, or of one that said the same */
	bool any;
	const uint8_t *before; /* that one's map, up to the end of its host; NULL: it has none */
	size_t id_at, id_end, end;
};

bool seen_host_next(struct seen_host *w, struct bytes map);

#endif
