/* SPDX-License-Identifier: ISC */
/*
 * sample: which contexts are recorded at all.
 *
 * A rate is compared with a number in [0, 1).  For the context itself (`.`) the number is drawn from the thread's
 * generator; for what hangs on another context (`..`, `^`, a name) it is computed from that context's span and the new
 * name.  Spans are random, so it is as good as drawn, and it is the same each time: all sub-events of that name under one
 * parent, on whatever thread, are recorded or none is, and nothing needs to be remembered.
 */
#ifndef BLUEOX_SAMPLE_H
#define BLUEOX_SAMPLE_H

#include <stdbool.h>

#include "libbx/context.h"

/* Reads BLUEOX_SAMPLE: `GLOB=[FORM:]RATE,...`.  False when an entry is not understood; those that are hold all the same.
 * NULL: no rules. */
bool sample_read_rules(const char *text);

/* The slow half of sample_keeps(). */
bool sample_decide(
    struct thread *t, const struct bx_sample *asked, const struct lineage *line, const struct lineage *parent);

extern bool sample_has_rules; /* constant once recording was turned on */

/* Whether the context with this name, under this parent (NULL: a top), is recorded, as far as sampling goes. */
static inline bool
sample_keeps(struct thread *t, const struct bx_sample *asked, const struct lineage *line, const struct lineage *parent)
{
	if (__builtin_expect(!sample_has_rules, 1)) {
		if (__builtin_expect(!asked->scope, 1))
			return true;
		if (asked->scope[0] == '.' && !asked->scope[1]) /* each by itself; a rate that is no number keeps it */
			return !(rand_unit(&t->rand) >= asked->rate);
	}
	return sample_decide(t, asked, line, parent);
}

#endif
