/* SPDX-License-Identifier: ISC */
/*
 * addr: network addresses as people write them.
 *
 * HOST:PORT, [v6]:PORT, PORT, *:PORT, ipc:///path.  Port 0 asks for any free one.
 */
#ifndef BLUEOX_CORE_ADDR_H
#define BLUEOX_CORE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDR_HOST_MAX = 256, ADDR_ENDPOINT_MAX = 320 };

struct addr {
	bool ipc;                 /* host is then the path, and port means nothing */
	char host[ADDR_HOST_MAX]; /* without the brackets of v6 */
	uint16_t port;
};

/*
 * Reads text; `default_host` stands where only a port is given, `default_port` where only a host is (pass -1 to
 * require a port).  NULL when it is well formed, else a phrase saying what is wrong with it.
 */
const char *addr_parse(const char *text, const char *default_host, int default_port, struct addr *out);

/* ZeroMQ endpoint, `tcp://host:port` or `ipc://path`.  Port 0 is written `*`, as bind takes it. */
void addr_endpoint(const struct addr *a, char out[ADDR_ENDPOINT_MAX]);

/* True when only this host can reach it: ipc, localhost, 127.0.0.0/8, ::1.  Never true of a name that has to be looked up. */
bool addr_is_local(const struct addr *a);

#endif
