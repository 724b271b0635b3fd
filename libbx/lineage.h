/* SPDX-License-Identifier: ISC */
/*
 * lineage: what a context is called, which unit of work it belongs to, and what it lies under.
 *
 * Ids and spans stay numbers until an event is written: most are only handed down.  A name that the compiler knows, one
 * part without a dot or one part under the current context, is resolved by a comparison and a copy; every other goes
 * through libbx/core/name.h.
 */
#ifndef BLUEOX_LINEAGE_H
#define BLUEOX_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/bytes.h"
#include "libbx/core/id.h"
#include "libbx/core/name.h"

enum { LINEAGE_ID_MAX = 200, LINEAGE_NAME_ROOM = 288 /* NAME_MAX_LEN and what a copy in steps may touch behind it */ };

struct thread;

/* What a context hands down to those under it. */
struct lineage {
	struct id id;    /* when id_len is 0 */
	uint64_t span;   /* this context alone */
	uint64_t parent; /* the span it lies under; 0: none */
	uint16_t id_len; /* bytes of id_text, for an id that was given and is not 32 hex digits; else 0 */
	uint16_t name_len;
	bool dotted;   /* the name has more than one part */
	bool recorded; /* what lies under one that is not recorded is not recorded either */
	char name[LINEAGE_NAME_ROOM];
	char id_text[LINEAGE_ID_MAX];
};

/*
 * Fills in the name of `line`, as `name` is meant on this thread now, and finds what it lies under (NULL: it is a top).
 * `known` is what the compiler knows of the name (BX__NAME_KNOWN()).  False when the name is a mistake.
 */
bool lineage_resolve(
    struct thread *t, const char *name, uint32_t known, struct lineage *line, const struct lineage **parent);

/* The same for a name of one part and n bytes when nothing is open and there is no root. */
static inline void
lineage_top(struct lineage *line, const char *name, uint32_t n)
{
	copy_short(line->name, name, n);
	line->name_len = (uint16_t)n;
	line->dotted = false;
}

/* Fills in id, span and parent.  `id`: any text, or NULL for the parent's or, for a top, a new one. */
void lineage_inherit(
    struct thread *t, struct lineage *line, const struct lineage *parent, const char *id, int64_t wall_ns);

/* An id that was given as a text of n bytes. */
void lineage_set_id(struct lineage *line, const char *id, size_t n);

#endif
