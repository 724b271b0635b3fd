/* SPDX-License-Identifier: ISC */
/*
 * index: entries out and in.
 *
 * The filter is the split block Bloom filter that Parquet uses: 32 bytes are one line of eight words, the upper half of
 * an id's hash chooses the line, the lower half one bit in each of its words.  One cache line to ask, about one wrong
 * yes in a hundred.
 */
#include "libbx/core/index.h"

#include <math.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"

#define MAGIC "BLUEOXI"
enum { LINE = 32, WORDS = 8, IDS_A_LINE = 24 }; /* about 11 bits an id */

static const uint32_t salts[WORDS] = {
    0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

enum bx_err
index_read_header(const void *p, size_t n, struct index_header *out)
{
	const uint8_t *at = p;
	*out = (struct index_header){0};
	if (n < INDEX_HEADER)
		return BX_ESHORT;
	if (memcmp(at, MAGIC, sizeof MAGIC) != 0)
		return BX_EBAD;
	if (get_u64le(at + 24) != XXH3_64bits(at, 24))
		return BX_ESUM;
	if (get_u32le(at + 8) != INDEX_VERSION)
		return BX_EVERSION;
	uint32_t head_len = get_u32le(at + 12);
	if (head_len == 0 || head_len > INDEX_HEAD_MAX)
		return BX_EBAD;
	*out = (struct index_header){.head_len = head_len, .head_sum = get_u64le(at + 16)};
	return BX_OK;
}

bool
index_is_of(const struct index_header *h, const void *head, size_t n)
{
	return n >= h->head_len && XXH3_64bits(head, h->head_len) == h->head_sum;
}

static uint64_t
entry_sum(const uint8_t *p, size_t n, const struct index_header *h)
{
	return XXH3_64bits_withSeed(p + 16, n - 16, get_u64le(p) ^ h->head_sum);
}

enum bx_err
index_read_entry(const void *p, size_t n, const struct index_header *h, uint32_t number, uint64_t offset,
    struct index_entry *out, size_t *used)
{
	const uint8_t *at = p;
	*out = (struct index_entry){0};
	if (n < INDEX_ENTRY)
		return BX_ESHORT;
	uint32_t len = get_u32le(at);
	if (len < INDEX_ENTRY || len > INDEX_ENTRY + INDEX_FILTER_MAX || (len - INDEX_ENTRY) % LINE != 0)
		return BX_EBAD;
	if (len > n)
		return BX_ESHORT;
	if (get_u64le(at + 8) != entry_sum(at, len, h))
		return BX_ESUM;
	*out = (struct index_entry){
	    .number = get_u32le(at + 4),
	    .offset = get_u64le(at + 16),
	    .sum = get_u64le(at + 24),
	    .length = get_u32le(at + 32),
	    .count = get_u32le(at + 36),
	    .untimed = get_u32le(at + 40),
	    .least_start = double_of_bits(get_u64le(at + 48)),
	    .least_when = double_of_bits(get_u64le(at + 56)),
	    .greatest_when = double_of_bits(get_u64le(at + 64)),
	    .filter = {at + INDEX_ENTRY, len - INDEX_ENTRY},
	};
	if (out->number != number || out->offset != offset || out->length == 0 || out->length > INDEX_BLOCK_MAX ||
	    out->length > UINT64_MAX - offset)
		return BX_EBAD;
	*used = len;
	return BX_OK;
}

bool
index_block_holds(const struct index_entry *e, const void *block)
{
	return XXH3_64bits(block, e->length) == e->sum;
}

static size_t
line_of(uint64_t hash, size_t lines)
{
	return (size_t)((hash >> 32) * lines >> 32) * LINE;
}

static uint32_t
bit_of(uint64_t hash, int word)
{
	return 1U << ((uint32_t)hash * salts[word] >> 27);
}

bool
index_may_have_id(const struct index_entry *e, struct bytes id)
{
	if (e->filter.n == 0)
		return true;
	uint64_t hash = XXH3_64bits(id.p, id.n);
	const uint8_t *line = e->filter.p + line_of(hash, e->filter.n / LINE);
	for (int i = 0; i < WORDS; i++)
		if (!(get_u32le(line + 4 * i) & bit_of(hash, i)))
			return false;
	return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

void
index_block_clear(struct index_block *b)
{
	b->entry = (struct index_entry){.least_start = INFINITY, .least_when = INFINITY, .greatest_when = -INFINITY};
	b->hash_count = 0;
	b->no_memory = false;
}

void
index_block_fini(struct index_block *b)
{
	free(b->hashes);
	*b = (struct index_block){0};
}

static void
add_hash(struct index_block *b, uint64_t hash)
{
	if (b->hash_count > 0 && b->hashes[b->hash_count - 1] == hash)
		return; /* the events of one group often follow each other */
	if (b->hash_count == b->hash_cap) {
		size_t cap = b->hash_cap ? 2 * b->hash_cap : 1024;
		uint64_t *grown = realloc(b->hashes, cap * sizeof *grown);
		if (!grown) {
			b->no_memory = true;
			return;
		}
		b->hashes = grown;
		b->hash_cap = cap;
	}
	b->hashes[b->hash_count++] = hash;
}

void
index_block_add(struct index_block *b, const struct event *ev)
{
	struct index_entry *e = &b->entry;
	double when = ev->has_end ? ev->end : ev->start;
	e->count++;
	if ((!ev->has_end && !ev->has_start) || isnan(when)) {
		e->untimed++;
	} else {
		if (when < e->least_when)
			e->least_when = when;
		if (when > e->greatest_when)
			e->greatest_when = when;
	}
	if (ev->has_start && ev->start < e->least_start)
		e->least_start = ev->start;
	if (ev->id.p)
		add_hash(b, XXH3_64bits(ev->id.p, ev->id.n));
}

void
index_put_header(struct buf *out, const void *head, size_t n, struct index_header *h)
{
	h->head_len = (uint32_t)(n < INDEX_HEAD_MAX ? n : INDEX_HEAD_MAX);
	h->head_sum = XXH3_64bits(head, h->head_len);
	uint8_t *p = buf_extend(out, INDEX_HEADER);
	if (!p)
		return;
	memcpy(p, MAGIC, sizeof MAGIC);
	put_u32le(p + 8, INDEX_VERSION);
	put_u32le(p + 12, h->head_len);
	put_u64le(p + 16, h->head_sum);
	put_u64le(p + 24, XXH3_64bits(p, 24));
}

static size_t
filter_bytes(const struct index_block *b)
{
	if (b->no_memory)
		return 0;
	size_t lines = (b->hash_count + IDS_A_LINE - 1) / IDS_A_LINE;
	if (lines == 0)
		lines = 1; /* no id at all is also an answer */
	return lines < INDEX_FILTER_MAX / LINE ? lines * LINE : INDEX_FILTER_MAX;
}

static void
put_filter(uint8_t *filter, size_t n, const struct index_block *b)
{
	memset(filter, 0, n);
	for (size_t i = 0; n > 0 && i < b->hash_count; i++) {
		uint8_t *line = filter + line_of(b->hashes[i], n / LINE);
		for (int w = 0; w < WORDS; w++)
			put_u32le(line + 4 * w, get_u32le(line + 4 * w) | bit_of(b->hashes[i], w));
	}
}

void
index_block_close(struct index_block *b, uint64_t offset, uint32_t length, uint64_t sum, struct buf *filter)
{
	size_t n = filter_bytes(b);
	uint8_t *p = buf_extend(filter, n);
	if (p)
		put_filter(p, n, b);
	b->entry.offset = offset;
	b->entry.length = length;
	b->entry.sum = sum;
	b->entry.filter = (struct bytes){p, p ? n : 0};
}

void
index_put(struct buf *out, const struct index_header *h, const struct index_entry *e)
{
	size_t len = INDEX_ENTRY + e->filter.n;
	uint8_t *p = buf_extend(out, len);
	if (!p)
		return;
	put_u32le(p, (uint32_t)len);
	put_u32le(p + 4, e->number);
	put_u64le(p + 16, e->offset);
	put_u64le(p + 24, e->sum);
	put_u32le(p + 32, e->length);
	put_u32le(p + 36, e->count);
	put_u32le(p + 40, e->untimed);
	put_u32le(p + 44, 0);
	put_u64le(p + 48, bits_of_double(e->least_start));
	put_u64le(p + 56, bits_of_double(e->least_when));
	put_u64le(p + 64, bits_of_double(e->greatest_when));
	if (e->filter.n)
		memcpy(p + INDEX_ENTRY, e->filter.p, e->filter.n);
	put_u64le(p + 8, entry_sum(p, len, h));
}

void
index_put_entry(struct buf *out, const struct index_header *h, struct index_block *b, uint32_t number, uint64_t offset,
    const void *block, size_t n)
{
	struct buf filter = {0};
	index_block_close(b, offset, (uint32_t)n, XXH3_64bits(block, n), &filter);
	b->entry.number = number;
	index_put(out, h, &b->entry);
	b->entry.filter = (struct bytes){0};
	buf_fini(&filter);
}
