/* SPDX-License-Identifier: ISC */
/* trace: joining the work of other services, by W3C traceparent headers that come in. */
#ifndef BLUEOX_TRACE_H
#define BLUEOX_TRACE_H

#include "libbx/lineage.h"

struct bx_options;

/* As lineage_inherit(), for options with a header: its trace id is the id and its span the parent, unless the options
 * give an id.  A malformed header is counted and as if it were not there. */
void trace_inherit(struct thread *t, struct lineage *line, const struct lineage *parent,
    const struct bx_options *options, int64_t wall_ns);

#endif
