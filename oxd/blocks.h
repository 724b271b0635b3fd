/* SPDX-License-Identifier: ISC */
/*
 * blocks: what the log writer knows of the blocks of a file while it writes them, for their index.
 *
 * Whoever writes an event has it at hand; to read it again later, as indexing does, costs a fifth of all that an event
 * costs oxd.  So entries are gathered while events go by, over blocks as long as those that indexing makes.  They are a
 * hint on top of a hint: where events went by unseen (after a restart, beyond the limit of the keeper's list, an event
 * that cannot be read) there is a gap, and the keeper reads what lies in it.  Log writer's thread only, until taken.
 */
#ifndef BLUEOX_OXD_BLOCKS_H
#define BLUEOX_OXD_BLOCKS_H

#include "libbx/core/index.h"

/* A whole block. */
struct block {
	struct index_entry entry; /* without its number; the filter is in: */
	struct buf filter;
	struct block *next;
};

/* Of one file.  All zeroes is none. */
struct blocks {
	uint64_t from, at; /* the block that is open; `at` is behind the last event that was added */
	size_t summed;     /* bytes of what is pending that its sum has seen */
	void *sum;         /* owned; NULL: nothing is gathered */
	struct index_block open;
	struct block *done, **last; /* in order; owned */
	size_t done_count;
	bool blind; /* an event could not be read: no more of this file */
};

/*
 * An event has been appended at this offset of the file; it is the last n bytes of `pending`.  There may be bytes of its
 * frame behind `event`, up to `slack` from its start, which makes reading quicker.
 */
void blocks_add(struct blocks *b, uint64_t offset, const struct buf *pending, struct bytes event, size_t slack);

/* What is pending has been written, and leaves memory. */
void blocks_flushed(struct blocks *b, const struct buf *pending);

/* What has been gathered and not taken is forgotten: the file is another one now, or is closed. */
void blocks_reset(struct blocks *b);

/* Hands out the whole blocks, owned by the caller; NULL when there are none. */
struct block *blocks_take(struct blocks *b);

void blocks_free(struct block **list);

#endif
