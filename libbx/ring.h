/* SPDX-License-Identifier: ISC */
/*
 * ring: the writing side of a ring, one thread at a time.
 *
 * ring_room() finds place for a record, the caller writes it there, ring_publish() makes it visible; between the two
 * nothing can be seen by oxd.  After ring_take() there are no system calls, but one FUTEX_WAKE when the ring gets half
 * full while oxd sleeps, and one with the first event after some quiet seconds.  Layout: libbx/core/ringfile.h.
 */
#ifndef BLUEOX_RING_H
#define BLUEOX_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/ringfile.h"
#include "libbx/process.h"

#define RING_QUIET_NS INT64_C(2000000000) /* less than oxd's own idea of it */

struct ring {
	struct ring_header *header; /* NULL: no ring */
	uint8_t *data;              /* capacity bytes, mapped twice in a row */
	struct ring_slot *slot;
	uint64_t capacity;
	uint64_t head;
	uint64_t tail;    /* as last seen */
	uint64_t rung_at; /* head when the doorbell was last rung */
	uint64_t full_at; /* tail in the header when an event was dropped last; 0: none was */
	uint64_t dropped; /* bytes of that event */
	int64_t busy_ns;  /* monotonic clock at the newest event; 0: this thread has written none */
	bool leave;       /* oxd asks this writer to take another ring */
};

/* Takes a free ring of the process, or makes one.  False when there is none to be had now; what failed is retried at
 * most once a second.  Async-signal-safe; keeps errno. */
bool ring_take(struct ring *r, struct process *p);

/* How large the next ring that is made will be, as far as can be told. */
uint64_t ring_capacity_next(struct process *p);

/*
 * What the rings of this process may have together, in bytes.  Where a control group holds the program to little memory, an
 * eighth of that: the pages of rings are charged to it at once, and beyond its limit the kernel kills.  Looked up once,
 * by the first who wants more than RING_PROCESS_MIN.
 */
uint64_t ring_process_most(struct process *p);

/* Gives the ring back to the process, for the next thread. */
void ring_give_back(struct ring *r);

/* Looks how far oxd is.  True when there is room for `size` bytes now. */
bool ring_look(struct ring *r, uint64_t size);

/* Where a record of up to `size` bytes (a multiple of 8, at most a quarter of the capacity) may be written, or NULL when
 * the ring is full. */
static inline uint8_t *
ring_room(struct ring *r, uint64_t size)
{
	if (__builtin_expect(r->head + size - r->tail > r->capacity, 0) && !ring_look(r, size))
		return NULL;
	return r->data + (r->head & (r->capacity - 1));
}

/* Notes that there was no room for `size` bytes. */
static inline void
ring_note_full(struct ring *r, uint64_t size)
{
	r->full_at = atomic_load_explicit(&r->header->tail, memory_order_relaxed);
	r->dropped = size;
}

/* True when an event was dropped, and oxd has done nothing since: the next one would be dropped too. */
static inline bool
ring_is_still_full(struct ring *r)
{
	if (__builtin_expect(!r->full_at, 1))
		return false;
	if (atomic_load_explicit(&r->header->tail, memory_order_relaxed) == r->full_at &&
	    !atomic_load_explicit(&r->header->please_leave, memory_order_relaxed))
		return true;
	r->full_at = 0;
	return false;
}

/* Wakes whoever reads this ring, if that one sleeps.  One system call at most; keeps errno. */
void ring_wake(struct ring *r, struct process *p);

/* Wakes oxd when it sleeps: at half full, and again each eighth after it. */
void ring_bell(struct ring *r, struct process *p);

/* Publishes the record of `size` bytes that now stands at ring_room()'s place, all but its position word. */
static inline void
ring_publish(struct ring *r, uint64_t size, struct process *p)
{
	struct ring_header *h = r->header;
	uint64_t head = r->head;
	struct ring_record *record = (struct ring_record *)(void *)(r->data + (head & (r->capacity - 1)));
	atomic_store_explicit(&record->pos, head, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst); /* for ring_mend() */
	r->head = head += size;
	atomic_store_explicit(&h->head, head, memory_order_release);
	uint64_t events = atomic_load_explicit(&h->events, memory_order_relaxed);
	atomic_store_explicit(&h->events, events + 1, memory_order_relaxed);
	if (__builtin_expect(head - r->tail >= r->capacity / 2, 0))
		ring_bell(r, p);
}

/*
 * After ring_publish(), with the event's end: oxd looks less often at rings that have long been quiet, so the first event
 * after that wakes it.
 */
static inline void
ring_note_busy(struct ring *r, struct process *p, int64_t mono_ns)
{
	if (__builtin_expect(mono_ns - r->busy_ns > RING_QUIET_NS, 0))
		ring_wake(r, p);
	r->busy_ns = mono_ns;
}

/* Counts events that no ring could take. */
void ring_drop(struct ring *r, enum ring_drop reason, uint64_t count, uint64_t bytes, double now);

/* After a call that was left in the middle, by a handler that jumped: a record that is whole is published, half a one is
 * as if nobody had begun it. */
void ring_mend(struct ring *r, struct process *p);

/* Lets go of the ring's file, if there is one, as the last act on it; its slot is free for another. */
void ring_leave(struct ring *r, struct process *p);

/* For the child of a fork that came in the middle of a publish: gives the hole where the parent's ring was memory of
 * its own, so that the interrupted write ends harmlessly. */
void ring_fill_hole(const struct ring *r);

#endif
