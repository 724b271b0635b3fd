/* SPDX-License-Identifier: ISC */
/* lost: how much is in a stretch of the journal, for telling it before it is dropped. */
#ifndef BLUEOX_OXD_LOST_H
#define BLUEOX_OXD_LOST_H

#include "libbx/core/event.h"
#include "oxd/segment.h"

struct lost {
	uint64_t count;     /* events */
	uint64_t bytes;     /* of their maps */
	double first, last; /* least and greatest end */
};

/* Reads the segment's records lo .. hi; what cannot be read is not counted.  Any thread. */
void lost_count(const struct segment *s, uint64_t lo, uint64_t hi, struct lost *out);

/* Adds one frame to what is there. */
void lost_count_frame(struct bytes frame, struct lost *out);

#endif
