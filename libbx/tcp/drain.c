/* SPDX-License-Identifier: ISC */
/* drain: the same walk as oxd's, over memory of our own; a host may still have scribbled over it. */
#include "libbx/tcp/drain.h"

#include <string.h>
#include <sys/random.h>

#include "libbx/core/bytes.h"
#include "libbx/core/mp.h"

bool
drain_init(struct drain *d, struct process *p)
{
	*d = (struct drain){.process = p};
	return getrandom(d->origin, sizeof d->origin, 0) == (ssize_t)sizeof d->origin;
}

void
drain_fini(struct drain *d)
{
	buf_fini(&d->frame);
}

const struct ring_header *
drain_ring(const struct drain *d, uint32_t slot)
{
	const struct ring_header *h = process_ring(d->process, slot);
	return h && atomic_load_explicit(&d->process->rings[slot].private, memory_order_relaxed) ? h : NULL;
}

static uint64_t
ring_head(struct drain *d, uint32_t slot, const struct ring_header *h)
{
	uint64_t head = atomic_load_explicit(&h->head, memory_order_acquire);
	if (d->at[slot] == 0)
		d->at[slot] = atomic_load_explicit(&h->tail, memory_order_relaxed);
	return head;
}

/* Adds records of one ring until the frame is long enough.  What is damaged ends the ring's content: its borders are lost. */
static void
take_ring(struct drain *d, uint32_t slot, const struct ring_header *h)
{
	const uint8_t *data = (const uint8_t *)h + RING_HEADER_BYTES;
	uint64_t head = ring_head(d, slot, h), pos = d->at[slot];
	struct ring_view v;
	while (pos < head && d->frame.len < FRAME_TARGET) {
		if (ring_record_read(data + (pos & (h->capacity - 1)), head - pos, pos, h->capacity, &v) != BX_OK) {
			atomic_fetch_add(&d->process->sender.damaged, 1);
			pos = head;
			break;
		}
		pos += v.size;
		if (v.size > FRAME_MAX - FRAME_TARGET - FRAME_HEADER - FRAME_EVENT_HEADER ||
		    !mp_is_one_map(v.map, v.map_len))
			atomic_fetch_add(&d->process->sender.damaged, 1);
		else
			frame_add(
			    &d->frame, 0, (struct bytes){v.type, v.type_len}, v.end, (struct bytes){v.map, v.map_len});
	}
	d->head[slot] = pos;
}

/* The space is the writer's again.  It believes a tail only with its complement, so the order of the two is free. */
static void
move_tails(struct drain *d, uint32_t used)
{
	for (uint32_t i = 0; i < used; i++) {
		struct ring_header *h = atomic_load(&d->process->rings[i].header);
		if (d->head[i] == 0 || d->head[i] == d->at[i] || !h)
			continue;
		d->at[i] = d->head[i];
		atomic_store_explicit(&h->tail, d->at[i], memory_order_release);
		atomic_store_explicit(&h->tail_check, ~d->at[i], memory_order_release);
	}
}

bool
drain_seal(struct drain *d, struct queue *q, uint32_t events)
{
	if (frame_seal(&d->frame, 0, d->origin, q->next_number) != BX_OK)
		return false;
	queue_put(q, (struct bytes){d->frame.data, d->frame.len}, events);
	return true;
}

bool
drain_once(struct drain *d, struct queue *q)
{
	uint32_t used = atomic_load_explicit(&d->process->slots_used, memory_order_acquire);
	if (used == 0 || !queue_has_room(q, FRAME_MAX))
		return false;
	buf_clear(&d->frame);
	frame_start(&d->frame);
	memset(d->head, 0, used * sizeof *d->head);
	for (uint32_t i = 0; i < used && d->frame.len < FRAME_TARGET; i++) {
		uint32_t slot = (d->next_ring + i) % used;
		const struct ring_header *h = drain_ring(d, slot);
		if (h)
			take_ring(d, slot, h);
		if (d->frame.len >= FRAME_TARGET)
			d->next_ring = slot + 1;
	}
	if (d->frame.err != BX_OK)
		return false; /* no memory: the rings keep what they have */
	bool made = d->frame.len > FRAME_HEADER && drain_seal(d, q, get_u32le(d->frame.data + 40));
	move_tails(d, used);
	return made;
}

static uint64_t
fullest(struct drain *d, bool *half_full)
{
	uint64_t most = 0;
	uint32_t used = atomic_load_explicit(&d->process->slots_used, memory_order_acquire);
	*half_full = false;
	for (uint32_t i = 0; i < used; i++) {
		const struct ring_header *h = drain_ring(d, i);
		if (!h)
			continue;
		uint64_t waiting = ring_head(d, i, h) - d->at[i];
		most = waiting > most ? waiting : most;
		*half_full |= waiting >= h->capacity / 2;
	}
	return most;
}

bool
drain_has_work(struct drain *d)
{
	bool half_full;
	return fullest(d, &half_full) != 0;
}

bool
drain_is_urgent(struct drain *d)
{
	bool half_full;
	fullest(d, &half_full);
	return half_full;
}
