/* SPDX-License-Identifier: ISC */
/* fields: appending, replacing, and the regrouping of dotted keys when the body is written. */
#include "libbx/fields.h"

#include <string.h>

#include "libbx/core/mp.h"

enum { DOT_BYTES = 8 }; /* a dot may become a header of a key and one of a map when the body is written */

void
fields_init(struct fields *f, uint8_t *data, uint32_t cap)
{
	enum { KEPT_BACK = 64 };
	*f = (struct fields){.data = data, .cap = cap & ~(uint32_t)7, .kept_back = KEPT_BACK};
}

void
fields_open_reserve(struct fields *f)
{
	f->kept_back = 0;
}

/* Entry i, counted from the back of the memory. */
static struct field *
entry(const struct fields *f, uint32_t i)
{
	return (struct field *)(void *)(f->data + f->cap) - 1 - i;
}

static const char *
entry_key(const struct fields *f, const struct field *e)
{
	return (const char *)f->data + e->offset + e->key_header;
}

static const uint8_t *
entry_value(const struct fields *f, const struct field *e)
{
	return f->data + e->offset + e->key_header + e->key_len;
}

static uint32_t
free_bytes(const struct fields *f)
{
	return f->cap - f->kept_back - f->used - f->count * (uint32_t)sizeof(struct field) - DOT_BYTES * f->dots;
}

/* One of 64 bits for a key, by its length and three of its bytes: good enough to skip the search for most new keys. */
static inline uint64_t
key_bit(struct field_key key)
{
	if (key.len == 0)
		return 1;
	const uint8_t *k = (const uint8_t *)key.s;
	uint32_t mix =
	    key.len * 0x9e3779b1U + k[0] * 0x85ebca77U + k[key.len / 2] * 0xc2b2ae3dU + k[key.len - 1] * 0x27d4eb2fU;
	return 1ULL << (mix >> 26);
}

static struct field *
find(const struct fields *f, struct field_key key)
{
	for (uint32_t i = 0; i < f->count; i++) {
		struct field *e = entry(f, i);
		if (e->key_len == key.len && !e->dead && memcmp(entry_key(f, e), key.s, key.len) == 0)
			return e;
	}
	return NULL;
}

static bool
lies_under(const char *outer, uint32_t outer_len, const char *inner, uint32_t inner_len)
{
	return outer_len < inner_len && inner[outer_len] == '.' && memcmp(outer, inner, outer_len) == 0;
}

static void
kill(struct fields *f, struct field *e)
{
	e->dead = true;
	f->dead++;
}

/* Setting `a.b` overrules a scalar `a`; setting `a` overrules all of `a.…`. */
static void
overrule(struct fields *f, struct field_key key)
{
	for (uint32_t i = 0; i < f->count; i++) {
		struct field *e = entry(f, i);
		const char *k = entry_key(f, e);
		if (!e->dead &&
		    (lies_under(k, e->key_len, key.s, key.len) || lies_under(key.s, key.len, k, e->key_len)))
			kill(f, e);
	}
}

/* Moves live fields together over the dead ones. */
static void
compact(struct fields *f)
{
	uint32_t used = 0, count = 0;
	for (uint32_t i = 0; i < f->count; i++) {
		struct field e = *entry(f, i);
		if (e.dead)
			continue;
		uint32_t size = e.key_header + e.key_len + e.value_len;
		memmove(f->data + used, f->data + e.offset, size);
		e.offset = used;
		used += size;
		*entry(f, count++) = e;
	}
	f->used = used;
	f->count = count;
	f->dead = 0;
}

static uint32_t
count_dots(struct field_key key)
{
	uint32_t dots = 0;
	for (uint32_t i = 0; i < key.len; i++)
		dots += key.s[i] == '.';
	return dots;
}

uint8_t *
fields_reserve(struct fields *f, struct field_key key, uint32_t value_max)
{
	uint32_t dots = key.dotted ? count_dots(key) : 0;
	uint64_t need = (uint64_t)MP_HEADER_MAX + key.len + value_max + sizeof(struct field) + DOT_BYTES * dots;
	if (key.len > FIELD_KEY_MAX || dots >= FIELD_PARTS_MAX)
		need = UINT64_MAX;
	else if (need > free_bytes(f) && f->dead)
		compact(f);
	if (need > free_bytes(f)) {
		f->left_out++;
		return NULL;
	}
	uint8_t *p = f->data + f->used;
	if (key.trusted || mp_is_text(key.s, key.len))
		p = mp_put_str_header(p, key.len);
	else
		p = mp_put_bin_header(p, key.len);
	copy_short(p, key.s, key.len);
	return p + key.len;
}

