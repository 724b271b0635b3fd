/* SPDX-License-Identifier: ISC */
/* wire3: any two parts are refused, or give views that lie inside them and a map that is one. */
/* LIBS: oxd/wire3.c */
#include "oxd/wire3.h"

#include "libbx/core/frame.h"
#include "libbx/core/mp.h"
#include "tests/fuzz/fuzz.h"

static bool
lies_within(struct bytes inner, struct bytes outer)
{
	return inner.p >= outer.p && inner.n <= outer.n && (size_t)(inner.p - outer.p) <= outer.n - inner.n;
}

/* Input: the first part (its first 137 bytes, or fewer), then the second. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t first = n < WIRE3_META ? n : WIRE3_META;
	struct bytes meta = {exact_copy(data, first), first};
	struct bytes map = {exact_copy(data + first, n - first), n - first};
	struct wire3 w;
	if (wire3_read(meta, map, &w) == WIRE3_OK) {
		MUST(first == WIRE3_META && meta.p[0] == WIRE3_VERSION);
		MUST(lies_within(w.host, meta) && w.host.n <= WIRE3_TEXT);
		MUST(lies_within(w.type, meta) ? w.type.n <= WIRE3_TEXT : lies_within(w.type, map));
		MUST(w.type.n <= FRAME_TYPE_MAX);
		MUST(w.map.p == map.p && mp_is_one_map(map.p, map.n));
	}
	free((void *)meta.p);
	free((void *)map.p);
	return 0;
}
