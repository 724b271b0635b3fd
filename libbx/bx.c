/* SPDX-License-Identifier: ISC */
/* bx: the public calls; each enters, does one thing, and leaves. */
#include "include/blueox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libbx/context.h"
#include "libbx/root.h"
#include "libbx/error.h"

/* ---- contexts ---- */

static const struct bx_options no_options;

bx_ctx *
bx_new_with(const struct bx_options *options)
{
	struct thread *t = thread_enter();
	if (!t)
		return NULL;
	struct ctx *c =
	    context_new(t, options ? options->name : NULL, BX__NAME_UNKNOWN, options ? options : &no_options);
	if (!c)
		process_drop(t->process, DROP_INERT, 0);
	if (c)
		c->by_handle = true;
	bx_ctx *handle = c ? context_handle(c) : NULL;
	thread_leave(t);
	return handle;
}

bx_ctx *
bx_new(const char *name)
{
	return bx_new_with(&(struct bx_options){.name = name});
}

static inline bx_ctx *
begin_with(const char *name, uint32_t known, const struct bx_options *options)
{
	struct thread *t = thread_enter();
	if (!t) {
		if (config_on()) {
			bx_thread.lost++; /* its bx_end() must not end another's context */
			if (!process_peek())
				process_drop_unpaged();
		}
		return NULL;
	}
	struct ctx *c = t->lost || !context_may_push(t) ? NULL : context_new(t, name, known, options);
	bx_ctx *handle = NULL;
	if (c) {
		context_push(t, c);
		handle = context_handle(c);
	} else {
		t->lost++;
		process_drop(t->process, DROP_INERT, 0);
	}
	thread_leave(t);
	return handle;
}

bx_ctx *
bx__begin(const char *name, uint32_t known)
{
	return begin_with(name, known, &no_options);
}

bx_ctx *(bx_begin)(const char *name)
{
	return bx__begin(name, BX__NAME_UNKNOWN);
}

int
bx_end(void)
{
	if (__builtin_expect(bx_thread.lost != 0, 0)) {
		bx_thread.lost--;
		return 0;
	}
	struct thread *t = thread_enter();
	if (!t)
		return 0;
	int kept = t->current ? context_done(t, t->current, CONTEXT_NOW) : 0;
	thread_leave(t);
	return kept;
}

bx_ctx *
bx_current(void)
{
	struct thread *t = thread_enter();
	if (!t)
		return NULL;
	bx_ctx *handle = t->current ? context_handle(t->current) : NULL;
	thread_leave(t);
	return handle;
}

static struct ctx *
find_open(struct thread *t, const char *name)
{
	struct ctx *c = t->current;
	if (strcmp(name, ".") == 0 || !c)
		return c;
	if (strcmp(name, "..") == 0)
		return c->below;
	bool outermost = strcmp(name, "^") == 0;
	size_t n = strnlen(name, NAME_MAX_LEN + 1);
	for (; c; c = c->below)
		if (outermost ? !c->below : c->line.name_len == n && memcmp(c->line.name, name, n) == 0)
			return c;
	return NULL;
}

bx_ctx *
bx_find(const char *name)
{
	struct thread *t = name ? thread_enter() : NULL;
	if (!t)
		return NULL;
	const struct ctx *c = find_open(t, name);
	bx_ctx *handle = c ? context_handle(c) : NULL;
	thread_leave(t);
	return handle;
}

void
bx_clear(void)
{
	struct thread *t = thread_enter_anew();
	if (!t)
		return;
	context_clear(t);
	thread_leave(t);
}

void
bx_start(bx_ctx *ctx)
{
	struct thread *t = thread_enter();
	if (!t)
		return;
	struct ctx *c = context_of(t, ctx);
	const struct thread *on = c ? context_on(c) : NULL;
	if (c && !on && c->turned_on == t->on && context_may_push(t))
		context_push(t, c);
	else if (ctx && on != t)
		context_refuse(t);
	thread_leave(t);
}

void
bx_stop(bx_ctx *ctx)
{
	struct thread *t = thread_enter();
	if (!t)
		return;
	struct ctx *c = context_of(t, ctx);
	const struct thread *on = c ? context_on(c) : NULL;
	if (on == t)
		context_pop(t, c);
	else if (ctx && (!c || on))
		context_refuse(t);
	thread_leave(t);
}

