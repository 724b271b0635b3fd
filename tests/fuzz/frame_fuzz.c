/* SPDX-License-Identifier: ISC */
/* frame: any bytes are refused or walked to their end, and what is walked can be built again the same. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"
#include "libbx/core/frame.h"
#include "tests/fuzz/fuzz.h"

static void
walk_and_rebuild(const uint8_t *p, size_t n)
{
	struct frame f;
	struct frame_event ev;
	if (frame_open(p, n, &f) != BX_OK)
		return;
	MUST(f.len <= n && frame_length(p, n) == f.len);
	struct buf again = {0};
	size_t start = frame_start(&again);
	uint32_t count = 0;
	while (frame_next(&f, &ev)) {
		MUST(ev.type.p >= p && ev.map.p + ev.map.n <= p + f.len);
		frame_add(&again, start, ev.type, ev.end, ev.map);
		count++;
	}
	MUST(count == f.count && f.at == f.len);
	MUST(frame_seal(&again, start, f.origin, f.seq) == BX_OK);
	MUST(again.len == f.len);
	if (p[4] == FRAME_VERSION)
		MUST(memcmp(again.data, p, f.len) == 0);
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *p = exact_copy(data, n);
	walk_and_rebuild(p, n);
	if (n >= FRAME_HEADER) { /* once more with a length and checksum that hold, to come past them */
		put_u32le(p, (uint32_t)n);
		put_u64le(p + 8, XXH3_64bits_withSeed(p + 16, n - 16, get_u64le(p)));
		walk_and_rebuild(p, n);
	}
	free(p);
	return 0;
}
