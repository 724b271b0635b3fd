/* SPDX-License-Identifier: ISC */
/*
 * context: contexts, their handles, and how they end as an event in a ring.
 *
 * Contexts live in page-aligned blocks that are never unmapped, only used again; the public handle is the block's
 * address with 28 bits of the block's serial in place of the bits that such an address has no use for; the serial moves
 * on at every end.  So a stale handle is recognised instead of followed.
 */
#ifndef BLUEOX_CONTEXT_H
#define BLUEOX_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "include/blueox.h"
#include "libbx/fields.h"
#include "libbx/lineage.h"
#include "libbx/thread.h"

enum { ORIGIN_ROOM = 320, HEAD_ROOM = 512 };
enum { CONTEXTS_OPEN_MAX = 1024 }; /* on the stack of one thread */
enum { EVENT_OVERHEAD = 1280 };    /* bytes of an event that are not its body, at most */

struct ctx {
	struct lineage line;
	_Atomic uint32_t serial;
	_Atomic(struct thread *) on; /* the thread whose stack it is on, or NULL; other threads look at it */
	bool by_handle;              /* of bx_new(): ends by bx_done() alone */
	bool lost;                   /* the ring was full and nobody emptied it: no field is taken, its end counts it */
	struct ctx *below;           /* on that stack */
	struct ctx *next;            /* among free ones */
	uint64_t generation;         /* of the process that opened it: a child never emits it */
	uint32_t turned_on;          /* config_on() when it was opened: turning off ends what it stands for */
	int64_t start_mono;          /* ns */
	int64_t start_wall;          /* ns since the epoch */
	struct fields fields;
	/*
	 * The name by which it was last opened with context_new_lasting().  When its head stands, it was right under the root
	 * each time: line's name and what the event begins with, up to the value of start, are as they will be again.
	 */
	const char *lasting;
	bool head_stands;
	uint32_t head_len;
	uint8_t head[HEAD_ROOM];
	/* What all events of this process have between type and start, as it is written; prepared for `generation`. */
	uint32_t origin_len;
	uint8_t origin[ORIGIN_ROOM];
};

/* What of a handle is serial number: the bits of a page's address that are zero, and those above what mmap() gives. */
#define CONTEXT_TAG_MASK (UINT64_C(0xffff) << 48 | UINT64_C(0xfff))

static inline uintptr_t
context_tag(const struct ctx *c)
{
	uint64_t serial = atomic_load_explicit(&c->serial, memory_order_relaxed);
	return (serial << 36 & UINT64_C(0xffff) << 48) | (serial & 0xfff);
}

static inline bx_ctx *
context_handle(const struct ctx *c)
{
	return (bx_ctx *)((uintptr_t)c | context_tag(c)); /* NOLINT(performance-no-int-to-ptr) */
}

/* The context behind a handle, or NULL when it is none, stale (counted) or BX__CURRENT with nothing open. */
static inline struct ctx *
context_of(struct thread *t, bx_ctx *handle)
{
	if (handle == BX__CURRENT)
		return t->current;
	uintptr_t at = (uintptr_t)handle & ~(uintptr_t)CONTEXT_TAG_MASK;
	if (!at)
		return NULL;
	struct ctx *c = (struct ctx *)at; /* NOLINT(performance-no-int-to-ptr) */
	if (context_tag(c) != ((uintptr_t)handle & CONTEXT_TAG_MASK))
		return NULL;
	t->busy = at; /* for context_abandon() */
	atomic_signal_fence(memory_order_seq_cst);
	return c;
}

/*
 * Makes a context under what is open on this thread; NULL when there is no memory.  `known`: what the compiler knows of
 * the name, see BX__NAME_KNOWN().  Of the options, the name is not looked at.
 */
struct ctx *context_new(struct thread *t, const char *name, uint32_t known, const struct bx_options *options);

/*
 * The same with a name whose text stays where it is for the life of the process, and no id or traceparent.  What is opened
 * by it again and again under the root, as a shim's events are, is not resolved again.
 */
struct ctx *context_new_lasting(struct thread *t, const char *name, uint32_t known);

/* Makes a context with this lineage, started at these times. */
struct ctx *context_make(struct thread *t, const struct lineage *line, int64_t start_mono, int64_t start_wall);

static inline struct thread *
context_on(const struct ctx *c)
{
	return atomic_load_explicit(&c->on, memory_order_relaxed);
}

static inline void
context_set_on(struct ctx *c, struct thread *t)
{
	atomic_store_explicit(&c->on, t, memory_order_relaxed);
}

/* Room for another open context.  Ones that are never ended, as a longjmp() leaves them, must not eat the host. */
static inline bool
context_may_push(const struct thread *t)
{
	return t->open < CONTEXTS_OPEN_MAX;
}

static inline void
context_push(struct thread *t, struct ctx *c)
{
	context_set_on(c, t);
	t->open++;
	c->below = t->current;
	atomic_signal_fence(
	    memory_order_release); /* the stack is whole at any moment: a handler may jump out of here */
	t->current = c;
}

void context_pop(struct thread *t, struct ctx *c); /* wherever it lies; nothing when it is not on this stack */

/*
 * Emits the event, if it may be, and ends the context: at that moment of the monotonic clock, or now (CONTEXT_NOW).  True
 * when the event is in a ring.
 */
enum { CONTEXT_NOW = 0 };
bool context_done(struct thread *t, struct ctx *c, int64_t end_mono);

/* Takes everything off this thread's stack; nothing is emitted.  Those of bx_new() are stopped, the others over. */
void context_clear(struct thread *t);

/* A call that was in the middle of something will not come back (`busy` as it left it): what it may have left half
 * written is not emitted. */
void context_abandon(struct thread *t, uintptr_t busy);

/* Counts a call on a context that is over or somebody else's. */
void context_refuse(struct thread *t);

/* Adds what this thread counts by itself to the counts of the process. */
void context_flush_counts(struct thread *t);

/* At thread end: gives all contexts of the thread to the process; those still open are not emitted. */
void context_pool_put(struct thread *t);

#endif
