/* SPDX-License-Identifier: ISC */
/* rules: any texts are rules or told as mistakes; an event that passes them is whole, and no longer than it was. */
/* LIBS: oxd/rules.c oxd/quota.c oxd/redact.c */
#include "libbx/core/mp.h"
#include "oxd/rules.h"
#include "tests/fuzz/fuzz.h"

static void
tell(void *arg, const struct setting_list *list, size_t item, const char *why)
{
	MUST(item < list->count && why[0] != '\0');
	(*(unsigned *)arg)++;
}

static void
decide(struct rules *r, const uint8_t *map, size_t n)
{
	struct buf frame = {0}, list = {0};
	struct frame_event ev = {.type = {(const uint8_t *)"a.b", 3}, .map = {map, n}, .end = 1}, kept;
	frame_start(&frame);
	size_t empty = frame.len;
	struct rules_verdict v = rules_take(r, &ev, "program", 1, &frame, 0);
	MUST(frame.err == BX_OK);
	MUST((v.reason != NULL) == (frame.len == empty));
	struct frame one = {.data = frame.data, .len = (uint32_t)frame.len, .count = 1, .at = FRAME_HEADER};
	if (!v.reason)
		MUST(frame_next(&one, &kept) && kept.map.n <= n && mp_is_one_map(kept.map.p, kept.map.n));
	rules_encode(r, &list);
	buf_fini(&list);
	buf_fini(&frame);
}

/* Lines: a rule, a quota, fields to take out; then the event. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *texts[3] = {NULL, NULL, NULL};
	const uint8_t *at = data, *end = data + n;
	for (int i = 0; i < 3; i++) {
		const uint8_t *line = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
		size_t len = (size_t)((line ? line : end) - at);
		texts[i] = strndup((const char *)at, len);
		MUST(texts[i] != NULL);
		at = line ? line + 1 : end;
	}
	const char *items[3] = {texts[0], texts[1], texts[2]};
	struct rules_config config = {
	    {&items[0], texts[0][0] != '\0'}, {&items[1], texts[1][0] != '\0'}, {&items[2], texts[2][0] != '\0'}};
	unsigned told = 0;
	struct rules *r = rules_new(&config, 0, tell, &told);
	MUST(!r || told == 0);
	uint8_t *copy = exact_copy(at, (size_t)(end - at));
	if (r && mp_is_one_map(copy, (size_t)(end - at)) && (size_t)(end - at) < FRAME_MAX / 2)
		decide(r, copy, (size_t)(end - at));
	free(copy);
	rules_free(&r);
	for (int i = 0; i < 3; i++)
		free(texts[i]);
	return 0;
}
