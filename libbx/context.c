/* SPDX-License-Identifier: ISC */
/* context: memory that is used again, handles, the stack, and the beginning and end of a context. */
#include "libbx/context.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "libbx/core/mp.h"
#include "libbx/emit.h"
#include "libbx/root.h"
#include "libbx/sample.h"
#include "libbx/trace.h"

/* ---- memory ---- */

static size_t
block_bytes(void)
{
	return (sizeof(struct ctx) + bx_config.event_max + 4095) & ~(size_t)4095;
}

static struct ctx *
pool_take(struct process *p)
{
	for (int i = 0; i < PROCESS_POOLS; i++) {
		if (atomic_load_explicit(&p->pools[i], memory_order_relaxed) == 0)
			continue;
		uintptr_t list = atomic_exchange(&p->pools[i], 0);
		if (list)
			return (struct ctx *)list; /* NOLINT(performance-no-int-to-ptr) */
	}
	return NULL;
}

static void
release(struct thread *t, struct ctx *c)
{
	uint32_t serial = atomic_load_explicit(&c->serial, memory_order_relaxed);
	atomic_store_explicit(&c->serial, serial + 1, memory_order_relaxed); /* only the owner moves it on */
	context_set_on(c, NULL);
	c->next = t->free;
	atomic_signal_fence(memory_order_release); /* on the stack no more, and the list whole at any moment */
	t->free = c;
}

void
context_clear(struct thread *t)
{
	while (t->current) {
		struct ctx *c = t->current;
		t->current = c->below;
		if (c->by_handle)
			context_set_on(c, NULL);
		else
			release(t, c);
	}
	t->open = 0;
	t->lost = 0;
}

void
context_abandon(struct thread *t, uintptr_t busy)
{
	struct ctx *at = (struct ctx *)busy; /* NOLINT(performance-no-int-to-ptr) */
	if (busy > 1)
		at->line.recorded = false;
	if (t->current)
		t->current->line.recorded = false;
}

void
context_pool_put(struct thread *t)
{
	context_flush_counts(t);
	context_clear(t);
	struct ctx *list = t->free;
	t->free = NULL;
	for (int i = 0; list; i = (i + 1) % PROCESS_POOLS) {
		uintptr_t none = 0;
		if (atomic_compare_exchange_strong(&t->process->pools[i], &none, (uintptr_t)list))
			return;
		if (i != PROCESS_POOLS - 1)
			continue;
		uintptr_t other = atomic_exchange(&t->process->pools[i], 0); /* all full: join two lists */
		struct ctx *last = list;
		while (last->next)
			last = last->next;
		last->next = (struct ctx *)other; /* NOLINT(performance-no-int-to-ptr) */
	}
}

