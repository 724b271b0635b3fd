/* SPDX-License-Identifier: ISC */
/*
 * fields: the body of an event while it is being filled.
 *
 * A field is encoded when it is set.  As long as no key has a dot, the body stands in the context's memory as it will
 * stand in the event, and is copied as it is:
 *
 *     data:  [key][value] [key][value] [key][value] ........ free ........
 *            0                                     used          room bytes of it may be taken
 *
 * The first dotted key, the first list, or a key that may be there already among many turns it into a tree
 * (libbx/tree.h).  Every field is charged FIELD_COST bytes more than it takes, which is what turning costs, so that
 * there is always room to do so.
 */
#ifndef BLUEOX_FIELDS_H
#define BLUEOX_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/blueox.h"
#include "libbx/core/bytes.h"

enum {
	FIELD_KEY_MAX = 1024, /* bytes of a key */
	FIELD_PARTS_MAX = 24, /* dotted parts of a key: how deep its map lies */
	FIELD_COST = 8,
	FIELDS_KEPT_BACK = 64, /* bytes for one field more, which says how many were left out */
};

struct tree;

struct fields {
	uint64_t
	    seen; /* a bit by hash for each key: unset means that a key is new, without looking.  A tree: all set */
	uint8_t *data;
	uint32_t used;
	uint32_t room;
	uint32_t count;    /* while there is no tree */
	uint32_t left_out; /* fields for which there was no room */
	uint32_t cap;
	bool in_tree;
	struct tree *tree; /* its memory is kept when the fields are used again */
};

/* Once for a context's memory; cap bytes at data, with a few more behind them that may be read. */
void fields_init(struct fields *f, uint8_t *data, uint32_t cap);

/* Empties them. */
static inline void
fields_reset(struct fields *f)
{
	f->seen = 0;
	f->used = 0;
	f->room = f->cap - FIELDS_KEPT_BACK;
	f->count = 0;
	f->left_out = 0;
	f->in_tree = false;
}

/* So that every field goes the long way, where it is asked whether it is wanted. */
static inline void
fields_close(struct fields *f)
{
	f->room = 0;
	f->left_out = 0;
}

struct field_key {
	const char *s;
	uint32_t len;
	bool trusted; /* known at compile time: text that the programmer wrote */
};

/*
 * Makes `key` a field and returns where its value of up to `value_max` bytes is to be written, or NULL when there is no
 * room (counted in left_out).  fields_commit() then says where the value ends; until it does nothing has changed.  What
 * stood there before is replaced, whatever it was; so is a value on the way of a dotted key.
 */
uint8_t *fields_reserve(struct fields *f, struct field_key key, uint32_t value_max);
void fields_commit(struct fields *f, struct field_key key, const uint8_t *value_end);

/* The same for a key of which the caller knows that it is not there. */
void fields_commit_new(struct fields *f, struct field_key key, const uint8_t *value_end);

/* The same for one more item of the list at `key`, which replaces whatever is there and no list made so. */
uint8_t *fields_reserve_item(struct fields *f, struct field_key key, uint32_t value_max);
void fields_commit_item(struct fields *f, struct field_key key, const uint8_t *value_end);

/* The encoded value at `key`, or NULL when there is none, or a map or list that was made of several fields. */
uint8_t *fields_find(struct fields *f, struct field_key key, uint32_t *len);

/* Opens the bytes that were kept back. */
static inline void
fields_open_reserve(struct fields *f)
{
	f->room += FIELDS_KEPT_BACK;
}

/* Upper bound of the bytes that the body takes when it is written. */
static inline uint32_t
fields_bound(const struct fields *f)
{
	enum { MAP_HEADER = 5 };
	return f->used + MAP_HEADER;
}

/* ---- the short way: a key that the compiler knows, that is new, and for which there is plenty of room ---- */

static inline bool
fields_simple(const struct fields *f, uint32_t known, uint32_t value_max)
{
	return known < (BX__KEY_MAX + 1) << BX__KEY_BITS && !(f->seen >> (known & 63) & 1) &&
	       f->room >= 1 + BX__KEY_MAX + FIELD_COST + value_max;
}

/* Returns where the value goes. */
static inline uint8_t *
fields_put_key(struct fields *f, const char *key, uint32_t known)
{
	uint8_t *p = f->data + f->used;
	uint32_t n = known >> BX__KEY_BITS;
	*p = (uint8_t)(0xa0 | n);
	copy_short(p + 1, key, n);
	return p + 1 + n;
}

static inline void
fields_append(struct fields *f, uint32_t known, const uint8_t *value_end)
{
	uint32_t used = (uint32_t)(value_end - f->data);
	f->room -= used - f->used + FIELD_COST;
	f->used = used;
	f->count++;
	f->seen |= 1ULL << (known & 63);
}

#endif
