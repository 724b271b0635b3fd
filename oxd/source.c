/* SPDX-License-Identifier: ISC */
/* source: little-endian layouts, one a kind; what has no fixed length stands last. */
#include "oxd/source.h"

#include <string.h>

#include "libbx/core/bytes.h"

enum {
	KEY_BYTES = 32,
	RING_BYTES = KEY_BYTES + 16,
	OWN_BYTES = KEY_BYTES + 8 + 8 * RING_DROP_SLOTS,
	LOST_BYTES = 16,
	RELAY_BYTES = 8,
	COUNTED_BYTES = KEY_BYTES + 24,
	ACCOUNT_BYTES = 8,
	NAME_MAX_BYTES = 255, /* of a host or program, with its NUL */
};

static_assert(
    (int)OWN_BYTES == (int)SOURCE_FIXED_MAX && COUNTED_BYTES + 2 * NAME_MAX_BYTES <= (int)SOURCE_MAX, "layout");
static_assert((int)RING_BYTES + (int)LEFT_OUT_MAX == (int)SOURCE_MAX, "layout");
static_assert(sizeof(struct ring_key) == KEY_BYTES, "hashed as bytes, so without holes");

size_t
source_bytes(uint8_t kind)
{
	switch (kind) {
	case SOURCE_ORIGIN:
		return FRAME_ORIGIN;
	case SOURCE_RING:
	case SOURCE_SIFTED:
		return RING_BYTES;
	case SOURCE_COUNTED:
		return COUNTED_BYTES;
	case SOURCE_ACCOUNT:
		return ACCOUNT_BYTES;
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

static size_t
name_bytes(const char *name)
{
	return strnlen(name, NAME_MAX_BYTES - 1) + 1;
}

size_t
source_length(const struct source *s)
{
	size_t n = source_bytes(s->kind);
	if (s->kind == SOURCE_SIFTED)
		return n + s->ring.left_out.n;
	if (s->kind == SOURCE_CLIENTS_SIFTED)
		return n + s->clients.left_out.n;
	if (s->kind == SOURCE_COUNTED)
		return n + name_bytes(s->counted.host) + name_bytes(s->counted.program);
	return n;
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

static uint8_t *
name_put(uint8_t *p, const char *name)
{
	size_t n = name_bytes(name);
	memcpy(p, name, n - 1);
	p[n - 1] = 0;
	return p + n;
}

static void
bytes_put(uint8_t *p, struct bytes b)
{
	if (b.n)
		memcpy(p, b.p, b.n);
}

size_t
source_encode(const struct source *s, uint8_t out[SOURCE_MAX])
{
	switch (s->kind) {
	case SOURCE_ORIGIN:
		memcpy(out, s->origin, FRAME_ORIGIN);
		break;
	case SOURCE_RING:
	case SOURCE_SIFTED:
		key_put(out, &s->ring.key);
		put_u64le(out + KEY_BYTES, s->ring.from);
		put_u64le(out + KEY_BYTES + 8, s->ring.to);
		if (s->kind == SOURCE_SIFTED)
			bytes_put(out + RING_BYTES, s->ring.left_out);
		break;
	case SOURCE_CLIENTS_SIFTED:
		bytes_put(out, s->clients.left_out);
		break;
	case SOURCE_COUNTED:
		key_put(out, &s->counted.key);
		put_u64le(out + KEY_BYTES, s->counted.base);
		put_u64le(out + KEY_BYTES + 8, s->counted.written);
		put_u64le(out + KEY_BYTES + 16, s->counted.based);
		name_put(name_put(out + COUNTED_BYTES, s->counted.host), s->counted.program);
		break;
	case SOURCE_ACCOUNT:
		put_u64le(out, s->account.since_ns);
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
	return source_length(s);
}

static bool
counted_get(const uint8_t *p, size_t n, struct source *out)
{
	const char *host = (const char *)p + COUNTED_BYTES, *end = (const char *)p + n;
	const char *program = memchr(host, 0, n - COUNTED_BYTES);
	if (!program || program + 1 == end || memchr(program + 1, 0, (size_t)(end - program) - 1) != end - 1)
		return false;
	key_get(p, &out->counted.key);
	out->counted.base = get_u64le(p + KEY_BYTES);
	out->counted.written = get_u64le(p + KEY_BYTES + 8);
	out->counted.based = get_u64le(p + KEY_BYTES + 16) & 1;
	out->counted.host = host;
	out->counted.program = program + 1;
	return true;
}

static bool
length_is_right(uint8_t kind, size_t n)
{
	size_t fixed = source_bytes(kind);
	if (kind == SOURCE_SIFTED || kind == SOURCE_CLIENTS_SIFTED || kind == SOURCE_COUNTED)
		return n >= fixed && n <= SOURCE_MAX;
	return n == fixed;
}

bool
source_decode(uint8_t kind, const uint8_t *p, size_t n, struct source *out)
{
	*out = (struct source){.kind = kind};
	if (kind < SOURCE_ORIGIN || kind > SOURCE_ACCOUNT || kind == SOURCE_SELF)
		return true;
	if (!length_is_right(kind, n))
		return false;
	switch (kind) {
	case SOURCE_ORIGIN:
		memcpy(out->origin, p, FRAME_ORIGIN);
		break;
	case SOURCE_RING:
	case SOURCE_SIFTED:
		key_get(p, &out->ring.key);
		out->ring.from = get_u64le(p + KEY_BYTES);
		out->ring.to = get_u64le(p + KEY_BYTES + 8);
		if (kind == SOURCE_SIFTED)
			out->ring.left_out = (struct bytes){p + RING_BYTES, n - RING_BYTES};
		break;
	case SOURCE_CLIENTS_SIFTED:
		out->clients.left_out = (struct bytes){p, n};
		break;
	case SOURCE_COUNTED:
		return counted_get(p, n, out);
	case SOURCE_ACCOUNT:
		out->account.since_ns = get_u64le(p);
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
