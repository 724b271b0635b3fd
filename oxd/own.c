/* SPDX-License-Identifier: ISC */
/* own: an event built by hand, in the order of doc/FORMATS.md. */
#include "oxd/own.h"

#include <string.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "libbx/core/id.h"
#include "libbx/core/mp.h"

static const char *const reason_names[DROP_REASONS] = {
#define X(upper, lower) #lower,
    RING_DROP_REASONS(X)
#undef X
};

static const char dropped_type[] = "blueox.dropped", life_type[] = "blueox.oxd", stream_type[] = "blueox.stream";

struct dropped {
	uint64_t count, bytes;
	double first, last;
	const char *reason;
	const char *program;
	const char *rule; /* NULL: none */
	bool bytes_shared;
	uint32_t pid;
};

static void
add_head(struct buf *b, const char *type, double start, double end)
{
	struct rand r;
	char id[ID_LEN], host[256] = "";
	rand_seed(&r);
	id_make(id, (uint64_t)(clock_wall_ns() / 1000000000), &r);
	gethostname(host, sizeof host - 1);
	mp_add_map(b, 8);
	mp_add_strz(b, "id");
	mp_add_str(b, id, sizeof id);
	mp_pair_text(b, "type", type);
	mp_pair_text(b, "host", host);
	mp_pair_uint(b, "pid", (uint64_t)getpid());
	mp_pair_double(b, "start", start);
	mp_pair_double(b, "end", end);
}

static void
add_body(struct buf *b, const struct dropped *d)
{
	mp_add_strz(b, "body");
	mp_add_map(b, 7 + (d->rule ? 1 : 0) + (d->bytes_shared ? 1 : 0));
	mp_pair_uint(b, "count", d->count);
	mp_pair_uint(b, "bytes", d->bytes);
	mp_pair_double(b, "first", d->first);
	mp_pair_double(b, "last", d->last);
	mp_pair_text(b, "reason", d->reason);
	mp_pair_text(b, "program", d->program);
	mp_pair_uint(b, "pid", d->pid);
	if (d->rule)
		mp_pair_text(b, "rule", d->rule);
	if (d->bytes_shared)
		mp_pair_bool(b, "bytes_shared", true);
}

/* What stands behind the body; then the event goes into the frame. */
static void
finish(struct buf *frame, size_t frame_at, struct buf *map, const char *type, double end)
{
	struct rand rand;
	char span[SPAN_LEN];
	rand_seed(&rand);
	span_make(span, &rand);
	mp_add_strz(map, "span");
	mp_add_str(map, span, sizeof span);
	frame_add(frame, frame_at, (struct bytes){(const uint8_t *)type, strlen(type)}, end,
	    (struct bytes){map->data, map->len});
	buf_fini(map);
}

static void
add_dropped(struct buf *frame, size_t frame_at, const struct dropped *d)
{
	struct buf map = {0};
	double now = clock_seconds(clock_wall_ns());
	add_head(&map, dropped_type, d->first > 0 && d->first < now ? d->first : now, now);
	add_body(&map, d);
	finish(frame, frame_at, &map, dropped_type, now);
}

/* The share of one reason's events in the bytes of all; the last one gets what is left, so that the sum is exact. */
static uint64_t
share(uint64_t *bytes, uint64_t *events, uint64_t count)
{
	uint64_t part = count == *events ? *bytes : (uint64_t)((double)*bytes * (double)count / (double)*events);
	*bytes -= part;
	*events -= count;
	return part;
}

