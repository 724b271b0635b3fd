/* SPDX-License-Identifier: ISC */
/*
 * queue: frames that nobody has acknowledged yet, in the order of their numbers, in memory of a fixed size.
 *
 *    | skipped |  acknowledged ... first  ..  next  ...  |
 *
 * One mapping, used in a ring; a frame lies in one piece.  The memory is not there in the child of a fork, which has a
 * queue of its own.  One thread.
 */
#ifndef BLUEOX_TCP_QUEUE_H
#define BLUEOX_TCP_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/event.h"

struct queue {
	uint8_t *base;
	size_t bytes;
	size_t first, next; /* offsets of the oldest frame and of the place for the next */
	size_t wrapped_at;  /* where the frames end before they go on at 0; meaningful while next < first */
	size_t peak;        /* highest offset used since the memory was last given back */
	uint64_t first_number;
	uint64_t next_number;
};

bool queue_init(struct queue *q, size_t bytes, uint64_t first_number);
void queue_fini(struct queue *q);

/* True when a frame of n bytes has room. */
bool queue_has_room(const struct queue *q, size_t n);

/* Appends a frame and gives it the next number.  The caller has asked for room. */
void queue_put(struct queue *q, struct bytes frame, uint32_t events);

/* A walk over the frames: start with queue_start(), or queue_seek() to a number that is in the queue. */
struct queue_at {
	size_t at;
	uint64_t number;
};
struct queue_at queue_start(const struct queue *q);
bool queue_read(
    const struct queue *q, struct queue_at *at, struct bytes *frame, uint32_t *events); /* false at the end */

/* Forgets every frame up to this number. */
void queue_drop_upto(struct queue *q, uint64_t number);

static inline bool
queue_empty(const struct queue *q)
{
	return q->first_number == q->next_number;
}

#endif