/* Bytes of a str or bin header that starts so. */
static uint8_t
header_bytes(uint8_t first)
{
	if (first < 0xc0)
		return 1;
	return first == 0xd9 || first == 0xc4 ? 2 : 3;
}

void
fields_commit(struct fields *f, struct field_key key, const uint8_t *value_end)
{
	struct field fresh = {
	    .offset = f->used,
	    .key_len = (uint16_t)key.len,
	    .key_header = header_bytes(f->data[f->used]),
	};
	const uint8_t *value = entry_value(f, &fresh);
	fresh.value_len = (uint32_t)(value_end - value);
	uint64_t bit = key_bit(key);
	struct field *old = f->seen & bit ? find(f, key) : NULL;
	f->seen |= bit;
	if (old && old->value_len == fresh.value_len) {
		memcpy(f->data + old->offset + old->key_header + old->key_len, value, fresh.value_len);
		return;
	}
	if (old)
		kill(f, old);
	if (key.dotted || f->dots)
		overrule(f, key);
	if (key.dotted)
		f->dots += count_dots(key);
	f->used = (uint32_t)(value_end - f->data);
	*entry(f, f->count++) = fresh;
}

uint32_t
fields_bound(const struct fields *f)
{
	return f->used + DOT_BYTES * f->dots + MP_HEADER_MAX;
}

/* The part of a dotted key that starts behind `skip` bytes. */
struct part {
	const char *s;
	uint32_t len;
	bool last;
};

static struct part
part_of(const struct fields *f, const struct field *e, uint32_t skip)
{
	const char *k = entry_key(f, e) + skip;
	uint32_t left = e->key_len - skip;
	const char *dot = memchr(k, '.', left);
	return (struct part){k, dot ? (uint32_t)(dot - k) : left, !dot};
}

/* True when entry i is live and its key starts with the `skip` bytes that end in a dot (none at the top). */
static bool
in_group(const struct fields *f, uint32_t i, const char *group, uint32_t skip)
{
	const struct field *e = entry(f, i);
	return !e->dead && e->key_len >= skip && memcmp(entry_key(f, e), group, skip) == 0;
}

static bool
same_part(struct part a, struct part b)
{
	return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

/* True when an entry before i, in the same group, has the same part: the part's map was written there. */
static bool
written_before(const struct fields *f, uint32_t first, uint32_t i, const char *group, uint32_t skip)
{
	struct part part = part_of(f, entry(f, i), skip);
	for (uint32_t j = first; j < i; j++)
		if (in_group(f, j, group, skip) && same_part(part_of(f, entry(f, j), skip), part))
			return true;
	return false;
}

/* Writes the map of the group whose first entry is `first`; depth is bounded by FIELD_PARTS_MAX. */
static uint8_t *
write_group(const struct fields *f, uint8_t *p, uint32_t first, uint32_t skip)
{
	const char *group = f->count ? entry_key(f, entry(f, first)) : "";
	uint32_t pairs = 0;
	for (uint32_t i = first; i < f->count; i++)
		pairs += in_group(f, i, group, skip) && !written_before(f, first, i, group, skip);
	p = mp_put_map_header(p, pairs);
	for (uint32_t i = first; i < f->count; i++) {
		if (!in_group(f, i, group, skip) || written_before(f, first, i, group, skip))
			continue;
		const struct field *e = entry(f, i);
		struct part part = part_of(f, e, skip);
		p = mp_is_utf8(part.s, part.len) ? mp_put_str_header(p, part.len) : mp_put_bin_header(p, part.len);
		memcpy(p, part.s, part.len);
		p += part.len;
		if (part.last) {
			memcpy(p, entry_value(f, e), e->value_len);
			p += e->value_len;
		} else {
			p = write_group(f, p, i, skip + part.len + 1);
		}
	}
	return p;
}

static uint8_t *
write_flat(const struct fields *f, uint8_t *p)
{
	p = mp_put_map_header(p, f->count - f->dead);
	if (!f->dead) {
		memcpy(p, f->data, f->used);
		return p + f->used;
	}
	for (uint32_t i = 0; i < f->count; i++) {
		const struct field *e = entry(f, i);
		uint32_t size = e->key_header + e->key_len + e->value_len;
		if (e->dead)
			continue;
		memcpy(p, f->data + e->offset, size);
		p += size;
	}
	return p;
}

uint8_t *
fields_write(const struct fields *f, uint8_t *p)
{
	return f->dots ? write_group(f, p, 0, 0) : write_flat(f, p);
}
