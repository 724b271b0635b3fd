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
#include "libbx/core/cursor.h"
#include "libbx/core/event.h"
#include "oxview/symbolize.h"

enum {
	STACK_FRAMES_SHOWN = 256,
	STACK_MODULES_KNOWN = 256
}; /* libbx writes 64 and 32; a stranger may write millions */

/* True when the object has the form of a stack. */
bool stack_is(struct bytes object);

struct stack_frame {
	bool known;                  /* else it is none */
	struct bytes path, build_id; /* of the module, each absent where it has none */
	uint64_t offset;
};

struct stack_walk {
	struct cursor at;
	uint32_t left, number;
	struct bytes modules;
};

/* One frame after the other, STACK_FRAMES_SHOWN of them at most; what is left then is w->left. */
void stack_open(struct stack_walk *w, struct bytes stack);
bool stack_next(struct stack_walk *w, struct stack_frame *f);

/* `function+0x10 at file.c:12 (module)`; `offset` as 0 is not shown. */
void stack_put_symbol(const struct symbol *symbol, uint64_t offset, struct buf *out);
void stack_put_module(const struct stack_frame *f, struct buf *out);

/*
 * A line for each frame, `#0  0x1234 function+0x10 at file.c:12 (module)`, each behind `indent` spaces, and behind them one
 * for each module whose functions are not known, with the reason.
 */
void stack_print(struct bytes stack, struct symbolizer *symbols, int indent, struct buf *out);

#endif
