/* SPDX-License-Identifier: ISC */
/*
 * crash: what libbx does for the handler of a fault that ends the process.
 *
 * The fault may have come in the middle of a publish.  Nobody goes back there, so the ring is mended as after a
 * siglongjmp(): what was whole is kept, what was half written is not seen.  The event lies under the innermost context
 * that is recorded, so that one which was sampled out does not silence it.
 */
#include <string.h>
#include <unistd.h>

#include "libbx/core/mp.h"
#include "libbx/field.h"
#include "libbx/root.h"
#include "libbx/shim.h"
#include "libbx/stack.h"

enum { OPEN_SHOWN = 32 };

static_assert((int)BX__FRAMES == (int)STACK_FRAMES, "shim.h says how many there are");

bool
bx__stack_prepare(void)
{
	return stack_prepare();
}

int
bx__stack_interrupted(const void *context, void *pcs[BX__FRAMES])
{
	return stack_take_interrupted(context, pcs, BX__FRAMES);
}

bool
bx__borrowed(void)
{
	struct process *p = process_peek();
	uint32_t pid = p ? atomic_load_explicit(&p->pid, memory_order_relaxed) : 0;
	return pid && pid != (uint32_t)getpid();
}

static struct thread *
enter_for_good(void)
{
	struct thread *t = &bx_thread;
	if (config_on() && t->busy) {
		if (t->process && thread_is_of_process(t))
			ring_mend(&t->ring, t->process);
		thread_leave(t);
	}
	return thread_enter();
}

static const struct lineage *
nearest_recorded(struct thread *t)
{
	const struct ctx *c = t->current;
	while (c && !c->line.recorded)
		c = c->below;
	return c ? &c->line : root_line(t);
}

static uint8_t *
put_id(uint8_t *p, const struct lineage *line)
{
	char hex[ID_LEN];
	const char *id = line->id_len ? line->id_text : hex;
	uint32_t n = line->id_len ? line->id_len : ID_LEN;
	id_hex(hex, line->id);
	p = mp_is_utf8(id, n) ? mp_put_str_header(p, n) : mp_put_bin_header(p, n);
	memcpy(p, id, n);
	return p + n;
}

/* {name, id, span} of one; id and span only where it is recorded. */
static uint8_t *
put_context(uint8_t *p, const struct lineage *line)
{
	char span[SPAN_LEN];
	p = mp_put_map_header(p, line->recorded ? 3 : 1);
	p = mp_put_str(p, "name", 4);
	p = mp_is_utf8(line->name, line->name_len) ? mp_put_str_header(p, line->name_len)
						   : mp_put_bin_header(p, line->name_len);
	memcpy(p, line->name, line->name_len);
	p += line->name_len;
	if (!line->recorded)
		return p;
	hex_u64(span, line->span);
	p = put_id(mp_put_str(p, "id", 2), line);
	return mp_put_str(mp_put_str(p, "span", 4), span, SPAN_LEN);
}

/* The contexts open on this thread, innermost first. */
static void
set_contexts(bx_ctx *event)
{
	struct field f;
	if (!field_open(&f, event, "contexts", BX__KEY_UNKNOWN))
		return;
	uint32_t count = 0, bound = 5;
	for (const struct ctx *c = f.thread->current; c && count < OPEN_SHOWN; c = c->below, count++)
		bound += 64 + c->line.name_len + LINEAGE_ID_MAX;
	uint8_t *p = count ? field_room(&f, bound) : NULL;
	if (p)
		p = mp_put_array_header(p, count);
	for (const struct ctx *c = f.thread->current; p && c && count > 0; c = c->below, count--)
		p = put_context(p, &c->line);
	field_close(&f, p);
}

bx_ctx *
bx__crash_begin(void)
{
	struct thread *t = bx__borrowed() ? NULL : enter_for_good();
	struct lineage line;
	const struct lineage *parent;
	if (!t)
		return NULL;
	struct ctx *c = NULL;
	int64_t mono = clock_mono_ns(), wall = thread_wall_ns(t, mono);
	if (lineage_resolve(t, ".crash", BX__NAME_UNKNOWN, &line, &parent)) {
		lineage_inherit(t, &line, nearest_recorded(t), NULL, wall);
		line.recorded = true;
		c = context_make(t, &line, mono, wall);
	}
	if (c)
		c->by_handle = true;
	bx_ctx *event = c ? context_handle(c) : NULL;
	thread_leave(t);
	if (event)
		set_contexts(event);
	return event;
}
