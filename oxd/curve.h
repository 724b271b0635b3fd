/* SPDX-License-Identifier: ISC */
/*
 * curve: keys on the sockets that other hosts can reach.
 *
 * A process has one key.  Every port beyond this host then speaks CURVE, every relay session to an upstream too; ports on
 * loopback and socket files stay plain, for they are this host's.  A thread answers ZeroMQ's question whether a client's
 * key is allowed (ZAP), by the files in a directory as they are at that moment.
 *
 * curve_open() comes before the first port.
 */
#ifndef BLUEOX_OXD_CURVE_H
#define BLUEOX_OXD_CURVE_H

#include "libbx/core/addr.h"
#include "libbx/core/keyfile.h"
#include "oxd/stats.h"

struct curve_config {
	const char *key_path;    /* our own key; NULL: none */
	const char *allow_path;  /* directory of clients' public keys; NULL: everyone who has our public key */
	const char *server_path; /* an upstream's public key; NULL: upstreams are plain */
};

/* On failure one line in err. */
bool curve_open(void *zmq, const struct curve_config *config, struct stats *stats, char *err, size_t err_cap);

/* Ends the thread and closes what is left of it; before the ZeroMQ context goes. */
void curve_close(void);

/* Before bind: makes the socket a server where others can reach it and there is a key.  `on` says whether it is one. */
bool curve_guard(void *socket, const struct addr *where, bool *on);

/* Before connect: the socket will talk to the upstream whose public key was named, and to no other. */
bool curve_call(void *socket);

/* There is a key, ours or an upstream's: handshakes can fail for one. */
bool curve_is_on(void);

#endif
