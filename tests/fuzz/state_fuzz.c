/* SPDX-License-Identifier: ISC */
/*
 * state: any content of a snapshot or checkpoint is refused, or taken and written again to the same meaning.
 *
 * Input: a byte, odd for a checkpoint, then the content.
 */
/* LIBS: oxd/positions.c oxd/origins.c oxd/source.c oxd/disk.c */
#include "oxd/checkpoint.c"
#include "oxd/positions.h"
#include "tests/fuzz/fuzz.h"

#include "oxd/statefile.c"

static void
fill(struct buf *b, const uint8_t *p, size_t n)
{
	*b = (struct buf){0};
	buf_put(b, p, n);
	MUST(b->err == BX_OK);
}

static void
try_snapshot(const uint8_t *p, size_t n)
{
	struct positions taken = {0}, again = {0};
	struct buf content, out = {0}, twice = {0};
	uint64_t covers = 0, covers_again = 0;
	fill(&content, p, n);
	if (positions_decode(&taken, &content, &covers) == BX_OK) {
		positions_encode(&taken, covers, &out);
		MUST(out.err == BX_OK && positions_decode(&again, &out, &covers_again) == BX_OK);
		MUST(covers == covers_again && HASH_COUNT(taken.table) == HASH_COUNT(again.table));
		positions_encode(&again, covers_again, &twice);
		MUST(twice.len == out.len);
	}
	positions_fini(&taken);
	positions_fini(&again);
	buf_fini(&content);
	buf_fini(&out);
	buf_fini(&twice);
}

static void
try_checkpoint(const uint8_t *p, size_t n)
{
	struct checkpoint c = {0};
	struct buf content;
	fill(&content, p, n);
	if (decode(&content, &c) == BX_OK)
		for (size_t i = 0; i < c.count; i++)
			MUST(strlen(c.files[i].name) < LOGNAME_MAX && !strchr(c.files[i].name, '/'));
	checkpoint_fini(&c);
	buf_fini(&content);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	uint8_t *p = exact_copy(data + 1, n - 1);
	if (data[0] & 1)
		try_checkpoint(p, n - 1);
	else
		try_snapshot(p, n - 1);
	free(p);
	return 0;
}
