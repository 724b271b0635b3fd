/* SPDX-License-Identifier: ISC */
/*
 * origins: which frames this oxd has taken in, as ranges of seq per origin (rule J6).
 *
 * A frame may come again at any time: an acknowledgement was lost for days, a slow backup delivers what another way has
 * brought long ago, in any order.  So it is asked by name and answered from ranges, never from a high-water mark.  The
 * set is the sum of all journal records and goes into the snapshot; recovery adds the records behind it.
 *
 * It is bounded: ranges per origin, origins in all, and 30 days without a frame, in which this oxd ran (no wall clock
 * is asked, so one that jumps forgets nothing).  What is cut is forgotten, never made up: a frame that comes again
 * after that is there twice rather than lost.  Origins belong to the peer that brought them; when there are too many,
 * the one with the most gives one up.
 */
#ifndef BLUEOX_OXD_ORIGINS_H
#define BLUEOX_OXD_ORIGINS_H

#include <uthash.h>

#include "libbx/core/buf.h"
#include "libbx/core/cursor.h"
#include "libbx/core/frame.h"
#include "oxd/stats.h"

enum { ORIGIN_RANGES_MAX = 64, ORIGINS_MAX = 1000000 };

struct origin;
struct origin_share;
struct origin_sum;

/* All zeroes is valid and empty. */
struct origins {
	struct origin *table;
	struct origin_share *shares;
	struct origin_sum *sums; /* of the newest frames, to know other bytes under a name that was taken */
	struct stats *stats;     /* borrowed; may be NULL */
	size_t extra_ranges;     /* beyond the first of each origin */
	size_t most;             /* origins; 0 is ORIGINS_MAX */
	int64_t age_ns;          /* how long this oxd ran up to the snapshot at hand, all its lives together */
	int64_t since_ns;        /* monotonic clock at that point, 0 before the first call of origins_age() */
};

enum origin_answer {
	ORIGIN_NEW,
	ORIGIN_TAKEN,    /* this very frame is in the journal, or was */
	ORIGIN_LOOP,     /* the same, and it was made here */
	ORIGIN_CONFLICT, /* other bytes were taken under this name */
};

void origins_fini(struct origins *o);

/* Has this frame been taken?  `sum` is the frame's own checksum. */
enum origin_answer origins_look(
    const struct origins *o, const uint8_t origin[FRAME_ORIGIN], uint64_t seq, uint64_t sum);

/* A frame has been appended.  `via` names the peer that brought it, 0 for what was made here. */
void origins_add(struct origins *o, const uint8_t origin[FRAME_ORIGIN], uint64_t seq, uint64_t sum, uint64_t via);

/* This oxd, in this life or another, makes frames of this origin. */
void origins_own(struct origins *o, const uint8_t origin[FRAME_ORIGIN]);
bool origins_is_own(const struct origins *o, const uint8_t origin[FRAME_ORIGIN]);

size_t origins_count(const struct origins *o);

/* Moves the age on, by the monotonic clock, and forgets what is 30 days old. */
void origins_grow_old(struct origins *o, int64_t mono_ns);

/*
 * Snapshot content, one MessagePack map: {age, origins: [[origin, own, via, age at its last frame, last seq, last sum,
 * [lo, hi, …]]…]}.  Decoding adds to what is there.
 */
void origins_encode(const struct origins *o, struct buf *out);
enum bx_err origins_decode(struct origins *o, struct cursor *c);

#endif
