/* SPDX-License-Identifier: ISC */
/*
 * record: what the journal is made of, one frame with its number, arrival time and source.
 *
 * A record stands for itself: its length, a checksum seeded with its segment's own random seed, and its number are in
 * it, so where records begin and end can always be found again by looking.  The seed keeps bytes inside an event, or
 * left from an earlier use of the file, from ever passing for a record.
 *
 *    0  u32  length, without the padding to 8 that follows; 0 is the end of what was written
 *    4  u8   kind of source
 *    5  u8   0
 *    6  u16  length of the source
 *    8  u64  XXH3-64 of bytes 16 .. length, seeded with the segment's seed XOR bytes 0 .. 8 read as u64
 *   16  u64  number, dense from 1
 *   24  i64  arrival, ns since the epoch
 *   32       source, then the frame (none for ORIGIN and LOST)
 */
#ifndef BLUEOX_OXD_RECORD_H
#define BLUEOX_OXD_RECORD_H

#include "libbx/core/buf.h"
#include "oxd/source.h"

enum {
	RECORD_HEADER = 32,
	RECORD_MAX = RECORD_HEADER + SOURCE_MAX + FRAME_MAX,
	/* At most so much more than the frame; where the source has no fixed length, SOURCE_MAX more has to be asked for. */
	RECORD_OVERHEAD = RECORD_HEADER + SOURCE_FIXED_MAX + 8,
};

/* A record as found, borrowed. */
struct record {
	uint64_t number;
	int64_t arrival_ns;
	struct source source;
	struct bytes frame; /* empty when there is none */
	uint32_t size;      /* padding included */
};

/* Appends a record; the frame is already sealed. */
void record_put(
    struct buf *b, uint64_t seed, uint64_t number, int64_t arrival_ns, const struct source *source, struct bytes frame);

/*
 * The same in two steps, for a frame that is made in place: record_start() returns where the frame starts, and once it
 * is sealed there, record_finish() makes a record of it.  A buf that is cut back to its length of before has no record.
 */
size_t record_start(struct buf *b, size_t length_of_source);
void record_finish(
    struct buf *b, size_t frame_at, uint64_t seed, uint64_t number, int64_t arrival_ns, const struct source *source);

/* Length that the record at p claims, without padding; 0 when that cannot be (p has RECORD_HEADER bytes). */
uint32_t record_length(const uint8_t *p);

/* Checks and reads the record that starts at p.  BX_ESHORT, BX_EBAD, BX_ESUM. */
enum bx_err record_read(const uint8_t *p, size_t n, uint64_t seed, struct record *out);
enum bx_err record_read_summed(const uint8_t *p, size_t n, struct record *out); /* its sum is known to hold */

#endif
