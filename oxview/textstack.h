/* SPDX-License-Identifier: ISC */
/*
 * textstack: call stacks as text, from programs in other languages: one text, or a list of texts.
 *
 *     Traceback (most recent call last):            <- head
 *       File "shop.py", line 12, in basket          <- frame
 *         return items[n]
 *     IndexError: list index out of range           <- class and message
 *
 * Every language has a form of its own.  What most have in common: frames are indented, and what was said is not, with its
 * class in front of a colon.  Where nothing is indented all lines are frames.  Nothing more is made of them than what one
 * stack is called by, and what two have in common.
 */
#ifndef BLUEOX_OXVIEW_TEXTSTACK_H
#define BLUEOX_OXVIEW_TEXTSTACK_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/buf.h"
#include "libbx/core/cursor.h"
#include "libbx/core/event.h"

enum { TEXTSTACK_LINES_MOST = 4096 }; /* that are looked at */

struct textstack {
	struct cursor items;
	uint32_t left;     /* items */
	uint32_t lines;    /* that were given */
	struct bytes rest; /* of the item at hand */
};

/* True for a text that is not empty, and for a list with one. */
bool textstack_is(struct bytes object);

/* Line by line, without the ends of lines; empty ones are passed over. */
void textstack_open(struct textstack *t, struct bytes object);
bool textstack_next(struct textstack *t, struct bytes *line);

/*
 * A number for what went wrong and where: of lines that are frames, whole but for addresses (0x...); of the others, of what stands in front of
 * the first colon, without digits.  So it is the same whatever the message says.
 */
uint64_t textstack_print(struct bytes object, uint64_t seed);

/* What was said: `IndexError`, `list index out of range`.  Absent where nothing looks like it. */
struct textstack_gist {
	struct bytes class_name, message;
	struct bytes top; /* the innermost frame */
};
void textstack_gist(struct bytes object, struct textstack_gist *out);

#endif
