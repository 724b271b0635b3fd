/* SPDX-License-Identifier: ISC */
/*
 * ports: bound ZeroMQ sockets, each with the address that it got.
 *
 * A socket belongs to one thread; the one that binds may hand it over before the other starts.
 */
#ifndef BLUEOX_OXD_PORTS_H
#define BLUEOX_OXD_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/addr.h"

struct port {
	void *socket;
	char endpoint[ADDR_ENDPOINT_MAX]; /* as ZeroMQ says it */
	char text[ADDR_ENDPOINT_MAX];     /* as people write it: HOST:PORT or ipc:///path */
	uint16_t number;                  /* 0 for ipc */
	bool curve;                       /* speaks CURVE */
	bool exposed;                     /* other hosts can reach it, in plain text */
};

/* `type` is ZMQ_REP, ZMQ_PULL or ZMQ_ROUTER.  On failure one line in err that names the port and why. */
bool port_open(
    struct port *p, void *zmq, int type, const char *name, const struct addr *where, char *err, size_t err_cap);

/* The stream's XPUB: a random port from 35000 to 36000 beside the control port, or a socket file beside its file. */
bool port_open_stream(struct port *p, void *zmq, const struct addr *control, char *err, size_t err_cap);

void port_close(struct port *p);

#endif
