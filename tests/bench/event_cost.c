/* SPDX-License-Identifier: ISC */
/*
 * event_cost: what an event costs the program that makes it.
 *
 * Each kind is run in alternating rounds against the others, so that a machine whose speed drifts drifts for all of
 * them; the median and the least of the rounds are printed.  The ring's tail is moved between chunks that fit
 * it, so that nothing is ever dropped and nobody else's speed is measured.  Beside ours stand syslog(3), to a reader on
 * /dev/log, and one ZeroMQ send an event, to a reader in this process over TCP.  A peer that cannot be set up is left
 * out and named.  With a name and a count as arguments only that kind runs, so often, for counting instructions.
 */
/* LIBS: -L@B@ -lbx -lzmq */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <fcntl.h>
#include <dirent.h>
#include <syslog.h>
#include <unistd.h>
#include <zmq.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "libbx/core/ringfile.h"

enum { ROUNDS = 15, BATCH = 20000, CHUNK = 1000 };

static void
two_clocks(int i)
{
	(void)i;
	clock_mono_ns();
	clock_mono_ns();
}

static void
three_fields(int i)
{
	bx_begin("request");
	bx_set("user", "somebody");
	bx_set("status", i);
	bx_set("size", 1234.5);
	bx_end();
}

static void
ten_fields(int i)
{
	bx_begin("request");
	bx_set("user", "somebody");
	bx_set("status", i);
	bx_set("size", 1234.5);
	bx_set("method", "GET");
	bx_set("path", "/index.html");
	bx_set("agent", "curl/7.88.1");
	bx_set("cached", true);
	bx_set("tries", 3);
	bx_set("bytes_in", 420);
	bx_set("bytes_out", 42000);
	bx_end();
}

static void
nested(int i)
{
	bx_begin(".sql");
	bx_set("query", "SELECT 1");
	bx_set("row_count", i);
	bx_set("query_time", 0.25);
	bx_end();
}

/* ---- peers ---- */

static void *zmq, *push, *pull;

static void *
read_zmq(void *arg)
{
	zmq_msg_t m;
	(void)arg;
	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, pull, 0) >= 0)
		;
	zmq_msg_close(&m);
	return NULL;
}

static bool
set_up_zmq(void)
{
	char endpoint[64];
	size_t n = sizeof endpoint;
	pthread_t thread;
	int unlimited = 0;
	zmq = zmq_ctx_new();
	pull = zmq_socket(zmq, ZMQ_PULL);
	push = zmq_socket(zmq, ZMQ_PUSH);
	zmq_setsockopt(push, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
	return zmq_bind(pull, "tcp://127.0.0.1:*") == 0 && zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, endpoint, &n) == 0 &&
	       zmq_connect(push, endpoint) == 0 && pthread_create(&thread, NULL, read_zmq, NULL) == 0 &&
	       pthread_detach(thread) == 0;
}

/* As a version 3 client sends it: 137 bytes of meta data, then the event's map. */
static void
send_zmq(int i)
{
	static char meta[137], map[180];
	map[0] = (char)i;
	zmq_send(push, meta, sizeof meta, ZMQ_SNDMORE);
	zmq_send(push, map, sizeof map, 0);
}

static int log_reader = -1;

static void *
read_log(void *arg)
{
	char text[2048];
	(void)arg;
	while (recv(log_reader, text, sizeof text, 0) >= 0)
		;
	return NULL;
}

static bool
set_up_syslog(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	pthread_t thread;
	log_reader = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return log_reader >= 0 && bind(log_reader, (struct sockaddr *)&at, sizeof at) == 0 &&
	       pthread_create(&thread, NULL, read_log, NULL) == 0 && pthread_detach(thread) == 0;
}

static void
send_syslog(int i)
{
	syslog(LOG_INFO, "user=%s status=%d size=%.1f", "somebody", i, 1234.5);
}

