/* SPDX-License-Identifier: ISC */
/*
 * dial: from a name to a connected socket, one address after the other.
 *
 * Only looking a name up blocks; numbers are not looked up.  Sockets are non-blocking and close on exec.
 */
#ifndef BLUEOX_TCP_DIAL_H
#define BLUEOX_TCP_DIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "libbx/core/addr.h"

enum { DIAL_ADDRESSES = 8 };

struct dial {
	struct sockaddr_storage address[DIAL_ADDRESSES];
	socklen_t length[DIAL_ADDRESSES];
	int count, next;
	bool loopback; /* of the one that dial_next() gave last */
};

/* Looks the address up.  False when there is none. */
bool dial_lookup(struct dial *d, const struct addr *to);

/* A socket that is connecting to the next address, or -1 when none is left.  Writable means connected or failed. */
int dial_next(struct dial *d);

/* After it became writable: true when it is connected. */
bool dial_connected(int fd);

#endif
