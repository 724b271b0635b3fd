/* SPDX-License-Identifier: ISC */
/*
 * callers: which connections the ports of oxd have, and from where, so that no address takes up the place of others.
 *
 * All of them may have so many, one address a half of that (an IPv6 network of 64 bits counts as one address: whoever has
 * one address of it has them all).  Who comes beyond its half is turned away; when all places are taken, the address that
 * has the most gives up its newest one.  Connections that have not said a byte count like any other.  One thread.
 */
#ifndef BLUEOX_OXD_CALLERS_H
#define BLUEOX_OXD_CALLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { CALLERS_ADDRESS_MAX = 64 };

struct caller;
struct caller_address;

/* All zeroes is valid. */
struct callers {
	struct caller *table; /* owned */
	struct caller_address *addresses;
	size_t count;
};

/* A connection that has to go. */
struct callers_refused {
	int fd; /* -1: none */
	char address[CALLERS_ADDRESS_MAX];
};

/* The address that a connection is counted under; false for a socket file, which is this host's. */
bool callers_address(const struct sockaddr_storage *from, char out[CALLERS_ADDRESS_MAX]);

/*
 * A connection has come.  `port` and `fd` name it: a descriptor is used again, and ports tell of it each in an order of
 * its own.  The one that is returned, this or another, is forgotten here.
 */
struct callers_refused callers_come(struct callers *c, unsigned port, int fd, const char *address, size_t most);

/* It has gone.  One that is not known is not minded. */
void callers_go(struct callers *c, unsigned port, int fd);

void callers_fini(struct callers *c);

#endif
