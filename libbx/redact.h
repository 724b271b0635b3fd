/* SPDX-License-Identifier: ISC */
/*
 * redact: fields that must not leave the process, by name.
 *
 * A name is held against the end of a field's path, part by part: `password` is that field wherever it lies, also inside
 * a map that was set whole, `error.message` the message of an error.  What fits is left out when the event is written
 * into its ring, with all that lies below it: the ring is memory that others read.
 */
#ifndef BLUEOX_REDACT_H
#define BLUEOX_REDACT_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/cursor.h"

/* A field's name, from its last part outwards. */
struct redact_path {
	const char *s;
	uint32_t len;
	const struct redact_path *up; /* NULL: the body itself */
};

/* Reads BLUEOX_REDACT.  False when a name is not understood; those that are hold all the same.  NULL: none. */
bool redact_read_names(const char *text);

extern bool redact_any; /* constant once recording was turned on */

bool redact_hides(const struct redact_path *path);

/* Writes the value that stands at the cursor, or that many pairs of a map, without what is hidden in it. */
uint8_t *redact_value(uint8_t *p, struct cursor *c, const struct redact_path *path);
uint8_t *redact_pairs(uint8_t *p, struct cursor *c, uint32_t count, const struct redact_path *path);

#endif
