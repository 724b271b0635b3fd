/* SPDX-License-Identifier: ISC */
/* dropped: totals of the process by reason, less what was told. */
#include "libbx/tcp/dropped.h"

#include <string.h>
#include <unistd.h>

#include "libbx/core/bytes.h"
#include "libbx/core/clock.h"
#include "libbx/core/id.h"
#include "libbx/core/mp.h"

static const char type_name[] = "blueox.dropped";

static const char *const reason_names[DROP_REASONS] = {
#define X(upper, lower) #lower,
    RING_DROP_REASONS(X)
#undef X
};

struct totals {
	uint64_t by[RING_DROP_SLOTS];
	uint64_t bytes;
	double first, last;
};

struct entry {
	const char *reason;
	uint64_t count, bytes;
	double first, last;
};

static void
add_ring(struct totals *t, const struct ring_header *h)
{
	double first = double_of_bits(atomic_load(&h->first_drop)), last = double_of_bits(atomic_load(&h->last_drop));
	if (first > 0 && (t->first == 0 || first < t->first))
		t->first = first;
	if (last > t->last)
		t->last = last;
	t->bytes += atomic_load(&h->dropped_bytes);
	for (int i = 0; i < DROP_REASONS; i++)
		t->by[i] += atomic_load(&h->dropped_by[i]);
}

static struct totals
count(const struct drain *d)
{
	struct process *p = d->process;
	struct totals t = {.bytes = atomic_load(&p->pending_bytes)};
	for (int i = 0; i < DROP_REASONS; i++)
		t.by[i] = atomic_load(&p->pending[i]);
	uint32_t used = atomic_load_explicit(&p->slots_used, memory_order_acquire);
	for (uint32_t i = 0; i < used; i++) {
		const struct ring_header *h = drain_ring(d, i);
		if (h)
			add_ring(&t, h);
	}
	return t;
}

static void
add_event(struct buf *frame, const struct config *config, const struct entry *e, double now)
{
	struct buf b = {0};
	struct rand r;
	char id[ID_LEN], span[SPAN_LEN];
	rand_seed(&r);
	id_make(id, (uint64_t)now, &r);
	span_make(span, &r);
	mp_add_map(&b, 8);
	mp_add_strz(&b, "id");
	mp_add_str(&b, id, sizeof id);
	mp_pair_text(&b, "type", type_name);
	mp_add_strz(&b, "host");
	buf_put(&b, config->host_mp, config->host_mp_len);
	mp_pair_uint(&b, "pid", (uint64_t)getpid());
	mp_pair_double(&b, "start", e->first > 0 && e->first < now ? e->first : now);
	mp_pair_double(&b, "end", now);
	mp_add_strz(&b, "body");
	mp_add_map(&b, 7);
	mp_pair_uint(&b, "count", e->count);
	mp_pair_uint(&b, "bytes", e->bytes);
	mp_pair_double(&b, "first", e->first);
	mp_pair_double(&b, "last", e->last);
	mp_pair_text(&b, "reason", e->reason);
	mp_pair_text(&b, "program", config->program);
	mp_pair_uint(&b, "pid", (uint64_t)getpid());
	mp_add_strz(&b, "span");
	mp_add_str(&b, span, sizeof span);
	if (b.err == BX_OK)
		frame_add(frame, 0, (struct bytes){(const uint8_t *)type_name, sizeof type_name - 1}, now,
		    (struct bytes){b.data, b.len});
	else
		frame->err = b.err;
	buf_fini(&b);
}

/* A total that went back (moved between two counters as we read them) is left alone until it has grown. */
static void
add_if_grown(struct buf *frame, const struct config *config, struct entry e, uint64_t total, uint64_t told, double now)
{
	if (total <= told)
		return;
	e.count = total - told;
	add_event(frame, config, &e, now);
}

bool
dropped_tell(struct dropped *w, struct drain *d, struct queue *q, const struct config *config)
{
	struct totals t = count(d);
	uint64_t rejected = atomic_load(&d->process->sender.rejected),
		 damaged = atomic_load(&d->process->sender.damaged);
	double now = clock_seconds(clock_wall_ns());
	if (!queue_has_room(q, FRAME_TARGET))
		return false;
	buf_clear(&d->frame);
	frame_start(&d->frame);
	struct entry e = {
	    .first = t.first > w->since ? t.first : w->since,
	    .last = t.last > 0 ? t.last : now,
	    .bytes = t.bytes > w->told_bytes ? t.bytes - w->told_bytes : 0,
	};
	for (int i = 0; i < DROP_REASONS; i++) {
		size_t before = d->frame.len;
		e.reason = reason_names[i];
		add_if_grown(&d->frame, config, e, t.by[i], w->told[i], now);
		if (d->frame.len != before)
			e.bytes = 0; /* one sum for all reasons: told with the first */
	}
	e.reason = "rejected";
	add_if_grown(&d->frame, config, e, rejected, w->told_rejected, now);
	e.reason = "damaged";
	add_if_grown(&d->frame, config, e, damaged, w->told_damaged, now);
	if (d->frame.err != BX_OK || d->frame.len == FRAME_HEADER || !drain_seal(d, q, 0))
		return false;
	for (int i = 0; i < DROP_REASONS; i++)
		w->told[i] = t.by[i] > w->told[i] ? t.by[i] : w->told[i];
	w->told_bytes = t.bytes;
	w->told_rejected = rejected;
	w->told_damaged = damaged;
	w->since = now;
	return true;
}
