/* SPDX-License-Identifier: ISC */
/* ring: a header of any bytes is judged, and a walk over any bytes stays inside them and goes forward. */
#include "libbx/core/ringfile.h"
#include "tests/fuzz/fuzz.h"

static void
walk(const uint8_t *p, size_t n, uint64_t pos, uint64_t capacity)
{
	size_t at = 0;
	struct ring_view v;
	while (ring_record_read(p + at, n - at, pos + at, capacity, &v) == BX_OK) {
		MUST(v.size >= RING_RECORD_HEADER && v.size % 8 == 0 && v.size <= capacity / 4);
		MUST(v.size <= n - at);
		MUST(v.type >= p + at && v.map == v.type + v.type_len);
		MUST(v.map + v.map_len <= p + at + v.size);
		volatile uint8_t last = 0;
		for (uint32_t i = 0; i < v.type_len + v.map_len; i++)
			last = v.type[i];
		(void)last;
		at += v.size;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ring_header h;
	if (n >= sizeof h) {
		memcpy(&h, data, sizeof h);
		if (ring_header_valid(&h)) {
			MUST(h.capacity >= RING_CAPACITY_MIN && h.capacity <= RING_CAPACITY_MAX);
			MUST(strlen(h.program) < sizeof h.program);
		}
	}
	uint8_t *p = exact_copy(data, n);
	uint64_t pos = 0;
	if (n >= sizeof pos)
		memcpy(&pos, p, sizeof pos); /* the first record is where it says, so that the walk gets past it */
	walk(p, n, pos, RING_CAPACITY_MIN);
	walk(p, n, RING_CAPACITY_MIN, RING_CAPACITY_MAX);
	free(p);
	return 0;
}
