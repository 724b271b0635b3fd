/* SPDX-License-Identifier: ISC */
/* shim: the calls of shim.h that make the process itself a context, and those that save an event of the shim's time. */
#include "libbx/shim.h"

#include <string.h>

#include "libbx/context.h"
#include "libbx/root.h"
#include "libbx/settings.h"
#include "libbx/transport.h"

static bool (*_Atomic offered)(void);

void
bx__process_offer(bool (*begin)(void))
{
	uint32_t off = 0;
	atomic_store(&offered, begin);
	atomic_compare_exchange_strong(&bx_config.on, &off, CONFIG_OFFERED);
}

void
configure_offered(void)
{
	bool (*begin)(void) = atomic_load(&offered);
	uint32_t still = CONFIG_OFFERED;
	if (begin && begin())
		atomic_compare_exchange_strong(&bx_config.on, &still, 0);
}

int
bx__process_begin(const struct bx__process *p)
{
	if (atomic_load(&offered) && !config_on())
		return -1;
	if (!root_declare(p->name, p->start_mono ? p->start_mono : clock_mono_ns(),
		p->start_mono ? p->start_wall : clock_wall_ns()))
		return -1;
	settings_source(p->setting);
	int on = p->tcp ? bx_configure_default() : configure_over(&transport_ring, NULL, 0);
	if (p->bad_settings)
		atomic_fetch_add(&bx_config.bad_settings, p->bad_settings());
	return on;
}

/* Asked at every exit: a process that has done nothing shall not begin to now. */
static bool
has_emitted(struct process *p)
{
	uint32_t used = p ? atomic_load(&p->slots_used) : 0;
	for (uint32_t i = 0; i < used; i++) {
		const struct ring_header *h = process_ring(p, i);
		if (h && atomic_load(&h->events))
			return true;
	}
	return p && atomic_load(&p->left_events);
}

bx_ctx *
bx__process_event(void)
{
	struct thread *t = has_emitted(process_peek()) ? thread_enter() : NULL;
	if (!t)
		return NULL;
	struct ctx *c = NULL;
	const struct lineage *line = root_line(t);
	if (line && !atomic_exchange(&t->process->root_done, true)) {
		int64_t mono, wall;
		root_start(&mono, &wall);
		c = context_make(t, line, mono, wall);
	}
	bx_ctx *handle = c ? context_handle(c) : NULL;
	thread_leave(t);
	return handle;
}

void
bx__ring_prepare(void)
{
	struct thread *t = thread_enter();
	if (!t)
		return;
	if (!t->ring.header)
		(void)ring_take(&t->ring, t->process);
	thread_leave(t);
}

bool
bx__busy(void)
{
	return bx_thread.busy != 0;
}

bx_ctx *
bx__ctx_new(const char *name, uint32_t known, int64_t *start_ns)
{
	struct thread *t = thread_enter();
	if (!t)
		return NULL;
	struct ctx *c = context_new_lasting(t, name, known);
	bx_ctx *handle = NULL;
	if (c) {
		c->by_handle = true;
		*start_ns = c->line.recorded ? c->start_mono : 0;
		handle = context_handle(c);
	} else {
		process_drop(t->process, DROP_INERT, 0);
	}
	thread_leave(t);
	return handle;
}

int
bx__ctx_done(bx_ctx *ctx, int64_t end_ns)
{
	struct thread *t = thread_enter();
	if (!t)
		return 0;
	struct ctx *c = context_of(t, ctx);
	int kept = c ? context_done(t, c, end_ns) : 0;
	if (!c && ctx)
		context_refuse(t);
	thread_leave(t);
	return kept;
}

void
bx__ctx_drop(bx_ctx *ctx)
{
	struct thread *t = thread_enter();
	if (!t)
		return;
	struct ctx *c = context_of(t, ctx);
	if (c) {
		if (c->line.recorded)
			process_drop(t->process, DROP_INERT, 0);
		c->line.recorded = false;
		context_done(t, c, CONTEXT_NOW);
	}
	thread_leave(t);
}

static inline uint8_t *
fields_room(struct thread *t, bx_ctx *ctx, size_t most, uint32_t count)
{
	struct ctx *c = context_of(t, ctx);
	if (c && c->line.recorded && !c->lost) {
		struct fields *f = &c->fields;
		if (!f->in_tree && most + (size_t)count * FIELD_COST <= f->room)
			return f->data + f->used;
		f->left_out += count;
	}
	thread_leave(t);
	return NULL;
}

static __attribute__((noinline)) uint8_t *
fields_open_unusual(bx_ctx *ctx, size_t most, uint32_t count)
{
	struct thread *t = thread_enter();
	return t ? fields_room(t, ctx, most, count) : NULL;
}

uint8_t *
bx__fields_open(bx_ctx *ctx, size_t most, uint32_t count)
{
	uint32_t on = config_on();
	struct thread *t = on ? thread_try(on) : NULL;
	return t ? fields_room(t, ctx, most, count) : fields_open_unusual(ctx, most, count);
}

static struct ctx *
add_fields(const struct thread *t, const uint8_t *end, uint32_t count)
{
	struct ctx *c = (struct ctx *)t->busy; /* NOLINT(performance-no-int-to-ptr): left there by context_of() */
	struct fields *f = &c->fields;
	uint32_t used = (uint32_t)(end - f->data);
	f->room -= used - f->used + count * FIELD_COST;
	f->used = used;
	f->count += count;
	f->seen = ~(uint64_t)0; /* which keys these were is not known here */
	return c;
}

void
bx__fields_close(const uint8_t *end, uint32_t count)
{
	add_fields(&bx_thread, end, count);
	thread_leave(&bx_thread);
}

int
bx__fields_close_done(const uint8_t *end, uint32_t count, int64_t end_ns)
{
	int kept = context_done(&bx_thread, add_fields(&bx_thread, end, count), end_ns);
	thread_leave(&bx_thread);
	return kept;
}
