/* SPDX-License-Identifier: ISC */
/*
 * zsock: what every ZeroMQ socket between hosts has set before it binds or connects.
 *
 * ZeroMQ drops what does not fit and says nothing, counts its marks in messages, and keeps what a dead peer was sent: so
 * marks are a few messages, nothing lingers, nothing is queued for a peer that is not there, and silence is noticed: by the
 * session above, and for connections by TCP's keepalive.  Never by ZMTP heartbeats: with these, a peer that goes while its
 * messages wait at the mark makes libzmq 4.3.4 abort the process (`!_io_error`, zeromq/libzmq#4364).
 */
#ifndef BLUEOX_OXD_ZSOCK_H
#define BLUEOX_OXD_ZSOCK_H

#include <stdbool.h>
#include <stdint.h>

struct zsock_limits {
	int send_mark, receive_mark; /* messages */
	int64_t message_max;         /* bytes of one that is received */
	bool v6;
};

/* Sets them; before bind or connect.  False with errno. */
bool zsock_limit(void *socket, int type, const struct zsock_limits *limits);

#endif
