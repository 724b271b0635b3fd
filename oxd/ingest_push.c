/* SPDX-License-Identifier: ISC */
/* ingest_push: receive without blocking while there is something, hand over, then sleep in poll. */
#include "oxd/ingest_push.h"

#include <errno.h>
#include <time.h>
#include <zmq.h>

#include "libbx/core/clock.h"
#include "libbx/core/frame.h"
#include "oxd/say.h"
#include "oxd/wire3.h"

/* Who has found so many messages waiting does not ask whether there are more: they are let gather, for a moment. */
enum { POLL_MS = 100, PARTS = 2, RECEIVE_MAX = 4096, MANY = 64, GATHER_NS = 500000 };
static const int64_t leave_ns = 3000000000; /* how long a stop waits for an ingest thread that does not take */

struct message {
	zmq_msg_t part[PARTS + 1]; /* all initialised; the last is for what comes beyond PARTS */
	int parts;                 /* as many as came */
};

static void
message_init(struct message *m)
{
	for (int i = 0; i <= PARTS; i++)
		zmq_msg_init(&m->part[i]);
}

static void
message_fini(struct message *m)
{
	for (int i = 0; i <= PARTS; i++)
		zmq_msg_close(&m->part[i]);
}

/*
 * Receives one whole message, however many parts it has, in place of the last one.  False when none is waiting.
 */
static bool
receive(void *socket, struct message *m)
{
	bool more = true;
	m->parts = 0;
	while (more) {
		zmq_msg_t *to = &m->part[m->parts < PARTS ? m->parts : PARTS];
		int n = zmq_msg_recv(to, socket, m->parts ? 0 : ZMQ_DONTWAIT);
		if (n < 0 && (errno != EINTR || m->parts == 0))
			return false;
		if (n >= 0) {
			m->parts++;
			more = zmq_msg_more(to);
		}
	}
	return true;
}

/* Under lock.  False when oxd stops and the ingest thread, which is blocked, takes nothing any more. */
static bool
wait_for_room(struct ingest_push *p)
{
	while (p->count == PUSH_QUEUE) {
		int64_t now_ns = clock_mono_ns(), until_ns = now_ns + 100000000;
		if (atomic_load(&p->stop) && p->leave_by_ns == 0)
			p->leave_by_ns = now_ns + leave_ns;
		if (p->leave_by_ns && now_ns >= p->leave_by_ns)
			return false;
		struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
		pthread_cond_timedwait(&p->room, &p->lock, &until);
	}
	return true;
}

static void
hand_over(struct ingest_push *p)
{
	if (p->filling_count == 0)
		return;
	pthread_mutex_lock(&p->lock);
	if (!wait_for_room(p)) {
		pthread_mutex_unlock(&p->lock);
		stats_add(p->stats, STAT_push_lost, p->filling_count);
		say(SAY_WARNING, "%u events of version 3 clients are lost: intake is blocked", p->filling_count);
		p->filling_count = 0;
		return;
	}
	struct buf *slot = &p->queue[(p->first + p->count) % PUSH_QUEUE];
	struct buf empty = *slot;
	*slot = p->filling;
	p->filling = empty;
	p->count++;
	pthread_mutex_unlock(&p->lock);
	p->filling_count = 0;
	doorbell_ring(p->bell);
}

static void
take_event(struct ingest_push *p, const struct wire3 *w)
{
	size_t bytes = FRAME_EVENT_HEADER + w->type.n + w->map.n;
	if (bytes > FRAME_MAX - FRAME_HEADER) {
		stats_add(p->stats, STAT_push_too_big, 1);
		return;
	}
	if (p->filling_count > 0 && p->filling.len + bytes > FRAME_TARGET)
		hand_over(p);
	if (p->filling_count == 0) {
		buf_clear(&p->filling);
		frame_start(&p->filling);
	}
	frame_add(&p->filling, 0, w->type, w->end, w->map);
	p->filling_count++;
	stats_add(p->stats, STAT_push_events, 1);
}

