/* SPDX-License-Identifier: ISC */
/*
 * symbolize: names for places in ELF files, by elfutils.
 *
 * A name is given only when the file's build id is the one that the program ran (a name from another build is worse
 * than none); without a build id in the event the path has to do.  Looked for are, in this order: the file itself, its
 * debug file by build id under /usr/lib/debug, and, where DEBUGINFOD_URLS names servers, these (debuginfod.h).  What was
 * found, and that nothing was, is kept for each build id.
 *
 * Blocks on reading files, and on servers as long as it was allowed to.  Everything handed out lives until the next call.
 */
#ifndef BLUEOX_OXVIEW_SYMBOLIZE_H
#define BLUEOX_OXVIEW_SYMBOLIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/event.h"

struct symbolizer;

enum { SYMBOLS_MAX = 16 }; /* functions at one place: one, and those that were inlined into it */

struct symbol {
	const char *function; /* as the linker knows it, see demangle.h */
	const char *file;     /* NULL: no line information */
	int line;
	bool inlined; /* into the next one */
};

struct symbols {
	struct symbol at[SYMBOLS_MAX]; /* the innermost first */
	size_t count;                  /* 0: nothing is known of the place */
	uint64_t offset;               /* of the place in the last one, which is no inlined one */
	const char *why;               /* what is missing, and why: a phrase about the module; NULL: nothing */
};

/* Servers are asked for at most so long in all.  NULL: out of memory; symbolize() then knows nothing. */
struct symbolizer *symbolizer_new(int64_t servers_ns);
void symbolizer_free(struct symbolizer **s);

/* Once `late` is true what is not known already is not looked for, and said to be so.  NULL: there is time. */
void symbolizer_until(struct symbolizer *s, bool (*late)(void *context), void *context);

/* `offset` is an ELF virtual address in the module at `path`. */
void symbolize(struct symbolizer *s, struct bytes path, struct bytes build_id, uint64_t offset, struct symbols *out);

#endif
