/* SPDX-License-Identifier: ISC */
/*
 * stack: call stacks as events carry them: {modules: [{path, build_id}...], frames: [[module, offset]...], thread}.
 *
 * A frame is a place in a file, (module, ELF virtual address), innermost first.  What it is called is looked up here,
 * on the reader's side: see symbolize.h.
 */
#ifndef BLUEOX_OXVIEW_STACK_H
#define BLUEOX_OXVIEW_STACK_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "libbx/core/event.h"
#include "oxview/symbolize.h"

/* True when the object has the form of a stack. */
bool stack_is(struct bytes object);

/* A line for each frame, `#0  0x1234 function+0x10 at file.c:12 (module)`, each behind `indent` spaces. */
void stack_print(struct bytes stack, struct symbolizer *symbols, int indent, struct buf *out);

#endif
