/* SPDX-License-Identifier: ISC */
/* source: fixed little-endian layouts, one a kind. */
#include "oxd/source.h"

#include <string.h>

#include "libbx/core/bytes.h"

enum {
	KEY_BYTES = 32,
	RING_BYTES = KEY_BYTES + 16,
	OWN_BYTES = KEY_BYTES + 8 + 8 * RING_DROP_SLOTS,
	LOST_BYTES = 16,
	RELAY_BYTES = 8
};

static_assert((int)OWN_BYTES == (int)SOURCE_MAX, "layout");
static_assert(sizeof(struct ring_key) == KEY_BYTES, "hashed as bytes, so without holes");

size_t
source_bytes(uint8_t kind)
{
	switch (kind) {
	case SOURCE_ORIGIN:
		return FRAME_ORIGIN;
	case SOURCE_RING:
		return RING_BYTES;
	case SOURCE_OWN:
		return OWN_BYTES;
	case SOURCE_LOST:
		return LOST_BYTES;
	case SOURCE_RELAY:
		return RELAY_BYTES;
	default:
		return 0;
	}
}

static void
key_put(uint8_t *p, const struct ring_key *k)
{
	put_u64le(p, k->ino);
	put_u32le(p + 8, k->uid);
	put_u32le(p + 12, 0);
	memcpy(p + 16, k->nonce, sizeof k->nonce);
}

static void
key_get(const uint8_t *p, struct ring_key *k)
{
	*k = (struct ring_key){.ino = get_u64le(p), .uid = get_u32le(p + 8)};
	memcpy(k->nonce, p + 16, sizeof k->nonce);
}

size_t
source_encode(const struct source *s, uint8_t out[SOURCE_MAX])
{
	switch (s->kind) {
	case SOURCE_ORIGIN:
		memcpy(out, s->origin, FRAME_ORIGIN);
		break;
	case SOURCE_RING:
		key_put(out, &s->ring.key);
		put_u64le(out + KEY_BYTES, s->ring.from);
		put_u64le(out + KEY_BYTES + 8, s->ring.to);
		break;
	case SOURCE_OWN:
		key_put(out, &s->own.key);
		put_u64le(out + KEY_BYTES, s->own.reported.bytes);
		for (int i = 0; i < RING_DROP_SLOTS; i++)
			put_u64le(out + KEY_BYTES + 8 + 8 * i, s->own.reported.by[i]);
		break;
	case SOURCE_LOST:
		put_u64le(out, s->lost.lo);
		put_u64le(out + 8, s->lost.hi);
		break;
	case SOURCE_RELAY:
		put_u64le(out, s->relay.via);
		break;
	default:
		break;
	}
	return source_bytes(s->kind);
}

bool
source_decode(uint8_t kind, const uint8_t *p, size_t n, struct source *out)
{
	*out = (struct source){.kind = kind};
	if (kind < SOURCE_ORIGIN || kind > SOURCE_RELAY)
		return true;
	if (n != source_bytes(kind))
		return false;
	switch (kind) {
	case SOURCE_ORIGIN:
		memcpy(out->origin, p, FRAME_ORIGIN);
		break;
	case SOURCE_RING:
		key_get(p, &out->ring.key);
		out->ring.from = get_u64le(p + KEY_BYTES);
		out->ring.to = get_u64le(p + KEY_BYTES + 8);
		break;
	case SOURCE_OWN:
		key_get(p, &out->own.key);
		out->own.reported.bytes = get_u64le(p + KEY_BYTES);
		for (int i = 0; i < RING_DROP_SLOTS; i++)
			out->own.reported.by[i] = get_u64le(p + KEY_BYTES + 8 + 8 * i);
		break;
	case SOURCE_LOST:
		out->lost.lo = get_u64le(p);
		out->lost.hi = get_u64le(p + 8);
		break;
	case SOURCE_RELAY:
		out->relay.via = get_u64le(p);
		break;
	default:
		break;
	}
	return true;
}
