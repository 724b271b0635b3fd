/* SPDX-License-Identifier: ISC */
/* blocks: one index block that is open, a list of those that are whole. */
#include "oxd/blocks.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Beyond so many between two checkpoints the keeper reads for itself: memory is bounded, also when the disk says no. */
enum { DONE_MAX = 512 };

void
blocks_free(struct block **list)
{
	while (*list) {
		struct block *b = *list;
		*list = b->next;
		buf_fini(&b->filter);
		free(b);
	}
}

void
blocks_reset(struct blocks *b)
{
	XXH3_freeState(b->sum);
	index_block_fini(&b->open);
	blocks_free(&b->done);
	*b = (struct blocks){0};
}

struct block *
blocks_take(struct blocks *b)
{
	struct block *list = b->done;
	b->done = NULL;
	b->last = NULL;
	b->done_count = 0;
	return list;
}

/* Starts anew here.  What was gathered of blocks that are whole goes too: the file may have been cut before their end. */
static bool
begin(struct blocks *b, uint64_t offset, size_t pending_before)
{
	if (!b->sum)
		b->sum = XXH3_createState();
	if (!b->sum)
		return false;
	XXH3_64bits_reset(b->sum);
	blocks_free(&b->done);
	b->last = NULL;
	b->done_count = 0;
	index_block_clear(&b->open);
	b->from = b->at = offset;
	b->summed = pending_before;
	return true;
}

static void
see(struct blocks *b, const struct buf *pending)
{
	XXH3_64bits_update(b->sum, pending->data + b->summed, pending->len - b->summed);
	b->summed = pending->len;
}

static void
close_block(struct blocks *b, const struct buf *pending)
{
	struct block *done = b->done_count < DONE_MAX ? calloc(1, sizeof *done) : NULL;
	see(b, pending);
	if (done) {
		index_block_close(
		    &b->open, b->from, (uint32_t)(b->at - b->from), XXH3_64bits_digest(b->sum), &done->filter);
		done->entry = b->open.entry;
		if (!b->last)
			b->last = &b->done;
		*b->last = done;
		b->last = &done->next;
		b->done_count++;
	}
	XXH3_64bits_reset(b->sum);
	index_block_clear(&b->open);
	b->from = b->at;
}

void
blocks_add(struct blocks *b, uint64_t offset, const struct buf *pending, struct bytes event, size_t slack)
{
	struct event ev;
	size_t used = 0;
	if (b->blind || pending->err != BX_OK)
		return;
	if (event_read(event.p, slack, &ev, &used) != BX_OK || used != event.n || event.n > INDEX_BLOCK_MAX / 2) {
		blocks_reset(b);
		b->blind = true;
		return;
	}
	if ((!b->sum || b->at != offset) && !begin(b, offset, pending->len - event.n))
		return;
	index_block_add(&b->open, &ev);
	b->at += event.n;
	if (b->at - b->from >= INDEX_BLOCK)
		close_block(b, pending);
}

void
blocks_flushed(struct blocks *b, const struct buf *pending)
{
	if (b->sum)
		see(b, pending);
	b->summed = 0;
}