static inline int
done(bx_ctx *ctx)
{
	struct thread *t = thread_enter();
	if (!t)
		return 0;
	struct ctx *c = context_of(t, ctx);
	int kept = c ? context_done(t, c, CONTEXT_NOW) : 0;
	if (!c && ctx)
		context_refuse(t);
	thread_leave(t);
	return kept;
}

int
bx_done(bx_ctx *ctx)
{
	return done(ctx);
}

struct bx__scope
bx__enter(const struct bx_options *options, uint32_t known)
{
	return (struct bx__scope){begin_with(options->name, known, options), 1};
}

void
bx__leave(struct bx__scope *scope)
{
	if (scope->ctx)
		(void)done(scope->ctx);
	else if (bx_thread.lost)
		bx_thread.lost--;
}

/* ---- time spent ---- */

struct bx__timer
bx__timer_start(const char *key, uint32_t known)
{
	return (struct bx__timer){key, known, 1, config_on() ? clock_mono_ns() : 0};
}

void
bx__timer_stop(struct bx__timer *timer)
{
	if (timer->start_ns)
		bx__set_double(BX__CURRENT, timer->key, timer->known, clock_seconds(clock_mono_ns() - timer->start_ns));
}

/* ---- counters ---- */

/* What rings carry, live and left, and what waits for one. */
static void
add_rings(struct process *p, struct bx_counters *c)
{
	uint64_t by[RING_DROP_SLOTS] = {0};
	for (int i = 0; i < DROP_REASONS; i++)
		by[i] = atomic_load(&p->pending[i]) + atomic_load(&p->left_dropped[i]);
	c->events = atomic_load(&p->left_events);
	uint32_t used = atomic_load(&p->slots_used);
	for (uint32_t i = 0; i < used; i++) {
		const struct ring_header *h = process_ring(p, i);
		if (!h)
			continue;
		c->rings++;
		c->events += atomic_load(&h->events);
		for (int j = 0; j < DROP_REASONS; j++)
			by[j] += atomic_load(&h->dropped_by[j]);
	}
	c->dropped_ring_full = by[DROP_RING_FULL];
	c->dropped_no_ring = by[DROP_NO_RING];
	c->dropped_too_big = by[DROP_TOO_BIG];
	c->dropped_in_signal = by[DROP_IN_SIGNAL];
	c->dropped_inert = by[DROP_INERT];
}

static void
add_sender(struct process *p, struct bx_counters *c)
{
	uint64_t taken = 0, settled = atomic_load(&p->sender.acknowledged);
	c->dropped_rejected = atomic_load(&p->sender.rejected) + atomic_load(&p->sender.damaged);
	c->send_failures = atomic_load(&p->sender.failures);
	settled += c->dropped_rejected;
	uint32_t used = atomic_load(&p->slots_used);
	for (uint32_t i = 0; i < used; i++) {
		const struct ring_header *h = process_ring(p, i);
		if (h && atomic_load(&p->rings[i].private))
			taken += atomic_load(&h->events);
	}
	c->unacknowledged = taken > settled ? taken - settled : 0;
}

void
bx__stats(struct bx_counters *out, size_t size)
{
	struct bx_counters c = {0};
	struct process *p = process_peek();
	if (p) {
		add_rings(p, &c);
		add_sender(p, &c);
		c.fields_ignored = atomic_load(&p->fields_ignored);
		c.fields_left_out = atomic_load(&p->fields_left_out);
		c.bad_names = atomic_load(&p->bad_names);
		c.bad_handles = atomic_load(&p->bad_handles);
		c.bad_traceparents = atomic_load(&p->bad_traceparents);
		c.stacks_refused = atomic_load(&p->stacks_refused);
		c.sampled_out = atomic_load(&p->sampled_out) + (bx_thread.process == p ? bx_thread.sampled_out : 0);
	}
	c.dropped_no_ring += process_unpaged();
	c.bad_settings = atomic_load(&bx_config.bad_settings);
	memset(out, 0, size);
	memcpy(out, &c, size < sizeof c ? size : sizeof c);
}

/* ---- errors ---- */

void
bx_error(const char *error_class, const char *code, const char *format, ...)
{
	char message[ERROR_MESSAGE_MAX];
	if (!config_on())
		return;
	int kept = errno;
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	struct bx__error error = {
	    .error_class = error_class,
	    .code = code,
	    .message = n < 0 ? NULL : message,
	    .message_len = n < 0                     ? 0
			   : n < (int)sizeof message ? (size_t)n
						     : sizeof message - 1,
	};
	bx__ctx_error(BX__CURRENT, &error);
	errno = kept;
}
