/* SPDX-License-Identifier: ISC */
/*
 * index: what each block of a log file holds, so that a reader can pass over those that cannot matter.
 *
 * FILE.idx stands beside FILE and has an entry for each 256 KiB or so of it, one behind the other from offset 0: where,
 * how many events, between which times, a checksum, and a filter over the ids.  It is a hint.  An entry carries its own
 * length, number and checksum; the first that does not hold ends the index, and what lies behind it is read as if there
 * were none.  Offsets count uncompressed bytes, so that the index of FILE.log is that of FILE.log.zst too.  The layout
 * is in doc/FORMATS.md.
 */
#ifndef BLUEOX_CORE_INDEX_H
#define BLUEOX_CORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/buf.h"
#include "libbx/core/event.h"

enum {
	INDEX_VERSION = 1,
	INDEX_HEADER = 32,
	INDEX_HEAD_MAX = 4096,   /* of the log's first bytes, by which it is known again */
	INDEX_ENTRY = 72,        /* without its filter */
	INDEX_FILTER_MAX = 8192, /* a multiple of 32 */
	INDEX_BLOCK = 256 * 1024,
	INDEX_BLOCK_MAX = 32 * 1024 * 1024,
};

#define INDEX_SUFFIX ".idx"

struct index_header {
	uint32_t head_len;
	uint64_t head_sum; /* also salts the entries: one of another log's index never holds */
};

/* One block.  `when` is an event's end, or its start where it has no end. */
struct index_entry {
	uint64_t offset;
	uint32_t length;
	uint32_t number;                               /* of the entry, from 0 */
	uint32_t count;                                /* events */
	uint32_t untimed;                              /* of those, events without any time */
	uint64_t sum;                                  /* XXH3-64 of the block */
	double least_start, least_when, greatest_when; /* +inf, +inf, -inf when there is none */
	struct bytes filter;
};

/* ---- reading: trusts nothing --------------------------------------------------------------------------------------- */

enum bx_err index_read_header(const void *p, size_t n, struct index_header *out);

/* True when this is the index of a log that begins with these bytes; at least head_len of them, or all there are. */
bool index_is_of(const struct index_header *h, const void *head, size_t n);

/*
 * Reads the entry at p that must have this number and begin at this offset.  BX_ESHORT: the bytes end inside it.  The
 * filter borrows from p.
 */
enum bx_err index_read_entry(const void *p, size_t n, const struct index_header *h, uint32_t number, uint64_t offset,
    struct index_entry *out, size_t *used);

bool index_block_holds(const struct index_entry *e, const void *block); /* e->length bytes */

/* False when no event of the block has this very id (its bytes, as str or bin). */
bool index_may_have_id(const struct index_entry *e, struct bytes id);

/* ---- writing ------------------------------------------------------------------------------------------------------- */

/* What is gathered about a block while its events are walked.  All zeroes is none; begin each block with clear. */
struct index_block {
	struct index_entry entry;
	uint64_t *hashes; /* of ids, owned; neighbours differ */
	size_t hash_count, hash_cap;
	bool no_memory; /* sticks: the filter then lets every id pass */
};

void index_block_clear(struct index_block *b);
void index_block_add(struct index_block *b, const struct event *ev);
void index_block_fini(struct index_block *b);

/* Appends the header of the index of a log that begins with these bytes. */
void index_put_header(struct buf *out, const void *head, size_t n, struct index_header *h);

/*
 * The block is whole: its entry, but for the number, is what it will be.  The filter is appended to `filter` and borrowed
 * from there; without memory every id passes.
 */
void index_block_close(struct index_block *b, uint64_t offset, uint32_t length, uint64_t sum, struct buf *filter);

/* Appends an entry, filter included. */
void index_put(struct buf *out, const struct index_header *h, const struct index_entry *e);

/* Both for the n bytes at `block`, whose events were added. */
void index_put_entry(struct buf *out, const struct index_header *h, struct index_block *b, uint32_t number,
    uint64_t offset, const void *block, size_t n);

#endif
