/* SPDX-License-Identifier: ISC */
/* relay_queue: three short lists under one lock. */
#include "oxd/relay_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

enum { KEEP_BYTES = 2 << 20 }; /* of an idle parcel */

bool
relay_queue_init(struct relay_queue *q, struct doorbell *bell)
{
	*q = (struct relay_queue){.bell = bell};
	pthread_mutex_init(&q->lock, NULL);
	for (int i = 0; i < RELAY_PARCELS; i++)
		LL_PREPEND(q->free, &q->parcels[i]);
	q->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return q->event_fd >= 0;
}

void
relay_queue_fini(struct relay_queue *q)
{
	for (int i = 0; i < RELAY_PARCELS; i++) {
		buf_fini(&q->parcels[i].frames);
		buf_fini(&q->parcels[i].rejected);
	}
	pthread_mutex_destroy(&q->lock);
	close(q->event_fd);
}

static struct relay_parcel *
take_first(struct relay_queue *q, struct relay_parcel **list)
{
	pthread_mutex_lock(&q->lock);
	struct relay_parcel *p = *list;
	if (p)
		LL_DELETE(*list, p);
	pthread_mutex_unlock(&q->lock);
	return p;
}

static void
put_last(struct relay_queue *q, struct relay_parcel **list, struct relay_parcel *p)
{
	pthread_mutex_lock(&q->lock);
	LL_APPEND(*list, p);
	pthread_mutex_unlock(&q->lock);
}

static bool
any(struct relay_queue *q, struct relay_parcel *const *list)
{
	pthread_mutex_lock(&q->lock);
	bool some = *list != NULL;
	pthread_mutex_unlock(&q->lock);
	return some;
}

struct relay_parcel *
relay_queue_empty(struct relay_queue *q)
{
	return take_first(q, &q->free);
}

bool
relay_queue_has_empty(struct relay_queue *q)
{
	return any(q, &q->free);
}

void
relay_queue_fill(struct relay_queue *q, struct relay_parcel *p)
{
	p->at = 0;
	p->n = p->from;
	put_last(q, &q->filled, p);
	doorbell_ring(q->bell);
}

void
relay_queue_put_back(struct relay_queue *q, struct relay_parcel *p)
{
	if (p->frames.cap > KEEP_BYTES)
		buf_fini(&p->frames);
	buf_clear(&p->frames);
	buf_clear(&p->rejected);
	put_last(q, &q->free, p);
}

struct relay_parcel *
relay_queue_done(struct relay_queue *q)
{
	return take_first(q, &q->done);
}

struct relay_parcel *
relay_queue_take(struct relay_queue *q)
{
	return take_first(q, &q->filled);
}

void
relay_queue_give(struct relay_queue *q, struct relay_parcel *p)
{
	put_last(q, &q->done, p);
	relay_queue_poke(q);
}

bool
relay_queue_waiting(struct relay_queue *q)
{
	return any(q, &q->filled);
}

void
relay_queue_tell_blocked(struct relay_queue *q, bool blocked)
{
	if (atomic_exchange(&q->blocked, blocked) != blocked)
		relay_queue_poke(q);
}

void
relay_queue_poke(struct relay_queue *q)
{
	uint64_t one = 1;
	if (write(q->event_fd, &one, sizeof one) < 0)
		return; /* it is readable already */
}
