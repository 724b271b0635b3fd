/* SPDX-License-Identifier: ISC */
/* shim: the calls of shim.h that make the process itself a context. */
#include "libbx/shim.h"

#include <stdlib.h>
#include <string.h>

#include "libbx/context.h"
#include "libbx/root.h"
#include "libbx/transport.h"

int
bx__process_begin(const char *name)
{
	if (!root_declare(name, clock_mono_ns(), clock_wall_ns()))
		return -1;
	const char *tcp =
	    secure_getenv("BLUEOX_PRELOAD_TCP"); /* a thread in a stranger is not for an inherited BLUEOX_HOST */
	if (tcp && strcmp(tcp, "1") == 0)
		return bx_configure_default();
	return configure_over(&transport_ring, NULL, 0);
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

bool
bx__busy(void)
{
	return bx_thread.busy != 0;
}
