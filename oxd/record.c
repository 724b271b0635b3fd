/* SPDX-License-Identifier: ISC */
/* record: lengths are bounded before anything is summed. */
#include "oxd/record.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"

static uint64_t
sum_of(const uint8_t *p, uint32_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(p + 16, len - 16, seed ^ get_u64le(p));
}

size_t
record_start(struct buf *b, size_t length_of_source)
{
	buf_extend(b, RECORD_HEADER + length_of_source);
	return b->len;
}

void
record_finish(
    struct buf *b, size_t frame_at, uint64_t seed, uint64_t number, int64_t arrival_ns, const struct source *source)
{
	size_t src_len = source_length(source);
	if (src_len > SOURCE_MAX)
		abort(); /* its maker keeps it below */
	size_t at = frame_at - src_len - RECORD_HEADER, len = b->len - at;
	uint8_t src[SOURCE_MAX], *pad = buf_extend(b, -len & 7);
	if (!pad)
		return;
	memset(pad, 0, -len & 7);
	uint8_t *p = b->data + at;
	put_u32le(p, (uint32_t)len);
	p[4] = source->kind;
	p[5] = 0;
	put_u16le(p + 6, (uint16_t)src_len);
	put_u64le(p + 16, number);
	put_u64le(p + 24, (uint64_t)arrival_ns);
	source_encode(source, src);
	memcpy(p + RECORD_HEADER, src, src_len);
	put_u64le(p + 8, sum_of(p, (uint32_t)len, seed));
}

void
record_put(
    struct buf *b, uint64_t seed, uint64_t number, int64_t arrival_ns, const struct source *source, struct bytes frame)
{
	size_t frame_at = record_start(b, source_length(source));
	buf_put(b, frame.p, frame.n);
	record_finish(b, frame_at, seed, number, arrival_ns, source);
}

uint32_t
record_length(const uint8_t *p)
{
	uint32_t len = get_u32le(p);
	uint32_t src_len = get_u16le(p + 6);
	return len >= RECORD_HEADER && len <= RECORD_MAX && src_len <= len - RECORD_HEADER && p[5] == 0 ? len : 0;
}

static enum bx_err
read_record(const uint8_t *p, size_t n, const uint64_t *seed, struct record *out)
{
	if (n < RECORD_HEADER)
		return BX_ESHORT;
	uint32_t len = record_length(p);
	if (len == 0)
		return BX_EBAD;
	if (len > n)
		return BX_ESHORT;
	if (seed && get_u64le(p + 8) != sum_of(p, len, *seed))
		return BX_ESUM;
	uint32_t src_len = get_u16le(p + 6);
	out->number = get_u64le(p + 16);
	out->arrival_ns = (int64_t)get_u64le(p + 24);
	out->frame = (struct bytes){p + RECORD_HEADER + src_len, len - RECORD_HEADER - src_len};
	out->size = (len + 7) & ~7U;
	return source_decode(p[4], p + RECORD_HEADER, src_len, &out->source) ? BX_OK : BX_EBAD;
}

enum bx_err
record_read(const uint8_t *p, size_t n, uint64_t seed, struct record *out)
{
	return read_record(p, n, &seed, out);
}

enum bx_err
record_read_summed(const uint8_t *p, size_t n, struct record *out)
{
	return read_record(p, n, NULL, out);
}
