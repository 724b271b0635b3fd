/* SPDX-License-Identifier: ISC */
/* index: whatever the bytes, entries that hold follow each other, and nothing behind the bytes is read. */
#include "libbx/core/index.h"
#include "tests/fuzz/fuzz.h"

/* A fuzzer cannot guess a checksum: what looks like an entry gets one that holds. */
static void
mend(uint8_t *p, size_t n)
{
	struct index_block b = {0};
	struct index_header h;
	struct buf out = {0};
	struct event ev;
	size_t used;
	index_block_clear(&b);
	for (size_t at = 0; at < n && event_read(p + at, n - at, &ev, &used) == BX_OK; at += used)
		index_block_add(&b, &ev);
	index_put_header(&out, p, n, &h);
	index_put_entry(&out, &h, &b, 7, 1000, p, n);
	struct index_entry e;
	size_t len = out.len - INDEX_HEADER;
	uint8_t *entry = exact_copy(out.data + INDEX_HEADER, len);
	MUST(index_read_entry(entry, len, &h, 7, 1000, &e, &used) == (n > 0 ? BX_OK : BX_EBAD));
	MUST(n == 0 || (used == len && index_block_holds(&e, p)));
	for (size_t at = 0; n > 0 && at < n && event_read(p + at, n - at, &ev, &used) == BX_OK; at += used)
		MUST(!ev.id.p || index_may_have_id(&e, ev.id));
	for (size_t i = 0; i < len; i++) { /* one bit anywhere, and it does not hold */
		entry[i] ^= (uint8_t)(1U << i % 8);
		MUST(index_read_entry(entry, len, &h, 7, 1000, &e, &used) != BX_OK);
		entry[i] ^= (uint8_t)(1U << i % 8);
	}
	free(entry);
	buf_fini(&out);
	index_block_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct index_header h = {.head_len = 1};
	struct index_entry e;
	uint8_t *p = exact_copy(data, n);
	size_t at = index_read_header(p, n, &h) == BX_OK ? INDEX_HEADER : 0, used;
	uint64_t offset = 0;
	for (uint32_t number = 0; index_read_entry(p + at, n - at, &h, number, offset, &e, &used) == BX_OK; number++) {
		MUST(used >= INDEX_ENTRY && used <= n - at && e.offset == offset && e.length > 0);
		MUST(e.filter.n == 0 || (e.filter.p >= p && e.filter.p + e.filter.n <= p + n));
		index_may_have_id(&e, (struct bytes){data, n});
		offset += e.length;
		at += used;
	}
	mend(p, n);
	free(p);
	return 0;
}
