/* SPDX-License-Identifier: ISC */
/* queue: when it is empty it starts again at its beginning, so that a quiet sender touches little memory. */
#include "libbx/tcp/queue.h"

#include <string.h>
#include <sys/mman.h>

#include "libbx/core/bytes.h"

enum { ENTRY = 8, KEEP_BYTES = 1 << 20 };

bool
queue_init(struct queue *q, size_t bytes, uint64_t first_number)
{
	*q = (struct queue){.bytes = bytes, .first_number = first_number, .next_number = first_number};
	q->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (q->base == MAP_FAILED) {
		q->base = NULL;
		return false;
	}
	madvise(q->base, bytes, MADV_DONTFORK); /* only a saving */
	return true;
}

void
queue_fini(struct queue *q)
{
	if (q->base)
		munmap(q->base, q->bytes);
	*q = (struct queue){0};
}

static size_t
entry_bytes(size_t n)
{
	return ENTRY + ((n + 7) & ~(size_t)7);
}

/* Frames lie in first .. next, or in first .. wrapped_at and 0 .. next. */
static bool
is_wrapped(const struct queue *q)
{
	return q->next < q->first || (q->next == q->first && !queue_empty(q));
}

static bool
fits_behind(const struct queue *q, size_t need)
{
	return !is_wrapped(q) && need <= q->bytes - q->next;
}

static bool
fits_in_front(const struct queue *q, size_t need)
{
	return is_wrapped(q) ? need <= q->first - q->next : need <= q->first;
}

bool
queue_has_room(const struct queue *q, size_t n)
{
	size_t need = entry_bytes(n);
	return fits_behind(q, need) || fits_in_front(q, need);
}

void
queue_put(struct queue *q, struct bytes frame, uint32_t events)
{
	size_t need = entry_bytes(frame.n);
	if (!is_wrapped(q) && !fits_behind(q, need)) {
		q->wrapped_at = q->next;
		q->next = 0;
	}
	uint8_t *p = q->base + q->next;
	put_u32le(p, (uint32_t)frame.n);
	put_u32le(p + 4, events);
	memcpy(p + ENTRY, frame.p, frame.n);
	q->next += need;
	if (q->next > q->peak)
		q->peak = q->next;
	q->next_number++;
}

struct queue_at
queue_start(const struct queue *q)
{
	return (struct queue_at){q->first, q->first_number};
}

bool
queue_read(const struct queue *q, struct queue_at *at, struct bytes *frame, uint32_t *events)
{
	if (at->number == q->next_number)
		return false;
	if (is_wrapped(q) && at->at == q->wrapped_at)
		at->at = 0;
	const uint8_t *p = q->base + at->at;
	*frame = (struct bytes){p + ENTRY, get_u32le(p)};
	*events = get_u32le(p + 4);
	at->at += entry_bytes(frame->n);
	at->number++;
	return true;
}

static void
start_over(struct queue *q)
{
	q->first = q->next = 0;
	if (q->peak > KEEP_BYTES)
		madvise(q->base + KEEP_BYTES, q->bytes - KEEP_BYTES, MADV_DONTNEED);
	q->peak = 0;
}

void
queue_drop_upto(struct queue *q, uint64_t number)
{
	struct queue_at at = queue_start(q);
	struct bytes frame;
	uint32_t events;
	while (at.number <= number && queue_read(q, &at, &frame, &events))
		;
	q->first = at.at;
	q->first_number = at.number;
	if (queue_empty(q))
		start_over(q);
}
