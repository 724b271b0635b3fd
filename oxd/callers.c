/* SPDX-License-Identifier: ISC */
/* callers: a table by name, and a list of each address with the newest first. */
#include "oxd/callers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

enum { NETWORK = 8 }; /* bytes of an IPv6 address that name its network */

struct caller_name {
	unsigned port;
	int fd;
};

struct caller {
	struct caller_name name;
	struct caller_address *from;
	struct caller *prev, *next; /* of its address */
	UT_hash_handle hh;
};

struct caller_address {
	char address[CALLERS_ADDRESS_MAX];
	struct caller *newest;
	size_t count;
	UT_hash_handle hh;
};

bool
callers_address(const struct sockaddr_storage *from, char out[CALLERS_ADDRESS_MAX])
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	out[0] = '\0';
	if (from->ss_family == AF_INET) {
		memcpy(&v4, from, sizeof v4);
		return inet_ntop(AF_INET, &v4.sin_addr, out, CALLERS_ADDRESS_MAX) != NULL;
	}
	if (from->ss_family != AF_INET6)
		return false;
	memcpy(&v6, from, sizeof v6);
	if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		return inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], out, CALLERS_ADDRESS_MAX) != NULL;
	memset(&v6.sin6_addr.s6_addr[NETWORK], 0, sizeof v6.sin6_addr - NETWORK);
	if (!inet_ntop(AF_INET6, &v6.sin6_addr, out, INET6_ADDRSTRLEN))
		return false;
	strcat(out, "/64");
	return true;
}

static struct caller *
find(const struct callers *c, unsigned port, int fd)
{
	struct caller_name name;
	struct caller *found;
	memset(&name, 0, sizeof name);
	name.port = port;
	name.fd = fd;
	HASH_FIND(hh, c->table, &name, sizeof name, found);
	return found;
}

static void
forget(struct callers *c, struct caller *one)
{
	struct caller_address *from = one->from;
	DL_DELETE(from->newest, one);
	HASH_DEL(c->table, one);
	free(one);
	c->count--;
	if (--from->count == 0) {
		HASH_DEL(c->addresses, from);
		free(from);
	}
}

static struct caller_address *
address_of(struct callers *c, const char *address)
{
	struct caller_address *from;
	HASH_FIND_STR(c->addresses, address, from);
	if (from || !(from = calloc(1, sizeof *from)))
		return from;
	snprintf(from->address, sizeof from->address, "%s", address);
	HASH_ADD_STR(c->addresses, address, from);
	return from;
}

static struct caller_address *
the_most(const struct callers *c)
{
	struct caller_address *most = c->addresses;
	for (struct caller_address *a = most; a; a = a->hh.next)
		if (a->count > most->count)
			most = a;
	return most;
}

struct callers_refused
callers_come(struct callers *c, unsigned port, int fd, const char *address, size_t most)
{
	struct callers_refused refused = {.fd = -1};
	struct caller *one = calloc(1, sizeof *one);
	struct caller_address *from = one ? address_of(c, address) : NULL;
	if (!from) { /* no memory: not counted */
		free(one);
		return refused;
	}
	from->count++; /* before what had its name goes, which may be all that this address had */
	struct caller *before = find(c, port, fd);
	if (before)
		forget(c, before);
	one->name.port = port;
	one->name.fd = fd;
	one->from = from;
	DL_PREPEND(from->newest, one);
	HASH_ADD(hh, c->table, name, sizeof one->name, one);
	c->count++;
	struct caller_address *over = from->count > most / 2 ? from : c->count > most ? the_most(c) : NULL;
	if (over) {
		refused.fd = over->newest->name.fd;
		memcpy(refused.address, over->address, sizeof refused.address);
		forget(c, over->newest);
	}
	return refused;
}

void
callers_go(struct callers *c, unsigned port, int fd)
{
	struct caller *one = find(c, port, fd);
	if (one)
		forget(c, one);
}

void
callers_fini(struct callers *c)
{
	struct caller *one, *next;
	HASH_ITER(hh, c->table, one, next)
	{
		forget(c, one);
	}
}