unsigned
own_add_dropped(struct buf *frame, size_t frame_at, const struct ring_file *r, const struct ring_drops *now,
    const struct drop_totals *reported, uint64_t *count)
{
	unsigned reasons = 0;
	uint64_t left = 0;
	/* Another process keeps these: a total that went back is left alone. */
	uint64_t bytes = now->totals.bytes > reported->bytes ? now->totals.bytes - reported->bytes : 0;
	for (int i = 0; i < DROP_REASONS; i++) {
		if (now->totals.by[i] <= reported->by[i])
			continue;
		left += now->totals.by[i] - reported->by[i];
		reasons++;
	}
	*count = left;
	for (int i = 0; i < DROP_REASONS; i++) {
		if (now->totals.by[i] <= reported->by[i])
			continue;
		struct dropped d = {
		    .count = now->totals.by[i] - reported->by[i],
		    .first = r->reported_s > now->first ? r->reported_s : now->first,
		    .last = now->last,
		    .reason = reason_names[i],
		    .program = r->program,
		    .bytes_shared = reasons > 1,
		    .pid = r->pid,
		};
		d.bytes = share(&bytes, &left, d.count);
		add_dropped(frame, frame_at, &d);
	}
	return reasons;
}

void
own_add_stream_lost(struct buf *frame, size_t frame_at, uint64_t lost, double first)
{
	struct buf map = {0};
	double now = clock_seconds(clock_wall_ns());
	add_head(&map, stream_type, first < now ? first : now, now);
	mp_add_strz(&map, "body");
	mp_add_map(&map, 1);
	mp_pair_uint(&map, "lost", lost);
	finish(frame, frame_at, &map, stream_type, now);
}

const char *
own_reason_name(int reason)
{
	return reason_names[reason];
}

void
own_add_left_out(struct buf *frame, size_t frame_at, const struct audit_report *report)
{
	struct dropped d = {
	    .count = report->count,
	    .bytes = report->bytes,
	    .first = report->first,
	    .last = report->last,
	    .reason = report->reason,
	    .program = report->program,
	    .rule = report->rule[0] ? report->rule : NULL,
	    .pid = (uint32_t)getpid(),
	};
	add_dropped(frame, frame_at, &d);
}

static void
add_counters(struct buf *b, const char *key, const uint64_t values[STAT_COUNT])
{
	uint32_t count = 0;
	for (int i = 0; i < STAT_COUNT; i++)
		count += values[i] != 0;
	mp_add_strz(b, key);
	mp_add_map(b, count);
	for (int i = 0; i < STAT_COUNT; i++) {
		if (values[i] == 0)
			continue;
		mp_add_strz(b, stat_name((enum counter)i));
		mp_add_uint(b, values[i]);
	}
}

void
own_add_life(struct buf *frame, size_t frame_at, const struct stats *stats, uint64_t before[STAT_COUNT], int64_t up_ns,
    const char *state, unsigned rings)
{
	struct buf map = {0};
	uint64_t now[STAT_COUNT], grown[STAT_COUNT];
	int64_t now_ns = clock_wall_ns();
	for (int i = 0; i < STAT_COUNT; i++) {
		now[i] = stats_get(stats, (enum counter)i);
		grown[i] = now[i] - before[i];
		before[i] = now[i];
	}
	add_head(&map, life_type, clock_seconds(now_ns - up_ns), clock_seconds(now_ns));
	mp_add_strz(&map, "body");
	mp_add_map(&map, 6);
	mp_pair_text(&map, "version", BX_VERSION);
	mp_pair_double(&map, "uptime", clock_seconds(up_ns));
	mp_pair_text(&map, "state", state);
	mp_pair_uint(&map, "rings", rings);
	add_counters(&map, "counters", now);
	add_counters(&map, "grown", grown);
	finish(frame, frame_at, &map, life_type, clock_seconds(now_ns));
}

void
own_add_lost(struct buf *frame, size_t frame_at, const struct lost *lost, const char *reason)
{
	struct dropped d = {
	    .count = lost->count,
	    .bytes = lost->bytes,
	    .first = lost->first,
	    .last = lost->last,
	    .reason = reason,
	    .program = "oxd",
	    .pid = (uint32_t)getpid(),
	};
	add_dropped(frame, frame_at, &d);
}