static struct bytes
content(zmq_msg_t *m)
{
	return (struct bytes){zmq_msg_data(m), zmq_msg_size(m)};
}

static void
take_message(struct ingest_push *p, struct message *m)
{
	static struct say_limit limit;
	static const struct {
		enum counter counter;
		const char *text;
	} faults[] = {
	    [WIRE3_OK] = {STAT_push_bad_parts, "has not two parts"},
	    [WIRE3_BAD_VERSION] = {STAT_push_bad_version, "is of another version"},
	    [WIRE3_BAD_LENGTH] = {STAT_push_bad_length, "has a first part of wrong length"},
	    [WIRE3_BAD_BODY] = {STAT_push_bad_body, "has a body that is not one whole map"},
	};
	struct wire3 w;
	enum wire3_fault fault = WIRE3_OK; /* of the parts' number */
	if (m->parts == PARTS) {
		fault = wire3_read(content(&m->part[0]), content(&m->part[1]), &w);
		if (fault == WIRE3_OK) {
			take_event(p, &w);
			return;
		}
	}
	stats_add(p->stats, faults[fault].counter, 1);
	say_limited(&limit, SAY_WARNING, "a message on the collection port %s, dropped", faults[fault].text);
}

/* How many there were; fewer than RECEIVE_MAX when nothing is waiting any more. */
static int
take_some(struct ingest_push *p)
{
	int taken = 0;
	struct message m;
	message_init(&m);
	for (; taken < RECEIVE_MAX && receive(p->socket, &m); taken++)
		take_message(p, &m);
	message_fini(&m);
	return taken;
}

/* To be woken by ZeroMQ, and to ask it, costs as much as some dozens of messages. */
static void
wait_for_messages(struct ingest_push *p, int taken)
{
	zmq_pollitem_t item = {.socket = p->socket, .events = ZMQ_POLLIN};
	if (taken < MANY)
		zmq_poll(&item, 1, POLL_MS);
	else if (taken < RECEIVE_MAX)
		nanosleep(&(struct timespec){.tv_nsec = GATHER_NS}, NULL);
}

static void *
push_main(void *arg)
{
	struct ingest_push *p = arg;
	pthread_setname_np(pthread_self(), "push");
	for (int taken = 0; !atomic_load(&p->stop);) {
		wait_for_messages(p, taken);
		taken = take_some(p);
		hand_over(p);
	}
	int64_t until_ns = clock_mono_ns() + leave_ns; /* senders that never pause do not keep us */
	while (take_some(p) == RECEIVE_MAX && clock_mono_ns() < until_ns)
		;
	hand_over(p);
	zmq_close(p->socket);
	return NULL;
}

bool
ingest_push_start(struct ingest_push *p, void *socket, struct doorbell *bell, struct stats *stats)
{
	*p = (struct ingest_push){.socket = socket, .bell = bell, .stats = stats};
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->room, &attr);
	pthread_condattr_destroy(&attr);
	return pthread_create(&p->thread, NULL, push_main, p) == 0;
}

void
ingest_push_stop(struct ingest_push *p)
{
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
}

void
ingest_push_fini(struct ingest_push *p)
{
	for (int i = 0; i < PUSH_QUEUE; i++)
		buf_fini(&p->queue[i]);
	buf_fini(&p->filling);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->room);
}

bool
ingest_push_take(struct ingest_push *p, struct buf *frame)
{
	pthread_mutex_lock(&p->lock);
	bool some = p->count > 0;
	if (some) {
		struct buf filled = p->queue[p->first];
		p->queue[p->first] = *frame;
		*frame = filled;
		p->first = (p->first + 1) % PUSH_QUEUE;
		p->count--;
		pthread_cond_signal(&p->room);
	}
	pthread_mutex_unlock(&p->lock);
	return some;
}

bool
ingest_push_waiting(struct ingest_push *p)
{
	pthread_mutex_lock(&p->lock);
	bool some = p->count > 0;
	pthread_mutex_unlock(&p->lock);
	return some;
}
