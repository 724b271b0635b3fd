/* SPDX-License-Identifier: ISC */
/*
 * symbolize: names for places in ELF files, by elfutils.
 *
 * A name is given only when the file's build id is the one that the program ran (a name from another build is worse
 * than none); without a build id in the event the path has to do.  Files are opened once and kept.
 *
 * Blocks on reading files.  Everything handed out lives as long as the symbolizer.
 */
#ifndef BLUEOX_OXVIEW_SYMBOLIZE_H
#define BLUEOX_OXVIEW_SYMBOLIZE_H

#include <stdint.h>

#include "libbx/core/event.h"

struct symbolizer;

struct symbol {
	const char *function; /* NULL: not known */
	uint64_t function_offset;
	const char *file; /* NULL: no line information */
	int line;
};

struct symbolizer *symbolizer_new(void); /* NULL: out of memory; symbolize() then knows nothing */
void symbolizer_free(struct symbolizer **s);

/* `offset` is an ELF virtual address in the module at `path`.  What is not known is left zero. */
void symbolize(struct symbolizer *s, struct bytes path, struct bytes build_id, uint64_t offset, struct symbol *out);

#endif
