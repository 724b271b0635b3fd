/* SPDX-License-Identifier: ISC */
/*
 * source: where a journal record came from, and what that says about rings.
 *
 * A ring's record tells up to which byte the ring has been taken over and what of that was left out, an own record how
 * many drops of that ring have been reported.  Both are in the same record as the frame itself, so a restart can neither
 * take an event twice, nor count it twice, nor report a drop twice.  Layouts are in doc/JOURNAL.md.
 */
#ifndef BLUEOX_OXD_SOURCE_H
#define BLUEOX_OXD_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/event.h"
#include "libbx/core/frame.h"
#include "libbx/core/ringfile.h"

enum source_kind {
	SOURCE_ORIGIN = 1, /* a start of oxd: the origin of the frames behind it; no frame */
	SOURCE_RING = 2,
	SOURCE_PUSH = 3,           /* version 3 clients */
	SOURCE_OWN = 4,            /* an event of oxd itself about a ring */
	SOURCE_LOST = 5,           /* journal numbers that were found damaged; no frame */
	SOURCE_RELAY = 6,          /* a frame that another oxd or a sender without one made */
	SOURCE_SELF = 7,           /* events of oxd itself, about nothing in particular; nothing more is told */
	SOURCE_SIFTED = 8,         /* as RING, and something was left out; no frame when nothing else was there */
	SOURCE_CLIENTS_SIFTED = 9, /* what was left out of version 3 clients' events; no frame */
	SOURCE_COUNTED = 10,       /* whose ring it is, and how many events it had written; no frame */
	SOURCE_ACCOUNT = 11,       /* the account of oxctl audit begins behind this record; no frame */
};

/* What makes a ring that ring: a name or a pid would not do, both are used again. */
struct ring_key {
	uint64_t ino;
	uint32_t uid;
	uint32_t zero;
	uint8_t nonce[16];
};

/* A ring's drops, cumulative. */
struct drop_totals {
	uint64_t bytes;
	uint64_t by[RING_DROP_SLOTS];
};

struct source {
	uint8_t kind; /* enum source_kind, or one that a newer version made */
	union {
		uint8_t origin[FRAME_ORIGIN];
		struct {
			struct ring_key key;
			uint64_t from, to;
			struct bytes left_out; /* SIFTED: items of left_out.h, borrowed */
		} ring;
		struct {
			struct bytes left_out;
		} clients;
		struct {
			struct ring_key key;
			uint64_t base;              /* events in its header before the account began with it */
			uint64_t written;           /* behind those, cumulative */
			bool based;                 /* the base is known */
			const char *host, *program; /* borrowed */
		} counted;
		struct {
			uint64_t since_ns; /* wall clock */
		} account;
		struct {
			struct ring_key key;
			struct drop_totals reported;
		} own;
		struct {
			uint64_t lo, hi;
		} lost;
		struct {
			uint64_t via; /* the peer that brought it, as origins.h counts them */
		} relay;
	};
};

enum {
	SOURCE_FIXED_MAX = 104, /* of a kind that has a fixed length */
	SOURCE_MAX = 2048,
	LEFT_OUT_MAX = SOURCE_MAX - 48,
};

size_t source_bytes(uint8_t kind);            /* of the part that each of its kind has */
size_t source_length(const struct source *s); /* of its encoding */
size_t source_encode(const struct source *s, uint8_t out[SOURCE_MAX]);

/* False when the length is not that of this kind.  An unknown kind is fine and left as it is. */
bool source_decode(uint8_t kind, const uint8_t *p, size_t n, struct source *out);

#endif
