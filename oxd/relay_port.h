/* SPDX-License-Identifier: ISC */
/*
 * relay_port: the ROUTER socket of the relay, and the thread that owns it.
 *
 * It carries messages between the socket and relay.h, and is told by the journal when more is synced.
 */
#ifndef BLUEOX_OXD_RELAY_PORT_H
#define BLUEOX_OXD_RELAY_PORT_H

#include "oxd/ports.h"
#include "oxd/relay.h"

struct relay_port {
	struct relay relay; /* the thread's own */
	void *socket;       /* bound; the thread's own, closed by it */
	pthread_t thread;
	_Atomic bool stop;

	pthread_mutex_t lock;
	/* under lock: one question at a time, from the control thread */
	unsigned ticket, answered;
	struct buf peers;
};

/* `socket` is a bound ROUTER. */
bool relay_port_start(
    struct relay_port *p, void *socket, struct relay_queue *queue, struct journal *journal, struct stats *stats);

/* Tells every sender, and ends the thread. */
void relay_port_stop(struct relay_port *p);
void relay_port_fini(struct relay_port *p);

/* Control thread: asks for the list of peers; true once it is there.  Neither blocks. */
unsigned relay_port_question(struct relay_port *p);
bool relay_port_answer(struct relay_port *p, unsigned ticket, struct buf *peers);

#endif
