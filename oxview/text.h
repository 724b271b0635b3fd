/* SPDX-License-Identifier: ISC */
/*
 * text: words of strangers, made safe for a terminal.
 *
 * An event may hold anything, and a terminal obeys what it is sent.  So control characters (C0, C1, DEL), the ones that
 * turn the direction of writing, and bytes that are not UTF-8 are written as escapes (`\x1b`, `\u{202e}`), and nothing
 * else is changed.
 */
#ifndef BLUEOX_OXVIEW_TEXT_H
#define BLUEOX_OXVIEW_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "libbx/core/buf.h"

/* One line: newlines and tabs are escaped too. */
void text_line(struct buf *out, const void *s, size_t n);

/* Several lines: behind each newline comes `indent` spaces. */
void text_block(struct buf *out, const void *s, size_t n, int indent);

/* One line in which each run of white space is one space, for statements that were written over several lines. */
void text_folded(struct buf *out, const void *s, size_t n);

/* Columns that the bytes take on a terminal; they must be UTF-8 without controls, as written by the functions above. */
size_t text_columns(const void *s, size_t n);

/*
 * Cuts what was written to out behind `start` to at most `columns`, the last of them an ellipsis (`...` when not
 * utf8); what fits is left alone.
 */
void text_cut(struct buf *out, size_t start, size_t columns, bool utf8);

#endif
