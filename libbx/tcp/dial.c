/* SPDX-License-Identifier: ISC */
/* dial: getaddrinfo is asked for numbers first, so that no resolver is loaded for them. */
#include "libbx/tcp/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "libbx/tcp/own.h"

static void
add(struct dial *d, const void *address, socklen_t n)
{
	if (d->count == DIAL_ADDRESSES || n > sizeof d->address[0])
		return;
	memcpy(&d->address[d->count], address, n);
	d->length[d->count++] = n;
}

static bool
lookup_ipc(struct dial *d, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof un.sun_path)
		return false;
	strcpy(un.sun_path, path);
	if (path[0] == '@') /* the abstract namespace, as libzmq writes it */
		un.sun_path[0] = '\0';
	add(d, &un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@')));
	return true;
}

static bool
lookup_inet(struct dial *d, const char *host, uint16_t number, int flags)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags}, *found = NULL;
	char port[8];
	snprintf(port, sizeof port, "%u", number);
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *a = found; a; a = a->ai_next)
		add(d, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(found);
	return d->count != 0;
}

bool
dial_lookup(struct dial *d, const struct addr *to)
{
	*d = (struct dial){0};
	if (to->ipc)
		return lookup_ipc(d, to->host);
	return lookup_inet(d, to->host, to->port, AI_NUMERICHOST | AI_NUMERICSERV) ||
	       lookup_inet(d, to->host, to->port, AI_NUMERICSERV | AI_ADDRCONFIG);
}

static bool
is_loopback(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return (ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24) == 127;
	if (a->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
	return a->ss_family == AF_UNIX;
}

static void
tune(int fd, int family)
{
	enum { IDLE_S = 30 };
	if (family == AF_UNIX)
		return;
	own_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	own_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	own_setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S);
}

int
dial_next(struct dial *d)
{
	while (d->next < d->count) {
		int i = d->next++, family = d->address[i].ss_family;
		int fd = own_socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		tune(fd, family);
		d->loopback = is_loopback(&d->address[i]);
		if (own_connect(fd, &d->address[i], d->length[i]) == 0 || errno == EINPROGRESS)
			return fd;
		own_close(fd);
	}
	return -1;
}

bool
dial_connected(int fd)
{
	return own_error_of(fd) == 0;
}
