/* SPDX-License-Identifier: ISC */
/*
 * wire3: what a client of wire version 3 sends, in two parts.
 *
 * The first is Python's struct `!Bd64p64p`: version 3, end, host and type as Pascal strings of at most 63 bytes.  The
 * second is the event's MessagePack.  See doc/FORMATS.md.
 */
#ifndef BLUEOX_OXD_WIRE3_H
#define BLUEOX_OXD_WIRE3_H

#include "libbx/core/event.h"

enum { WIRE3_META = 137, WIRE3_TEXT = 63, WIRE3_VERSION = 3 };

enum wire3_fault { WIRE3_OK, WIRE3_BAD_VERSION, WIRE3_BAD_LENGTH, WIRE3_BAD_BODY };

struct wire3 {
	double end;
	struct bytes host;
	struct bytes type; /* whole: longer than 63 bytes where the map has the longer one */
	struct bytes map;
};

/* Borrows from both parts. */
enum wire3_fault wire3_read(struct bytes meta, struct bytes map, struct wire3 *out);

#endif
