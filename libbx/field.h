/* SPDX-License-Identifier: ISC */
/*
 * field: one field, entered, written in place and left: the long way of every call that sets one.
 *
 * In place, since what is written may be large and we may be called on a stack that is small (an alternate signal stack,
 * a fiber):
 *
 *     struct field f;
 *     if (field_open(&f, ctx, key, known)) {
 *         uint8_t *p = field_room(&f, most);
 *         field_close(&f, p ? put_...(p, value) : NULL);
 *     }
 */
#ifndef BLUEOX_FIELD_H
#define BLUEOX_FIELD_H

#include <string.h>

#include "libbx/context.h"

struct field {
	struct thread *thread;
	struct ctx *ctx;
	struct field_key key;
};

/* True when a field is wanted here; one that nobody can take is counted. */
static inline bool
field_is_wanted(struct thread *t, const struct ctx *c, const char *key)
{
	if (!c || !key) {
		atomic_fetch_add_explicit(&t->process->fields_ignored, 1, memory_order_relaxed);
		return false;
	}
	return c->line.recorded && !c->lost;
}

/* A key that is too long is refused, not cut. */
static inline struct field_key
field_key_of(const char *key, uint32_t known)
{
	if (known != BX__KEY_UNKNOWN)
		return (struct field_key){key, known >> BX__KEY_BITS, true};
	return (struct field_key){key, (uint32_t)strnlen(key, FIELD_KEY_MAX + 1), false};
}

/* Enters libbx.  False when the field is not wanted: it has left again, and there is nothing to close. */
static inline bool
field_open(struct field *f, bx_ctx *ctx, const char *key, uint32_t known)
{
	f->thread = thread_enter();
	if (!f->thread)
		return false;
	f->ctx = context_of(f->thread, ctx);
	if (!field_is_wanted(f->thread, f->ctx, key)) {
		thread_leave(f->thread);
		return false;
	}
	f->key = field_key_of(key, known);
	return true;
}

/* Where the value of up to n bytes goes, or NULL when there is no room: counted. */
static inline uint8_t *
field_room(struct field *f, uint32_t n)
{
	return fields_reserve(&f->ctx->fields, f->key, n);
}

/* Leaves libbx.  `end` is where the value ends; NULL: nothing was written. */
static inline void
field_close(struct field *f, const uint8_t *end)
{
	if (end)
		fields_commit(&f->ctx->fields, f->key, end);
	thread_leave(f->thread);
}

/* The same for a key that was not there. */
static inline void
field_close_new(struct field *f, const uint8_t *end)
{
	if (end)
		fields_commit_new(&f->ctx->fields, f->key, end);
	thread_leave(f->thread);
}

/* The same for one more item of the list at the key. */
static inline uint8_t *
field_item_room(struct field *f, uint32_t n)
{
	return fields_reserve_item(&f->ctx->fields, f->key, n);
}

static inline void
field_item_close(struct field *f, const uint8_t *end)
{
	if (end)
		fields_commit_item(&f->ctx->fields, f->key, end);
	thread_leave(f->thread);
}

#endif
