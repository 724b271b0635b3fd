/* SPDX-License-Identifier: ISC */
/*
 * positions: how far each ring has been taken over, which of its drops have been reported, which frames are there.
 *
 * It is the sum of all journal records so far, and nothing else: recovery feeds it the snapshot and then each record
 * behind it; afterwards the ingest thread, which appends the records, keeps it in step and owns it.
 */
#ifndef BLUEOX_OXD_POSITIONS_H
#define BLUEOX_OXD_POSITIONS_H

#include <uthash.h>

#include "libbx/core/buf.h"
#include "oxd/origins.h"
#include "oxd/source.h"

struct position {
	struct ring_key key;
	uint64_t to; /* 0: no record of this ring yet */
	struct drop_totals reported;
	bool in_use; /* a ring that is open points here */
	UT_hash_handle hh;
};

/* All zeroes is valid and empty. */
struct positions {
	struct position *table;
	struct origins origins;
};

void positions_fini(struct positions *p);

struct position *positions_find(const struct positions *p, const struct ring_key *key);
struct position *positions_get(struct positions *p, const struct ring_key *key); /* makes one that is not there */
void positions_forget(struct positions *p, struct position **pos);
void positions_forget_unused(struct positions *p);

/* Takes in what one record says; `frame` is its frame, or empty. */
void positions_apply(struct positions *p, const struct source *source, struct bytes frame);

/*
 * Snapshot content, MessagePack: {covers, rings: [[ino, uid, nonce, to, dropped_bytes, [dropped_by…]]…], frames: as
 * origins.h has it}.
 */
void positions_encode(const struct positions *p, uint64_t covers, struct buf *out);

/* The same with one more pair of the map behind, as it is; readers pass over what they do not know. */
void positions_encode_with(const struct positions *p, uint64_t covers, struct bytes pair, struct buf *out);
enum bx_err positions_decode(struct positions *p, const struct buf *in, uint64_t *covers);

#endif
