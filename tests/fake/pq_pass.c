/* SPDX-License-Identifier: ISC */
/*
 * Stands in front of PQexec and PQclear and does nothing; with -DSENDTO it sends a datagram of what an event would say
 * for each query, as tracers do that have no shared memory.  Nobody reads the datagrams.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifdef SENDTO
static struct sockaddr_in nobody = {.sin_family = AF_INET};
static int from = -1;

static void __attribute__((constructor)) prepare(void)
{
	socklen_t size = sizeof nobody;
	int to = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(to, (struct sockaddr *)&nobody, sizeof nobody) == 0)
		getsockname(to, (struct sockaddr *)&nobody, &size);
	from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void
tell(const char *query)
{
	char text[300] = {0};
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	clock_gettime(CLOCK_MONOTONIC, &now);
	memcpy(text, &now, sizeof now);
	strncpy(text + sizeof now, query, 200);
	sendto(from, text, sizeof text, MSG_DONTWAIT, (struct sockaddr *)&nobody, sizeof nobody);
}
#else
static void
tell(const char *query)
{
	(void)query;
}
#endif

PGresult *
PQexec(PGconn *pg, const char *query)
{
	static PGresult *(*real)(PGconn *, const char *);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "PQexec");
	PGresult *res = real(pg, query);
	tell(query);
	return res;
}
