/* SPDX-License-Identifier: ISC */
/*
 * pushload: a version 3 client, one event of about 200 bytes a message, as fast as the daemon takes them.
 *
 *     pushload HOST:PORT COUNT
 */
/* LIBS: -lzmq @B@/libbxparts.a */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "libbx/core/bytes.h"
#include "libbx/core/mp.h"

enum { META = 137 };

static void
add(struct buf *b, const char *key, const char *value)
{
	mp_add_strz(b, key);
	mp_add_strz(b, value);
}

static void
make_event(struct buf *b, double now)
{
	mp_add_map(b, 7);
	add(b, "id", "6a0f2b1c00112233445566778899aabb");
	add(b, "type", "load");
	add(b, "host", "web1.example.net");
	mp_add_strz(b, "pid");
	mp_add_uint(b, 4711);
	mp_add_strz(b, "start");
	mp_add_double(b, now);
	mp_add_strz(b, "end");
	mp_add_double(b, now);
	mp_add_strz(b, "body");
	mp_add_map(b, 2);
	add(b, "query", "select basket, total from orders where id = 77123 and state = 'open'");
	mp_add_strz(b, "n");
	mp_add_uint(b, 70000);
}

int
main(int argc, char **argv)
{
	char endpoint[256];
	uint8_t meta[META] = {3};
	struct buf event = {0};
	struct timespec ts;
	if (argc != 3) {
		fprintf(stderr, "usage: pushload HOST:PORT COUNT\n");
		return 2;
	}
	unsigned long count = strtoul(argv[2], NULL, 10);
	clock_gettime(CLOCK_REALTIME, &ts);
	double now = (double)ts.tv_sec;
	uint64_t bits = bits_of_double(now);
	for (int i = 0; i < 8; i++)
		meta[1 + i] = (uint8_t)(bits >> (56 - 8 * i));
	memcpy(meta + 9, "\x10web1.example.net", 17);
	memcpy(meta + 73, "\x04load", 5);
	make_event(&event, now);
	void *ctx = zmq_ctx_new(), *push = zmq_socket(ctx, ZMQ_PUSH);
	snprintf(endpoint, sizeof endpoint, "tcp://%s", argv[1]);
	if (zmq_connect(push, endpoint) != 0) {
		fprintf(stderr, "pushload: %s: %s\n", endpoint, zmq_strerror(errno));
		return 1;
	}
	for (unsigned long i = 0; i < count; i++)
		if (zmq_send(push, meta, sizeof meta, ZMQ_SNDMORE) < 0 || zmq_send(push, event.data, event.len, 0) < 0)
			return 1;
	zmq_close(push); /* lingers until all is sent */
	zmq_ctx_term(ctx);
	buf_fini(&event);
	return 0;
}
