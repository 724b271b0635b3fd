/* SPDX-License-Identifier: ISC */
/* relay_port: read while there is room, settle, sleep in poll. */
#include "oxd/relay_port.h"

#include <errno.h>
#include <unistd.h>
#include <zmq.h>

#include "libbx/core/clock.h"
#include "oxd/say.h"

enum { OWING_MS = 100, FULL_MS = 5, IDLE_MS = 1000, AT_ONCE = 16 };

/* ---- the socket -------------------------------------------------------------------------------------------------- */

static enum relay_sent
send_to(void *arg, const struct relay_from *to, struct bytes message)
{
	void *socket = arg;
	if (zmq_send(socket, to->id, to->n, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		return errno == EHOSTUNREACH ? RELAY_SEND_GONE : RELAY_SEND_LATER;
	return zmq_send(socket, message.p, message.n, ZMQ_DONTWAIT) >= 0 ? RELAY_SENT : RELAY_SEND_GONE;
}

/* Receives what is left of a message.  Returns how many parts that was. */
static int
drop_rest(void *socket, zmq_msg_t *last)
{
	int parts = 0;
	for (int more = zmq_msg_more(last); more; parts++) {
		zmq_msg_t m;
		zmq_msg_init(&m);
		more = zmq_msg_recv(&m, socket, 0) >= 0 && zmq_msg_more(&m);
		zmq_msg_close(&m);
	}
	return parts;
}

/* One message of two parts, the connection's name and ours.  False when none is waiting. */
static bool
take_one(struct relay_port *p)
{
	zmq_msg_t id, body;
	zmq_msg_init(&id);
	zmq_msg_init(&body);
	bool got = zmq_msg_recv(&id, p->socket, ZMQ_DONTWAIT) >= 0;
	if (got && zmq_msg_more(&id) && zmq_msg_recv(&body, p->socket, 0) >= 0) {
		struct relay_from from = {.n = zmq_msg_size(&id)};
		int extra = drop_rest(p->socket, &body);
		if (extra == 0 && from.n <= sizeof from.id) {
			memcpy(from.id, zmq_msg_data(&id), from.n);
			relay_take(&p->relay, &from, zmq_msg_gets(&body, "Peer-Address"),
			    (struct bytes){zmq_msg_data(&body), zmq_msg_size(&body)}, clock_mono_ns());
		} else {
			stats_add(p->relay.stats, STAT_relay_bad, 1);
		}
	}
	zmq_msg_close(&id);
	zmq_msg_close(&body);
	return got;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static void
answer(struct relay_port *p)
{
	pthread_mutex_lock(&p->lock);
	if (p->answered != p->ticket) {
		buf_clear(&p->peers);
		relay_encode(&p->relay, clock_mono_ns(), &p->peers);
		p->answered = p->ticket;
	}
	pthread_mutex_unlock(&p->lock);
}

unsigned
relay_port_question(struct relay_port *p)
{
	pthread_mutex_lock(&p->lock);
	unsigned ticket = ++p->ticket;
	pthread_mutex_unlock(&p->lock);
	relay_queue_poke(p->relay.queue);
	return ticket;
}

bool
relay_port_answer(struct relay_port *p, unsigned ticket, struct buf *peers)
{
	pthread_mutex_lock(&p->lock);
	bool answered = (int)(p->answered - ticket) >= 0; /* a newer one does as well */
	if (answered)
		buf_put(peers, p->peers.data, p->peers.len);
	pthread_mutex_unlock(&p->lock);
	return answered;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void
go_round(struct relay_port *p)
{
	bool reads = relay_reads(&p->relay);
	zmq_pollitem_t items[] = {
	    {.fd = p->relay.queue->event_fd, .events = ZMQ_POLLIN},
	    {.socket = p->socket, .events = ZMQ_POLLIN},
	};
	zmq_poll(items, reads ? 2 : 1, !reads ? FULL_MS : relay_owes(&p->relay) ? OWING_MS : IDLE_MS);
	uint64_t pokes;
	if (items[0].revents && read(p->relay.queue->event_fd, &pokes, sizeof pokes) < 0 && errno != EAGAIN)
		say(SAY_ERROR, "relay: eventfd: %s", zmq_strerror(errno));
	for (int i = 0; i < AT_ONCE && relay_reads(&p->relay); i++)
		if (!take_one(p))
			break;
	relay_settle(&p->relay, clock_mono_ns());
	answer(p);
}

static void *
relay_main(void *arg)
{
	struct relay_port *p = arg;
	pthread_setname_np(pthread_self(), "relay");
	while (!atomic_load(&p->stop))
		go_round(p);
	relay_settle(&p->relay, clock_mono_ns());
	relay_say_goodbye(&p->relay);
	int linger = 100; /* for the goodbyes */
	zmq_setsockopt(p->socket, ZMQ_LINGER, &linger, sizeof linger);
	zmq_close(p->socket);
	return NULL;
}

bool
relay_port_start(
    struct relay_port *p, void *socket, struct relay_queue *queue, struct journal *journal, struct stats *stats)
{
	*p = (struct relay_port){.socket = socket};
	p->relay = (struct relay){
	    .queue = queue,
	    .journal = journal,
	    .stats = stats,
	    .send = send_to,
	    .arg = socket,
	};
	gethostname(p->relay.node, sizeof p->relay.node - 1);
	journal_listen(journal, queue->event_fd);
	pthread_mutex_init(&p->lock, NULL);
	int err = pthread_create(&p->thread, NULL, relay_main, p);
	errno = err;
	return err == 0;
}

void
relay_port_stop(struct relay_port *p)
{
	atomic_store(&p->stop, true);
	relay_queue_poke(p->relay.queue);
	pthread_join(p->thread, NULL);
	journal_listen_no_more(p->relay.journal, p->relay.queue->event_fd);
}

void
relay_port_fini(struct relay_port *p)
{
	relay_fini(&p->relay);
	buf_fini(&p->peers);
	pthread_mutex_destroy(&p->lock);
}
