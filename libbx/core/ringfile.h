/* SPDX-License-Identifier: ISC */
/*
 * ringfile: the layout of a ring in shared memory, which a program writes and oxd reads.
 *
 * One page of header, then 2^k bytes of data.  One thread writes, one thread of oxd reads; neither waits for the other.
 * Positions are bytes since the ring was made and never wrap; they start at `capacity`, so that zeroed memory never
 * looks like a record.  The data is mapped twice in a row by the writer, so a record never wraps either; the reader,
 * which uses pread and maps nothing, joins the two halves.
 *
 *    head - capacity <= tail <= head        tail .. head: written, not yet taken       records start 8-aligned
 *
 * A record: { u64 pos, u32 map length, u16 type length, u16 flags, f64 end } type map padding to 8.  `pos` is the
 * record's own position and is stored last, with release.
 */
#ifndef BLUEOX_CORE_RINGFILE_H
#define BLUEOX_CORE_RINGFILE_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/err.h"

#define RING_MAGIC  "BLUEOXR" /* eight bytes with its NUL */
#define RING_SUFFIX ".ring"

enum {
	RING_LAYOUT = 1,
	RING_HEADER_BYTES = 4096,
	RING_CAPACITY_MIN = 16 * 1024,
	RING_CAPACITY_MAX = 8 * 1024 * 1024,
	RING_CAPACITY_DEFAULT = 256 * 1024,
	RING_PROCESS_MAX = 8 * 1024 * 1024, /* bytes of all rings of one process */
	RING_PROCESS_MIN = 1024 * 1024,     /* of them, however little memory its control group may have */
	RING_RECORD_HEADER = 24,
	RING_NAME_LEN = 16, /* hex digits before the suffix */
};

/* Why an event was dropped; reported under these names.  The order is part of the ring's layout: append only. */
#define RING_DROP_REASONS(X)                                                                                           \
	X(RING_FULL, ring_full)                                                                                        \
	X(NO_RING, no_ring)                                                                                            \
	X(TOO_BIG, too_big)                                                                                            \
	X(IN_SIGNAL, in_signal)                                                                                        \
	X(INERT, inert)

enum ring_drop {
#define X(upper, lower) DROP_##upper,
	RING_DROP_REASONS(X)
#undef X
	    DROP_REASONS
};
enum { RING_DROP_SLOTS = 8 }; /* room for more reasons in the layout */

/* The header page.  Who writes a field stands at its line; nobody else ever does. */
struct ring_header {
	/* constant once the file has its final name */
	char magic[8];
	uint32_t layout;
	uint32_t header_bytes;
	uint64_t capacity;
	uint8_t nonce[16];
	uint8_t boot_id[16];
	uint32_t pid; /* as its own pid namespace counts */
	uint32_t reserved;
	uint64_t pidns;     /* inode of that namespace */
	uint64_t starttime; /* ns since the epoch at creation */
	char program[64];   /* NUL-terminated */
	uint8_t pad0[256 - 152];

	/* the writer's */
	_Alignas(128) _Atomic uint64_t head;
	_Atomic uint64_t events;
	_Atomic uint64_t dropped_events; /* cumulative */
	_Atomic uint64_t dropped_bytes;
	_Atomic uint64_t first_drop; /* seconds since the epoch, bits of a double; 0 before the first */
	_Atomic uint64_t last_drop;
	_Atomic uint64_t dropped_by[RING_DROP_SLOTS]; /* dropped_events, by reason */
	uint8_t pad1[16];

	/* oxd's */
	_Alignas(128) _Atomic uint64_t tail;
	_Atomic uint64_t tail_check; /* ~tail: the writer believes a tail only when both match */
	_Atomic uint32_t please_leave;
	uint8_t pad2[108];
};

static_assert(offsetof(struct ring_header, head) == 256, "layout");
static_assert(offsetof(struct ring_header, tail) == 384, "layout");
static_assert(sizeof(struct ring_header) == 512, "layout");
static_assert(sizeof(struct ring_header) <= RING_HEADER_BYTES, "layout");

struct ring_record {
	_Atomic uint64_t pos;
	uint32_t map_len;
	uint16_t type_len;
	uint16_t flags; /* 0 */
	double end;
};

static_assert(sizeof(struct ring_record) == RING_RECORD_HEADER, "layout");
static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(_Atomic uint32_t) == 4, "layout");

/* Bytes that a record takes in the ring. */
static inline uint64_t
ring_record_size(uint32_t type_len, uint32_t map_len)
{
	return ((uint64_t)RING_RECORD_HEADER + type_len + map_len + 7) & ~(uint64_t)7;
}

/* The kernel's boot id, all zero when it is not known.  Async-signal-safe; may change errno. */
void ring_boot_id(uint8_t out[16]);

/* True when the constant part of a header describes a ring that this build can read. */
bool ring_header_valid(const struct ring_header *h);

/* True when it is a ring of a layout that came after this build.  Magic and layout stand where they do in every layout. */
bool ring_header_newer(const struct ring_header *h);

/* A record as the reader finds it, borrowed from the copy. */
struct ring_view {
	const uint8_t *type;
	const uint8_t *map;
	uint32_t type_len;
	uint32_t map_len;
	double end;
	uint64_t size; /* of the whole record */
};

/*
 * Reads the record at `pos` from a copy of the ring's bytes that starts at that position and holds n bytes.
 * BX_ESHORT: the copy ends inside the record.  BX_EBAD: the position word or a length is wrong, the ring is damaged.
 * The map itself is not looked into.
 */
enum bx_err ring_record_read(const uint8_t *copy, size_t n, uint64_t pos, uint64_t capacity, struct ring_view *v);

#endif
