/* SPDX-License-Identifier: ISC */
/* sift: event by event into a frame of its own, which then takes the place of the first. */
#include "oxd/sift.h"

#include <stdlib.h>

#include "libbx/core/bytes.h"
#include "libbx/core/clock.h"
#include "oxd/seen.h"

static const char clients[] = "(version 3 clients)";

/* A frame without its seal, as its makers have it. */
static struct frame
unsealed(const struct buf *b, size_t frame_at)
{
	return (struct frame){.data = b->data + frame_at,
	    .len = (uint32_t)(b->len - frame_at),
	    .count = get_u32le(b->data + frame_at + FRAME_COUNT_AT),
	    .at = FRAME_HEADER};
}

/* One event; true when it is kept. */
static bool
sift_event(struct sift *s, const struct frame_event *ev, struct left_out *left_out, struct bytes host,
    const char *program, int64_t now_ns)
{
	struct rules_verdict v = rules_take(s->rules, ev, program, now_ns, &s->other, 0);
	if (!v.reason)
		return true;
	stats_add(s->stats, v.reason[0] == 'r' ? STAT_rule_dropped : STAT_quota_dropped, 1);
	left_out_add(left_out, host, v.reason, v.text, 1, ev->map.n);
	return false;
}

static void
begin(struct sift *s)
{
	buf_clear(&s->other);
	frame_start(&s->other);
}

/* What is kept takes the place of what was found.  It is never longer, so there is room. */
static void
put_back(const struct sift *s, struct buf *b, size_t frame_at)
{
	if (s->other.err != BX_OK)
		abort(); /* neither an event nor a field that must go may stay or go for want of memory */
	b->len = frame_at;
	buf_put(b, s->other.data, s->other.len);
}

uint32_t
sift_program(struct sift *s, struct buf *b, size_t frame_at, const char *program)
{
	struct frame walk = unsealed(b, frame_at);
	struct frame_event ev;
	uint32_t kept = 0;
	if (!s->rules)
		return walk.count;
	int64_t now_ns = clock_mono_ns();
	begin(s);
	while (frame_next(&walk, &ev))
		kept += sift_event(s, &ev, &s->of_program, (struct bytes){0}, program, now_ns);
	put_back(s, b, frame_at);
	return kept;
}

uint32_t
sift_clients(struct sift *s, struct buf *b, size_t frame_at)
{
	struct frame walk = unsealed(b, frame_at);
	struct frame_event ev;
	struct seen_host w = {0};
	uint32_t kept = 0;
	if (!s->rules)
		return walk.count;
	int64_t now_ns = clock_mono_ns();
	begin(s);
	while (frame_next(&walk, &ev)) {
		seen_host_next(&w, ev.map);
		kept += sift_event(s, &ev, &s->of_clients, w.host, clients, now_ns);
	}
	put_back(s, b, frame_at);
	return kept;
}

void
sift_use(struct sift *s, struct rules *rules)
{
	rules_free(&s->rules);
	s->rules = rules;
	left_out_outlive_rules(&s->of_program);
	left_out_outlive_rules(&s->of_clients);
}

void
sift_fini(struct sift *s)
{
	rules_free(&s->rules);
	left_out_fini(&s->of_program);
	left_out_fini(&s->of_clients);
	buf_fini(&s->other);
}
