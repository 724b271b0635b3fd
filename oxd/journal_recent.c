/* SPDX-License-Identifier: ISC */
/* journal_recent: a list of chunks, the oldest first; the batch is the end of the last one. */
#include "oxd/journal_own.h"

#include <stdlib.h>
#include <utlist.h>

#include "oxd/disk.h"

enum {
	CHUNK_FULL = 2 << 20,                            /* with so much written the next batch begins another chunk */
	CHUNK_LEAST = CHUNK_FULL + 2 * (RECORD_MAX + 8), /* a batch of 1 MiB and the record that made it so still fit */
	KEPT_BYTES = 8 << 20,                            /* readers find the newest of what is durable here */
	UNUSED_CHUNKS = 2,
};

/* 0..synced is durable | ..syncing is under way | ..written has the kernel | what the batch has beyond that */
struct chunk {
	uint8_t *data;
	size_t cap;
	size_t written, syncing, synced;
	uint64_t seed;    /* of the segment whose bytes these are; 0: of none that anybody could ask for */
	uint64_t file_at; /* and where in it they begin */
	unsigned loans;
	bool listed;
	struct chunk *next;
};

static struct chunk *
new_chunk(struct journal *j, size_t need)
{
	struct chunk *c = j->unused;
	size_t cap = need > CHUNK_LEAST ? need : CHUNK_LEAST;
	if (c && c->cap >= cap) {
		LL_DELETE(j->unused, c);
		j->unused_count--;
		*c = (struct chunk){.data = c->data, .cap = c->cap};
	} else {
		c = calloc(1, sizeof *c);
		if (!c || !(c->data = malloc(cap)))
			abort(); /* what is in the rings stays there, and a restart goes on */
		c->cap = cap;
	}
	c->listed = true;
	return c;
}

/* Memory that the kernel has given pages to is used again: new pages cost more than what is done with them. */
static void
let_go(struct journal *j, struct chunk *c)
{
	if (j->unused_count < UNUSED_CHUNKS && c->cap == CHUNK_LEAST) {
		LL_PREPEND(j->unused, c);
		j->unused_count++;
		return;
	}
	free(c->data);
	free(c);
}

static void
begin_chunk(struct journal *j, size_t need)
{
	struct chunk *c = new_chunk(j, need), *last = j->last_chunk;
	size_t moved = last ? j->batch.len - j->batch_at : 0;
	if (moved)
		memcpy(c->data, last->data + j->batch_at, moved);
	LL_APPEND(j->chunks, c);
	j->last_chunk = c;
	j->batch = (struct buf){.data = c->data, .cap = c->cap, .len = moved};
	j->batch_memory = c->data;
	j->batch_at = 0;
}

void
journal_recent_make_room(struct journal *j)
{
	size_t need = RECORD_MAX + 8, unwritten = j->batch.len - j->batch_at;
	bool full = unwritten == 0 && j->batch_at >= CHUNK_FULL;
	if (!full && j->last_chunk && j->batch.cap - j->batch.len >= need)
		return;
	pthread_mutex_lock(&j->lock);
	begin_chunk(j, 2 * unwritten + need);
	pthread_mutex_unlock(&j->lock);
}

void
journal_recent_place(struct journal *j)
{
	struct chunk *c = j->last_chunk;
	if (c->written > 0 && (c->seed != j->active->seed || c->file_at + c->written != j->active->end)) {
		begin_chunk(j, j->batch.len - j->batch_at);
		c = j->last_chunk;
	}
	if (c->written == 0) {
		c->seed = j->active->seed;
		c->file_at = j->active->end;
	}
}

void
journal_recent_written(struct journal *j)
{
	struct chunk *c = j->last_chunk;
	j->unsynced += j->batch.len - c->written;
	c->written = j->batch_at = j->batch.len;
}

void
journal_recent_sync_begins(struct journal *j)
{
	struct chunk *c;
	LL_FOREACH(j->chunks, c)
	c->syncing = c->written;
	j->syncing = j->unsynced;
	j->unsynced = 0;
}

static void
forget_oldest(struct journal *j)
{
	size_t bytes = 0;
	struct chunk *c, *next;
	LL_FOREACH(j->chunks, c)
	bytes += c->written;
	LL_FOREACH_SAFE(j->chunks, c, next)
	{
		if (bytes <= KEPT_BYTES || c == j->last_chunk || c->synced < c->written)
			return;
		bytes -= c->written;
		LL_DELETE(j->chunks, c);
		c->listed = false;
		if (c->loans == 0)
			let_go(j, c);
	}
}

void
journal_recent_synced(struct journal *j)
{
	struct chunk *c;
	LL_FOREACH(j->chunks, c)
	c->synced = c->syncing;
	j->syncing = 0;
	forget_oldest(j);
}

bool
journal_recent_rewrite(struct journal *j, struct segment *s)
{
	struct chunk *c;
	s->end = SEGMENT_HEADER;
	LL_FOREACH(j->chunks, c)
	{
		size_t n = c->written - c->synced;
		if (n == 0)
			continue;
		c->seed = 0; /* its bytes lie in two files from now on */
		journal_reseed(c->data + c->synced, n, s->seed);
		if (!disk_write(s->fd, c->data + c->synced, n, s->end))
			return false;
		s->end += n;
	}
	return true;
}

void
journal_recent_rescued(struct journal *j)
{
	journal_recent_sync_begins(j);
	journal_recent_synced(j);
}

void
journal_recent_fini(struct journal *j)
{
	struct chunk *c, *next;
	j->unused_count = UNUSED_CHUNKS;
	LL_FOREACH_SAFE(j->chunks, c, next)
	let_go(j, c);
	LL_FOREACH_SAFE(j->unused, c, next)
	let_go(j, c);
}

/* ---- for readers ------------------------------------------------------------------------------------------------- */

struct bytes
journal_lend(struct journal *j, uint64_t seed, uint64_t at, struct chunk **loan)
{
	struct bytes found = {NULL, 0};
	struct chunk *c;
	pthread_mutex_lock(&j->lock);
	LL_FOREACH(j->chunks, c)
	{
		if (c->seed != seed || seed == 0 || at < c->file_at || at - c->file_at >= c->synced)
			continue;
		found = (struct bytes){c->data + (at - c->file_at), c->synced - (size_t)(at - c->file_at)};
		c->loans++;
		*loan = c;
		break;
	}
	pthread_mutex_unlock(&j->lock);
	return found;
}

void
journal_lend_over(struct journal *j, struct chunk **loan)
{
	struct chunk *c = *loan;
	*loan = NULL;
	pthread_mutex_lock(&j->lock);
	if (--c->loans == 0 && !c->listed)
		let_go(j, c);
	pthread_mutex_unlock(&j->lock);
}
