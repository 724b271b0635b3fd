/* SPDX-License-Identifier: ISC */
/* trace: headers in at the beginning of a context, headers out on request. */
#include "libbx/trace.h"

#include <string.h>

#include "libbx/context.h"
#include "libbx/core/traceparent.h"
#include "libbx/shim.h"

_Static_assert((int)BX_TRACEPARENT_BYTES == TRACEPARENT_LEN + 1, "what the header says");
_Static_assert((int)BX__TRACEPARENT == TRACEPARENT_LEN + 1, "what the shim's header says");

void
trace_inherit(struct thread *t, struct lineage *line, const struct lineage *parent, const struct bx_options *options,
    int64_t wall_ns)
{
	struct traceparent trace;
	const char *header = options->traceparent;
	bool joins = !options->id && traceparent_read(header, strlen(header), &trace);
	if (!joins && !options->id)
		atomic_fetch_add_explicit(&t->process->bad_traceparents, 1, memory_order_relaxed);
	lineage_inherit(t, line, parent, joins ? trace.trace_id : options->id, wall_ns);
	if (joins)
		(void)hex_read_u64(trace.span, &line->parent);
}

/* One that is not recorded has no id until somebody downstream needs to know that it is not. */
static void
give_id(struct thread *t, struct lineage *line)
{
	line->id = id_new((uint64_t)(clock_wall_ns() / 1000000000), &t->rand);
	line->span = span_new(&t->rand);
}

bool
bx__ctx_traceparent(bx_ctx *ctx, char out[BX__TRACEPARENT])
{
	out[0] = '\0';
	struct thread *t = thread_enter();
	if (!t)
		return false;
	struct ctx *c = context_of(t, ctx);
	bool known = c && c->line.id_len == 0;
	if (known && c->line.span == 0)
		give_id(t, &c->line);
	if (known)
		traceparent_write(out, c->line.id, c->line.span, c->line.recorded);
	thread_leave(t);
	return known;
}

bool
bx_traceparent(char out[BX_TRACEPARENT_BYTES])
{
	return bx__ctx_traceparent(BX__CURRENT, out);
}
