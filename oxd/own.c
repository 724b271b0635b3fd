/* SPDX-License-Identifier: ISC */
/* own: an event built by hand, in the order of doc/FORMATS.md. */
#include "oxd/own.h"

#include <string.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "libbx/core/id.h"
#include "libbx/core/mp.h"

static const char *const reason_names[DROP_REASONS] = {
#define X(upper, lower) #lower,
    RING_DROP_REASONS(X)
#undef X
};

static const char type_name[] = "blueox.dropped";

struct dropped {
	uint64_t count, bytes;
	double first, last;
	const char *reason;
	const char *program;
	uint32_t pid;
};

static void
add_text(struct buf *b, const char *s)
{
	if (mp_is_utf8(s, strlen(s)))
		mp_add_strz(b, s);
	else
		mp_add_bin(b, s, strlen(s));
}

static void
add_head(struct buf *b, double start, double end)
{
	struct rand r;
	char id[ID_LEN], host[256] = "";
	rand_seed(&r);
	id_make(id, (uint64_t)(clock_wall_ns() / 1000000000), &r);
	gethostname(host, sizeof host - 1);
	mp_add_map(b, 8);
	mp_add_strz(b, "id");
	mp_add_str(b, id, sizeof id);
	mp_add_strz(b, "type");
	mp_add_strz(b, type_name);
	mp_add_strz(b, "host");
	add_text(b, host);
	mp_add_strz(b, "pid");
	mp_add_uint(b, (uint64_t)getpid());
	mp_add_strz(b, "start");
	mp_add_double(b, start);
	mp_add_strz(b, "end");
	mp_add_double(b, end);
}

static void
add_body(struct buf *b, const struct dropped *d)
{
	mp_add_strz(b, "body");
	mp_add_map(b, 7);
	mp_add_strz(b, "count");
	mp_add_uint(b, d->count);
	mp_add_strz(b, "bytes");
	mp_add_uint(b, d->bytes);
	mp_add_strz(b, "first");
	mp_add_double(b, d->first);
	mp_add_strz(b, "last");
	mp_add_double(b, d->last);
	mp_add_strz(b, "reason");
	mp_add_strz(b, d->reason);
	mp_add_strz(b, "program");
	add_text(b, d->program);
	mp_add_strz(b, "pid");
	mp_add_uint(b, d->pid);
}

static void
add_dropped(struct buf *frame, size_t frame_at, const struct dropped *d)
{
	struct buf map = {0};
	struct rand rand;
	char span[SPAN_LEN];
	double now = clock_seconds(clock_wall_ns());
	rand_seed(&rand);
	span_make(span, &rand);
	add_head(&map, d->first > 0 && d->first < now ? d->first : now, now);
	add_body(&map, d);
	mp_add_strz(&map, "span");
	mp_add_str(&map, span, sizeof span);
	frame_add(frame, frame_at, (struct bytes){(const uint8_t *)type_name, sizeof type_name - 1}, now,
	    (struct bytes){map.data, map.len});
	buf_fini(&map);
}

unsigned
own_add_dropped(struct buf *frame, size_t frame_at, const struct ring_file *r, const struct ring_drops *now,
    const struct drop_totals *reported, uint64_t *count)
{
	unsigned events = 0;
	*count = 0;
	/* Another process keeps these: a total that went back is left alone. */
	uint64_t bytes = now->totals.bytes > reported->bytes ? now->totals.bytes - reported->bytes : 0;
	for (int i = 0; i < DROP_REASONS; i++) {
		if (now->totals.by[i] <= reported->by[i])
			continue;
		struct dropped d = {
		    .count = now->totals.by[i] - reported->by[i],
		    .bytes = events == 0 ? bytes : 0,
		    .first = now->first,
		    .last = now->last,
		    .reason = reason_names[i],
		    .program = r->program,
		    .pid = r->pid,
		};
		add_dropped(frame, frame_at, &d);
		*count += d.count;
		events++;
	}
	return events;
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
