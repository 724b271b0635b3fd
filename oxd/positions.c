/* SPDX-License-Identifier: ISC */
/* positions: a hash table by ring key, the origins of frames, and their MessagePack form. */
#include "oxd/positions.h"

#include <stdlib.h>

#include "libbx/core/mp.h"
#include "oxd/statefile.h"

void
positions_fini(struct positions *p)
{
	struct position *pos, *next;
	HASH_ITER(hh, p->table, pos, next)
	{
		HASH_DEL(p->table, pos);
		free(pos);
	}
	origins_fini(&p->origins);
}

struct position *
positions_find(const struct positions *p, const struct ring_key *key)
{
	struct position *pos;
	HASH_FIND(hh, p->table, key, sizeof *key, pos);
	return pos;
}

struct position *
positions_get(struct positions *p, const struct ring_key *key)
{
	struct position *pos = positions_find(p, key);
	if (!pos) {
		pos = calloc(1, sizeof *pos);
		if (!pos)
			abort(); /* without its positions oxd would take events twice; a restart finds them again */
		pos->key = *key;
		HASH_ADD(hh, p->table, key, sizeof pos->key, pos);
	}
	return pos;
}

void
positions_forget(struct positions *p, struct position **pos)
{
	HASH_DEL(p->table, *pos);
	free(*pos);
	*pos = NULL;
}

void
positions_forget_unused(struct positions *p)
{
	struct position *pos, *next;
	HASH_ITER(hh, p->table, pos, next)
	if (!pos->in_use)
		positions_forget(p, &pos);
}

/* The record's own checksum has vouched for the frame's bytes. */
static void
apply_frame(struct positions *p, const struct source *source, struct bytes frame)
{
	if (frame.n < FRAME_HEADER)
		return;
	uint64_t via = source->kind == SOURCE_RELAY ? source->relay.via : 0;
	const uint8_t *name = frame.p + FRAME_NAME;
	origins_add(&p->origins, name, get_u64le(name + FRAME_ORIGIN), get_u64le(frame.p + FRAME_SUM), via);
}

void
positions_apply(struct positions *p, const struct source *source, struct bytes frame)
{
	apply_frame(p, source, frame);
	if (source->kind == SOURCE_RING || source->kind == SOURCE_SIFTED) {
		struct position *pos = positions_get(p, &source->ring.key);
		if (source->ring.to > pos->to)
			pos->to = source->ring.to;
	} else if (source->kind == SOURCE_OWN) {
		positions_get(p, &source->own.key)->reported = source->own.reported;
	} else if (source->kind == SOURCE_ORIGIN) {
		origins_own(&p->origins, source->origin);
	}
}

void
positions_encode(const struct positions *p, uint64_t covers, struct buf *out)
{
	positions_encode_with(p, covers, (struct bytes){0}, out);
}

void
positions_encode_with(const struct positions *p, uint64_t covers, struct bytes pair, struct buf *out)
{
	mp_add_map(out, pair.n ? 4 : 3);
	mp_add_strz(out, "covers");
	mp_add_uint(out, covers);
	mp_add_strz(out, "rings");
	mp_add_array(out, HASH_COUNT(p->table));
	for (const struct position *pos = p->table; pos; pos = pos->hh.next) {
		mp_add_array(out, 6);
		mp_add_uint(out, pos->key.ino);
		mp_add_uint(out, pos->key.uid);
		mp_add_bin(out, pos->key.nonce, sizeof pos->key.nonce);
		mp_add_uint(out, pos->to);
		mp_add_uint(out, pos->reported.bytes);
		mp_add_array(out, RING_DROP_SLOTS);
		for (int i = 0; i < RING_DROP_SLOTS; i++)
			mp_add_uint(out, pos->reported.by[i]);
	}
	mp_add_strz(out, "frames");
	origins_encode(&p->origins, out);
	buf_put(out, pair.p, pair.n);
}

static void
decode_ring(struct positions *p, struct cursor *c)
{
	struct ring_key key = {0};
	struct drop_totals reported = {0};
	struct mp_token nonce;
	uint32_t items = statefile_array(c, 6);
	key.ino = statefile_uint(c);
	key.uid = (uint32_t)statefile_uint(c);
	if (mp_next(c, &nonce) && nonce.kind == MP_BIN && nonce.len == sizeof key.nonce)
		memcpy(key.nonce, nonce.data, sizeof key.nonce);
	else
		cursor_fail(c, BX_EBAD);
	uint64_t to = statefile_uint(c);
	reported.bytes = statefile_uint(c);
	uint32_t slots = statefile_array(c, RING_DROP_SLOTS);
	for (uint32_t i = 0; i < slots && c->err == BX_OK; i++) {
		uint64_t n = statefile_uint(c);
		if (i < RING_DROP_SLOTS)
			reported.by[i] = n;
	}
	for (uint32_t i = 6; i < items && mp_skip(c); i++)
		;
	if (c->err != BX_OK)
		return;
	struct position *pos = positions_get(p, &key);
	pos->to = to;
	pos->reported = reported;
}

enum bx_err
positions_decode(struct positions *p, const struct buf *in, uint64_t *covers)
{
	struct cursor c;
	struct mp_token top, key;
	bool has_covers = false;
	cursor_init(&c, in->data, in->len);
	if (!mp_next(&c, &top) || top.kind != MP_MAP)
		return BX_EBAD;
	for (uint32_t i = 0; i < top.len && mp_next(&c, &key); i++) {
		if (mp_str_is(&key, "covers")) {
			*covers = statefile_uint(&c);
			has_covers = true;
		} else if (mp_str_is(&key, "rings")) {
			uint32_t rings = statefile_array(&c, 0);
			for (uint32_t r = 0; r < rings && c.err == BX_OK; r++)
				decode_ring(p, &c);
		} else if (mp_str_is(&key, "frames")) {
			origins_decode(&p->origins, &c);
		} else {
			mp_skip(&c);
		}
	}
	return c.err != BX_OK ? c.err : has_covers ? BX_OK : BX_EBAD;
}
