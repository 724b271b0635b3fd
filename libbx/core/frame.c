/* SPDX-License-Identifier: ISC */
/* frame: building in a buf, and one checking pass when opened, so that the walk afterwards cannot run out. */
#include "libbx/core/frame.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"

size_t
frame_start(struct buf *b)
{
	size_t start = b->len;
	uint8_t *p = buf_extend(b, FRAME_HEADER);
	if (p)
		memset(p, 0, FRAME_HEADER);
	return start;
}

/* Room for an event, its header filled in and counted; NULL when it cannot be. */
static uint8_t *
add_header(struct buf *b, size_t start, size_t type_len, double end, size_t map_len)
{
	if (type_len > FRAME_TYPE_MAX || map_len > UINT32_MAX) {
		b->err = b->err ? b->err : BX_ELIMIT;
		return NULL;
	}
	if (map_len == 0) {
		b->err = b->err ? b->err : BX_EBAD;
		return NULL;
	}
	uint8_t *p = buf_extend(b, FRAME_EVENT_HEADER + type_len + map_len);
	if (!p)
		return NULL;
	put_u16le(p, (uint16_t)type_len);
	put_u16le(p + 2, 0);
	put_u32le(p + 4, (uint32_t)map_len);
	put_u64le(p + 8, bits_of_double(end));
	uint8_t *count = b->data + start + 40;
	put_u32le(count, get_u32le(count) + 1);
	return p + FRAME_EVENT_HEADER;
}

void
frame_add(struct buf *b, size_t start, struct bytes type, double end, struct bytes map)
{
	uint8_t *p = add_header(b, start, type.n, end, map.n);
	if (!p)
		return;
	if (type.n)
		memcpy(p, type.p, type.n);
	memcpy(p + type.n, map.p, map.n);
}

void
frame_add_joined(struct buf *b, size_t start, const uint8_t *type_and_map, size_t type_len, double end, size_t map_len)
{
	uint8_t *p = add_header(b, start, type_len, end, map_len);
	if (p)
		memcpy(p, type_and_map, type_len + map_len);
}

enum bx_err
frame_seal(struct buf *b, size_t start, const uint8_t origin[FRAME_ORIGIN], uint64_t seq)
{
	if (b->err != BX_OK)
		return b->err;
	size_t len = b->len - start;
	if (len > FRAME_MAX)
		return BX_ELIMIT;
	uint8_t *p = b->data + start;
	put_u32le(p, (uint32_t)len);
	p[4] = FRAME_VERSION;
	p[5] = 0;
	put_u16le(p + 6, 0);
	memcpy(p + 16, origin, FRAME_ORIGIN);
	put_u64le(p + 32, seq);
	put_u64le(p + 8, XXH3_64bits_withSeed(p + 16, len - 16, get_u64le(p)));
	return BX_OK;
}

uint32_t
frame_length(const void *p, size_t n)
{
	if (n < 4)
		return 0;
	uint32_t len = get_u32le(p);
	return len >= FRAME_HEADER && len <= FRAME_MAX ? len : 0;
}

bool
frame_next(struct frame *f, struct frame_event *ev)
{
	if (f->done == f->count)
		return false;
	const uint8_t *p = f->data + f->at;
	uint32_t type_len = get_u16le(p), map_len = get_u32le(p + 4);
	ev->end = double_of_bits(get_u64le(p + 8));
	ev->type = (struct bytes){p + FRAME_EVENT_HEADER, type_len};
	ev->map = (struct bytes){p + FRAME_EVENT_HEADER + type_len, map_len};
	f->at += FRAME_EVENT_HEADER + type_len + map_len;
	f->done++;
	return true;
}

static bool
events_fill(const struct frame *f)
{
	uint32_t at = FRAME_HEADER;
	for (uint32_t i = 0; i < f->count; i++) {
		uint32_t left = f->len - at;
		if (left < FRAME_EVENT_HEADER)
			return false;
		uint32_t type_len = get_u16le(f->data + at), map_len = get_u32le(f->data + at + 4);
		left -= FRAME_EVENT_HEADER;
		if (get_u16le(f->data + at + 2) != 0 || type_len > FRAME_TYPE_MAX || type_len > left ||
		    map_len > left - type_len || map_len == 0)
			return false;
		at += FRAME_EVENT_HEADER + type_len + map_len;
	}
	return at == f->len;
}

static enum bx_err
open_frame(const void *data, size_t n, bool summed, struct frame *f)
{
	const uint8_t *p = data;
	*f = (struct frame){0};
	if (n < FRAME_HEADER)
		return BX_ESHORT;
	uint32_t len = frame_length(p, n);
	if (len == 0)
		return BX_EBAD;
	if (len > n)
		return BX_ESHORT;
	if (p[4] > FRAME_VERSION)
		return BX_EVERSION;
	if (p[4] == 0)
		return BX_EBAD;
	if (!summed && get_u64le(p + 8) != XXH3_64bits_withSeed(p + 16, len - 16, get_u64le(p)))
		return BX_ESUM;
	if (p[5] != 0)
		return BX_EVERSION;
	if (get_u16le(p + 6) != 0 || get_u32le(p + 44) != 0)
		return BX_EBAD;
	*f = (struct frame){
	    .data = p,
	    .len = len,
	    .origin = p + 16,
	    .seq = get_u64le(p + 32),
	    .count = get_u32le(p + 40),
	    .at = FRAME_HEADER,
	};
	return events_fill(f) ? BX_OK : BX_EBAD;
}

enum bx_err
frame_open(const void *data, size_t n, struct frame *f)
{
	return open_frame(data, n, false, f);
}

enum bx_err
frame_open_summed(const void *data, size_t n, struct frame *f)
{
	return open_frame(data, n, true, f);
}