static const struct kind {
	const char *name;
	void (*run)(int i);
	bool under_request;
	bool (*set_up)(void); /* of a peer */
} kinds[] = {
    {"two clock reads", two_clocks, false, NULL},
    {"event, 3 fields", three_fields, false, NULL},
    {"event, 10 fields", ten_fields, false, NULL},
    {"nested .sql event, 3 fields", nested, true, NULL},
    {"syslog(3), 3 fields", send_syslog, false, set_up_syslog},
    {"zmq_send, one an event", send_zmq, false, set_up_zmq},
};
enum { KINDS = sizeof kinds / sizeof *kinds, OURS = 1 };
static bool usable[KINDS];

/* ---- the drain: moves the tail to the head of the one ring there is, between chunks that fit it ---- */

static struct ring_header *ring;

static struct ring_header *
map_ring(const char *run_dir)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/rings", run_dir);
	DIR *dir = opendir(path);
	struct ring_header *h = NULL;
	for (struct dirent *e; dir && !h && (e = readdir(dir));) {
		if (!strstr(e->d_name, RING_SUFFIX))
			continue;
		int fd = openat(dirfd(dir), e->d_name, O_RDWR | O_CLOEXEC);
		void *m = mmap(NULL, RING_HEADER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		h = m == MAP_FAILED ? NULL : m;
		close(fd);
	}
	if (dir)
		closedir(dir);
	return h;
}

static void
drain(void)
{
	uint64_t head = atomic_load(&ring->head);
	atomic_store(&ring->tail, head);
	atomic_store(&ring->tail_check, ~head);
}

static double
measure(const struct kind *kind, int count)
{
	int64_t ns = 0;
	for (int done = 0; done < count; done += CHUNK) {
		int until = done + CHUNK < count ? done + CHUNK : count;
		if (kind->under_request)
			bx_begin("request");
		int64_t start = clock_mono_ns();
		for (int i = done; i < until; i++)
			kind->run(i);
		ns += clock_mono_ns() - start;
		if (kind->under_request)
			bx_end();
		drain();
	}
	return (double)ns / count;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int
count_instructions(const char *name, int count)
{
	for (int k = 0; k < KINDS; k++) {
		if (strcmp(kinds[k].name, name) != 0)
			continue;
		measure(&kinds[k], count);
		return 0;
	}
	fprintf(stderr, "event_cost: no kind is called '%s'\n", name);
	return 2;
}

int
main(int argc, char **argv)
{
	static double ns[KINDS][ROUNDS];
	const char *run_dir = getenv("BLUEOX_RUN_DIR");
	struct bx_counters before, after;
	if (!run_dir || bx_configure_default() != 0) {
		fprintf(stderr, "event_cost: BLUEOX_RUN_DIR must name a directory with rings/ in it\n");
		return 1;
	}
	bx_begin("warm");
	if (!bx_end()) {
		fprintf(stderr, "event_cost: no event can be made in %s\n", run_dir);
		return 1;
	}
	ring = map_ring(run_dir);
	if (!ring)
		return 1;
	if (argc > 1)
		return count_instructions(argv[1], argc > 2 ? atoi(argv[2]) : 1000);
	for (int k = 0; k < KINDS; k++)
		usable[k] = !kinds[k].set_up || kinds[k].set_up();
	bx_stats(&before);
	for (int round = 0; round < ROUNDS; round++)
		for (int k = 0; k < KINDS; k++)
			if (usable[k])
				ns[k][round] = measure(&kinds[k], BATCH);
	bx_stats(&after);
	for (int k = 0; k < KINDS; k++)
		qsort(ns[k], ROUNDS, sizeof(double), by_value);
	for (int k = 0; k < KINDS; k++) {
		if (usable[k])
			printf("%-32s %8.1f ns  (least %.1f; %.2f times our 3 fields)\n", kinds[k].name,
			    ns[k][ROUNDS / 2], ns[k][0], ns[k][ROUNDS / 2] / ns[OURS][ROUNDS / 2]);
		else
			printf("%-32s left out: cannot be set up here\n", kinds[k].name);
	}
	printf("%-32s %8llu of %llu events\n", "dropped",
	    (unsigned long long)(after.dropped_ring_full - before.dropped_ring_full),
	    (unsigned long long)(after.events - before.events));
	return 0;
}