static struct ctx *
take_memory(struct thread *t)
{
	if (!t->free)
		t->free = pool_take(t->process);
	struct ctx *c = t->free;
	if (c) {
		t->free = c->next;
		return c;
	}
	int kept = errno;
	c = mmap(NULL, block_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	errno = kept;
	if (c == MAP_FAILED)
		return NULL;
	if ((uintptr_t)c & CONTEXT_TAG_MASK) { /* no Linux that we know of: without a hint it gives lower ones */
		munmap(c, block_bytes());
		errno = kept;
		return NULL;
	}
	fields_init(&c->fields, (uint8_t *)(c + 1), bx_config.event_max - EVENT_OVERHEAD);
	return c;
}

void
context_refuse(struct thread *t)
{
	atomic_fetch_add_explicit(&t->process->bad_handles, 1, memory_order_relaxed);
}

/* ---- beginning ---- */

/* Memory is new to this process, or to its parent's pid: what all its events have in common is written down once. */
static __attribute__((noinline)) void
prepare_origin(struct thread *t, struct ctx *c)
{
	uint8_t *p = mp_put_str(c->origin, "host", 4);
	memcpy(p, bx_config.host_mp, bx_config.host_mp_len);
	p = mp_put_uint(mp_put_str(p + bx_config.host_mp_len, "pid", 3), t->pid);
	p = mp_put_str(p, "start", 5);
	c->origin_len = (uint32_t)(p - c->origin);
	c->generation = t->generation;
}

static struct ctx *
take(struct thread *t)
{
	struct ctx *c = take_memory(t);
	if (__builtin_expect(!c, 0))
		return NULL;
	if (__builtin_expect(c->generation != t->generation, 0))
		prepare_origin(t, c);
	context_set_on(c, NULL);
	c->turned_on = t->on;
	c->by_handle = false;
	c->lost = false;
	c->head_stands = false;
	return c;
}

/* Where rings have become small, a quarter of this thread's is less than an event may be. */
static __attribute__((noinline)) void
limit_to_ring(struct thread *t, struct ctx *c)
{
	uint64_t capacity = t->ring.header ? t->ring.capacity : ring_capacity_next(t->process);
	uint64_t room = capacity / 4 - EVENT_OVERHEAD - FIELDS_KEPT_BACK;
	if (c->fields.room > room)
		c->fields.room = (uint32_t)room;
}

static void
begin(struct thread *t, struct ctx *c, int64_t start_mono, int64_t start_wall)
{
	c->start_mono = start_mono;
	c->start_wall = start_wall;
	fields_reset(&c->fields);
	if (__builtin_expect(t->ring.capacity < bx_config.ring_capacity, 0))
		limit_to_ring(t, c);
}

/* It and what lies under it record nothing; its name is still one that others are resolved against. */
static void
silence(struct ctx *c)
{
	c->line.recorded = false;
	c->line.id = (struct id){0, 0};
	c->line.span = c->line.parent = 0;
	c->line.id_len = 0;
	fields_close(&c->fields);
}

static void
mistaken(struct thread *t, struct ctx *c)
{
	atomic_fetch_add_explicit(&t->process->bad_names, 1, memory_order_relaxed);
	c->line.name[0] = '?';
	c->line.name_len = 1;
	c->line.dotted = false;
	silence(c);
}

enum { SAMPLED_OUT_BATCH = 64 };

void
context_flush_counts(struct thread *t)
{
	atomic_fetch_add_explicit(&t->process->sampled_out, t->sampled_out, memory_order_relaxed);
	t->sampled_out = 0;
}

/* Threads would fight over the process's count if each added to it every time. */
static void
count_sampled_out(struct thread *t)
{
	if (++t->sampled_out >= SAMPLED_OUT_BATCH)
		context_flush_counts(t);
}

static void
begin_now(struct thread *t, struct ctx *c, int64_t mono, int64_t wall)
{
	c->line.recorded = true;
	begin(t, c, mono, wall);
	c->lost = ring_is_still_full(&t->ring);
	if (__builtin_expect(c->lost, 0))
		fields_close(&c->fields);
}

struct ctx *
context_new(struct thread *t, const char *name, uint32_t known, const struct bx_options *options)
{
	struct ctx *c = take(t);
	const struct lineage *parent;
	if (!c)
		return NULL;
	if (__builtin_expect(known < BX__NAME_UNDER && !t->current && !root_declared, 1)) {
		lineage_top(&c->line, name, known);
		parent = NULL;
	} else if (!lineage_resolve(t, name ? name : "", known, &c->line, &parent)) {
		mistaken(t, c);
		return c;
	}
	if (parent && !parent->recorded) {
		silence(c);
		return c;
	}
	if (!sample_keeps(t, &options->sample, &c->line, parent)) {
		count_sampled_out(t);
		silence(c);
		return c;
	}
	int64_t mono = clock_mono_ns(), wall = thread_wall_ns(t, mono);
	if (__builtin_expect(options->traceparent != NULL, 0))
		trace_inherit(t, &c->line, parent, options, wall);
	else
		lineage_inherit(t, &c->line, parent, options->id, wall);
	begin_now(t, c, mono, wall);
	return c;
}

/* ---- the same one again ---- */

static const struct bx_options nothing_asked;

/* Name, head and id are there; span and time are new. */
static struct ctx *
again(struct thread *t, const struct lineage *root)
{
	struct ctx *c = take(t);
	c->head_stands = true;
	if (!sample_keeps(t, &nothing_asked.sample, &c->line, root)) {
		count_sampled_out(t);
		silence(c);
		c->lasting = NULL;
		return c;
	}
	int64_t mono = clock_mono_ns(), wall = thread_wall_ns(t, mono);
	c->line.span = span_new(&t->rand);
	begin_now(t, c, mono, wall);
	return c;
}

/* A name that comes for the second time in a row may well come again. */
static void
remember(struct thread *t, struct ctx *c, const char *name)
{
	const struct lineage *root = !t->current && c->line.recorded ? root_line(t) : NULL;
	if (root && c->line.parent == root->span && c->lasting == name)
		c->head_stands = emit_prepare(c);
	c->lasting = name;
}

struct ctx *
context_new_lasting(struct thread *t, const char *name, uint32_t known)
{
	struct ctx *next = t->free;
	const struct lineage *root;
	if (next && next->head_stands && next->lasting == name && next->generation == t->generation && !t->current &&
	    (root = root_line(t)))
		return again(t, root);
	struct ctx *c = context_new(t, name, known, &nothing_asked);
	if (c)
		remember(t, c, name);
	return c;
}

struct ctx *
context_make(struct thread *t, const struct lineage *line, int64_t start_mono, int64_t start_wall)
{
	struct ctx *c = take(t);
	if (!c)
		return NULL;
	c->line = *line;
	begin(t, c, start_mono, start_wall);
	return c;
}

/* ---- the stack ---- */

void
context_pop(struct thread *t, struct ctx *c)
{
	for (struct ctx **at = &t->current; *at; at = &(*at)->below) {
		if (*at != c)
			continue;
		*at = c->below;
		t->open--;
		context_set_on(c, NULL);
		return;
	}
}

bool
context_done(struct thread *t, struct ctx *c, int64_t end_mono)
{
	const struct thread *on = context_on(c);
	t->busy = (uintptr_t)c; /* for context_abandon() */
	if (on && on != t) {    /* on another thread's stack: only that thread may take it off */
		context_refuse(t);
		return false;
	}
	if (t->current == c) {
		t->current = c->below;
		t->open--;
	} else if (on) {
		context_pop(t, c);
	}
	bool own = c->line.recorded && c->generation == t->generation && c->turned_on == t->on;
	bool kept = own && !c->lost && emit_event(t, c, end_mono == CONTEXT_NOW ? clock_mono_ns() : end_mono);
	if (__builtin_expect(own && c->lost, 0))
		emit_nothing(t, c);
	release(t, c);
	return kept;
}
