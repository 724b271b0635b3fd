/* SPDX-License-Identifier: ISC */
/*
 * fields: the body of an event while it is being filled.
 *
 * A field is encoded when it is set, [key as MessagePack str][value], one after the other from the front of the
 * context's memory; what is known of each (where, how long) grows from its back:
 *
 *     data:  field field field ........ free ........ entry entry entry
 *            0          used                      cap - entries
 *
 * While no key has a dot and none was set twice at different lengths, the body is these bytes as they are.  Otherwise
 * it is put together at the end: dotted keys become nested maps, replaced fields are left out.
 */
#ifndef BLUEOX_FIELDS_H
#define BLUEOX_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FIELD_KEY_MAX = 1024, /* bytes of a key */
	FIELD_PARTS_MAX = 24, /* dotted parts of a key: how deep its map lies */
};

struct field {
	uint32_t offset; /* of the encoded key in data */
	uint32_t value_len;
	uint16_t key_len;
	uint8_t key_header; /* bytes of the key's MessagePack header */
	bool dead;          /* replaced or overruled; its bytes stay until there is need of room */
};

struct fields {
	uint64_t seen; /* a bit by hash for each key: unset means that a key is new, without looking */
	uint8_t *data;
	uint32_t cap;
	uint32_t used;
	uint32_t count; /* entries, dead ones included */
	uint32_t dead;
	uint32_t dots;      /* in all keys together, at least */
	uint32_t left_out;  /* fields for which there was no room */
	uint32_t kept_back; /* bytes for one field more, which says how many were left out */
};

void fields_init(struct fields *f, uint8_t *data, uint32_t cap);

struct field_key {
	const char *s;
	uint32_t len;
	bool dotted;
	bool trusted; /* known at compile time: text that the programmer wrote */
};

/*
 * Makes `key` a field and returns where its value of up to `value_max` bytes is to be written, or NULL when there is no
 * room (counted in left_out).  fields_commit() then says where the value ends; until it does nothing has changed.
 */
uint8_t *fields_reserve(struct fields *f, struct field_key key, uint32_t value_max);
void fields_commit(struct fields *f, struct field_key key, const uint8_t *value_end);

/* Opens the bytes that were kept back. */
void fields_open_reserve(struct fields *f);

/* Upper bound of the bytes that fields_write() will write. */
uint32_t fields_bound(const struct fields *f);

/* Writes the body as one MessagePack map and returns what is behind it. */
uint8_t *fields_write(const struct fields *f, uint8_t *p);

#endif
