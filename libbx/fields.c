/* SPDX-License-Identifier: ISC */
/* fields: finding and replacing among a few that stand in a row, and the way to the tree. */
#include "libbx/fields.h"

#include <string.h>

#include "libbx/core/mp.h"
#include "libbx/tree.h"

enum { FLAT_MAX = 16 }; /* fields in a row that are looked through; where there are more, in a tree */

void
fields_init(struct fields *f, uint8_t *data, uint32_t cap)
{
	*f = (struct fields){.data = data, .cap = cap & ~(uint32_t)7};
	fields_reset(f);
}

/* ---- fields in a row ---- */

struct place {
	uint32_t at;    /* of the key */
	uint32_t value; /* of the value */
	uint32_t end;
};

static bool
find(const struct fields *f, struct field_key key, struct place *found)
{
	struct cursor c;
	struct mp_token name;
	if (!(f->seen >> bx__key_bit(key.s, key.len) & 1))
		return false;
	cursor_init(&c, f->data, f->used);
	while (cursor_left(&c)) {
		found->at = (uint32_t)cursor_offset(&c);
		mp_next(&c, &name);
		found->value = (uint32_t)cursor_offset(&c);
		mp_skip(&c);
		found->end = (uint32_t)cursor_offset(&c);
		if (name.len == key.len && memcmp(name.data, key.s, key.len) == 0)
			return true;
	}
	return false;
}

/* True when the fields are in the form that this key needs. */
static bool
make_fit(struct fields *f, struct field_key key, bool item)
{
	if (f->in_tree)
		return true;
	bool maybe_there = f->count > FLAT_MAX && (f->seen >> bx__key_bit(key.s, key.len) & 1);
	if (!item && !maybe_there && !memchr(key.s, '.', key.len))
		return true;
	return tree_make(f);
}

static uint8_t *
reserve_flat(struct fields *f, struct field_key key, uint32_t value_max)
{
	if ((uint64_t)MP_HEADER_MAX + key.len + value_max + FIELD_COST > f->room)
		return NULL;
	uint8_t *p = f->data + f->used;
	bool text = key.trusted || mp_is_text(key.s, key.len);
	p = text ? mp_put_str_header(p, key.len) : mp_put_bin_header(p, key.len);
	copy_short(p, key.s, key.len);
	return p + key.len;
}

static uint8_t *
reserve(struct fields *f, struct field_key key, uint32_t value_max, bool item)
{
	uint8_t *p = NULL;
	if (key.len <= FIELD_KEY_MAX && make_fit(f, key, item))
		p = f->in_tree ? tree_reserve(f, key, value_max, item) : reserve_flat(f, key, value_max);
	if (!p)
		f->left_out++;
	return p;
}

uint8_t *
fields_reserve(struct fields *f, struct field_key key, uint32_t value_max)
{
	return reserve(f, key, value_max, false);
}

uint8_t *
fields_reserve_item(struct fields *f, struct field_key key, uint32_t value_max)
{
	return reserve(f, key, value_max, true);
}

static void
append(struct fields *f, struct field_key key, uint32_t size)
{
	f->used += size;
	f->room -= size + FIELD_COST;
	f->count++;
	f->seen |= 1ULL << bx__key_bit(key.s, key.len);
}

void
fields_commit_new(struct fields *f, struct field_key key, const uint8_t *value_end)
{
	if (f->in_tree)
		tree_commit(f, key, value_end);
	else
		append(f, key, (uint32_t)(value_end - f->data) - f->used);
}

void
fields_commit(struct fields *f, struct field_key key, const uint8_t *value_end)
{
	struct place old;
	if (f->in_tree) {
		tree_commit(f, key, value_end);
		return;
	}
	uint32_t size = (uint32_t)(value_end - f->data) - f->used;
	if (find(f, key, &old)) {
		uint32_t value_len = old.end - old.value;
		if (old.end - old.at == size && f->data[old.at] == f->data[f->used]) {
			memcpy(f->data + old.value, value_end - value_len, value_len);
			return;
		}
		memmove(f->data + old.at, f->data + old.end, f->used - old.end + size);
		f->used -= old.end - old.at;
		f->room += old.end - old.at + FIELD_COST;
		f->count--;
	}
	append(f, key, size);
}

void
fields_commit_item(struct fields *f, struct field_key key, const uint8_t *value_end)
{
	tree_commit_item(f, key, value_end);
}

uint8_t *
fields_find(struct fields *f, struct field_key key, uint32_t *len)
{
	struct place found;
	if (f->in_tree || (f->count > FLAT_MAX && tree_make(f)))
		return tree_find(f, key, len);
	if (!find(f, key, &found))
		return NULL;
	*len = found.end - found.value;
	return f->data + found.value;
}
