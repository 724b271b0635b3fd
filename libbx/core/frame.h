/* SPDX-License-Identifier: ISC */
/*
 * frame: the record that travels, some events under one name that is unique for ever.
 *
 * A frame is made once, by whoever takes the events in, and never rewritten: (origin, seq) names its bytes.  All
 * integers are little-endian.
 *
 *    0  u32  length of the whole frame
 *    4  u8   format version, 1
 *    5  u8   flags, 0; others are a newer maker's
 *    6  u16  0
 *    8  u64  XXH3-64 of bytes 16 .. length, seeded with bytes 0 .. 8 read as u64
 *   16  u8[16] origin, random, fresh at every start of the process that made the frame
 *   32  u64  seq, number of this frame within its origin, dense from 1
 *   40  u32  count of events
 *   44  u32  0
 *   48  count x { u16 type length, u16 0, u32 map length, f64 end, type, map }
 */
#ifndef BLUEOX_CORE_FRAME_H
#define BLUEOX_CORE_FRAME_H

#include "libbx/core/buf.h"
#include "libbx/core/event.h"

enum {
	FRAME_VERSION = 1,
	FRAME_HEADER = 48,
	FRAME_COUNT_AT = 40, /* u32, kept while events are added */
	FRAME_EVENT_HEADER = 16,
	FRAME_ORIGIN = 16,
	FRAME_SUM = 8,             /* where the checksum stands */
	FRAME_NAME = 16,           /* and the name: origin, seq */
	FRAME_MAX = 1 << 20,       /* receivers take no more */
	FRAME_TARGET = 256 * 1024, /* makers stop adding here */
	FRAME_TYPE_MAX = 1024,     /* bytes of a type's name */
};

/* A frame being read: a borrowed view that frame_open() has checked. */
struct frame {
	const uint8_t *data;
	uint32_t len;
	const uint8_t *origin; /* FRAME_ORIGIN bytes */
	uint64_t seq;
	uint32_t count;
	uint32_t done; /* events that frame_next has given */
	uint32_t at;   /* offset of the next event */
};

/* One event of a frame, borrowed. */
struct frame_event {
	struct bytes type;
	struct bytes map;
	double end;
};

/*
 * Writing: start, add, seal.  The buf may hold other things before the frame, which starts at b->len.  What a reader
 * would refuse is refused here: a type or a frame that is too long (BX_ELIMIT), an empty map (BX_EBAD).
 */
size_t frame_start(struct buf *b); /* returns where the frame starts, to be handed to the other two */
void frame_add(struct buf *b, size_t start, struct bytes type, double end, struct bytes map);

/* The same for a type and a map that lie one behind the other: both in one copy. */
void frame_add_joined(
    struct buf *b, size_t start, const uint8_t *type_and_map, size_t type_len, double end, size_t map_len);
enum bx_err frame_seal(struct buf *b, size_t start, const uint8_t origin[FRAME_ORIGIN], uint64_t seq);

/*
 * Reading: checks length, version, checksum, that what must be zero is, and that the events fill the frame exactly; maps
 * are not looked into.  BX_EVERSION is no damage: somebody newer made it, hold it.
 */
enum bx_err frame_open(const void *p, size_t n, struct frame *f);

/* As frame_open, for bytes that lie under another checksum, which holds: the frame's own is not computed again. */
enum bx_err frame_open_summed(const void *p, size_t n, struct frame *f);
bool frame_next(struct frame *f, struct frame_event *ev); /* false behind the last one */

/* Length that the frame at p claims, for framing only; 0 when n is too short or the claim is out of bounds. */
uint32_t frame_length(const void *p, size_t n);

#endif
