/* SPDX-License-Identifier: ISC */
/* srcline: lines of a source file, as it is on this host now, to be shown beside a stack. */
#ifndef BLUEOX_OXVIEW_SRCLINE_H
#define BLUEOX_OXVIEW_SRCLINE_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "oxview/term.h"

/*
 * The line and `around` lines before and behind it, each with its number and behind `indent` spaces, the one itself marked.
 * False, and nothing written, where the file cannot be read or has no such line.  Blocks on the file, which must be a regular one.
 */
bool srcline_put(const char *path, int line, int around, int indent, const struct term *term, struct buf *out);

#endif
