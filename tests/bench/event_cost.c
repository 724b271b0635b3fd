/* SPDX-License-Identifier: ISC */
/*
 * event_cost: what an event costs the program that makes it.
 *
 * All kinds take turns, so that a machine whose speed drifts drifts for all of them; what is printed is the median of
 * the rounds, the least, and the median of the ratios to our event of three fields in the same round.  One kind is
 * there twice: how far the two are apart is what the rest can be trusted to.  The ring's tail is moved between chunks
 * that fit it, so that nothing is dropped and nobody else's speed is measured; with `oxd` as the argument oxd moves it.
 * Times are of the thread on its processor: what others take from the machine meanwhile does not count, and neither does
 * what a peer waits.
 *
 *     event_cost                    all kinds, and the bars
 *     event_cost count KIND N       only that kind, so often: for counting instructions
 *     event_cost oxd                ours while oxd drains the ring
 *     event_cost threads            one thread against two
 */
/* LIBS: -L@B@ -lbx -lzmq -llttng-ust -ldl */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>
#include <zmq.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "libbx/core/ringfile.h"

#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "tests/bench/event_cost_lttng.h"

enum { ROUNDS = 15, CHUNK = 1000, KEYS = 2000 };

static char user[] = "somebody", agent[] = "curl/7.88.1", query[] = "SELECT 1"; /* not known to the compiler */

static void
two_clocks(int i)
{
	(void)i;
	clock_mono_ns();
	clock_mono_ns();
}

long near_nothing(long i) __asm__("labs"); /* three instructions, in another object; no builtin under this name */

static void
call_through_plt(int i)
{
	near_nothing(i);
}

static void
set_unconfigured(int i)
{
	bx_set("status", i);
}

static void
three_fields(int i)
{
	bx_begin("request");
	bx_set("user", user);
	bx_set("status", i);
	bx_set("size", 1234.5);
	bx_end();
}

static void
ten_fields(int i)
{
	bx_begin("request");
	bx_set("user", user);
	bx_set("status", i);
	bx_set("size", 1234.5);
	bx_set("method", "GET");
	bx_set("path", "/index.html");
	bx_set("agent", agent);
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
	bx_set("query", query);
	bx_set("row_count", i);
	bx_set("query_time", 0.25);
	bx_end();
}

static void
dotted(int i)
{
	bx_begin("request");
	bx_set("response.status", i);
	bx_set("response.size", 1234.5);
	bx_set("user", user);
	bx_end();
}

static void
sampled_out(int i)
{
	BX_CONTEXT("request", .sample = {".", 0})
	{
		bx_set("user", user);
		bx_set("status", i);
		bx_set("size", 1234.5);
	}
}

static void
many_keys(int i)
{
	static char keys[KEYS][32];
	if (!keys[0][0])
		for (int k = 0; k < KEYS; k++)
			snprintf(keys[k], sizeof keys[k], "group%d.key%d", k % 50, k);
	bx_begin("request");
	for (int k = 0; k < KEYS; k++)
		bx_set(keys[k], i);
	bx_end();
}

/* ---- peers ---- */

static bool
lttng_is_on(void)
{
	return lttng_ust_tracepoint_enabled(bx_bench, three_fields);
}

static void
hit_tracepoint(int i)
{
	lttng_ust_tracepoint(bx_bench, three_fields, user, i, 1234.5);
}

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

/* As a version 3 client sends it: 137 bytes of meta data, then the event's map, which is packed already. */
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
	syslog(LOG_INFO, "user=%s status=%d size=%.1f", user, i, 1234.5);
}

static FILE *file;

static bool
set_up_file(void)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/events.log", getenv("BLUEOX_RUN_DIR"));
	file = fopen(path, "we");
	return file != NULL;
}

static void
print_line(int i)
{
	fprintf(file, "%lld request user=%s status=%d size=%.1f\n", (long long)clock_wall_ns(), user, i, 1234.5);
	fflush(file);
	if (i % CHUNK == 0)
		rewind(file);
}

/* ---- the kinds, and what they must hold ---- */

enum role { PEER, CLOCKS, EMPTY, UNCONFIGURED, OURS, AGAIN, TEN, NESTED, DOTTED, SILENT, KEYED, LTTNG, SYSLOG, ROLES };

static const struct kind {
	const char *name;
	void (*run)(int i);
	enum role role;
	int batch;            /* calls a round */
	bool (*set_up)(void); /* of a peer */
} kinds[] = {
    {"two clock reads", two_clocks, CLOCKS, 20000, NULL},
    {"a call into another object", call_through_plt, EMPTY, 200000, NULL},
    {"bx_set, not configured", set_unconfigured, UNCONFIGURED, 200000, NULL},
    {"event, 3 fields", three_fields, OURS, 20000, NULL},
    {"the same once more", three_fields, AGAIN, 20000, NULL},
    {"event, 10 fields", ten_fields, TEN, 20000, NULL},
    {"event, 3 fields, 2 of them dotted", dotted, DOTTED, 20000, NULL},
    {"nested .sql event, 3 fields", nested, NESTED, 20000, NULL},
    {"sampled out, 3 fields", sampled_out, SILENT, 20000, NULL},
    {"event, 2000 dotted keys", many_keys, KEYED, 10, NULL},
    {"LTTng-UST tracepoint, 3 fields", hit_tracepoint, LTTNG, 20000, lttng_is_on},
    {"syslog(3), 3 fields", send_syslog, SYSLOG, 5000, set_up_syslog},
    {"zmq_send, one an event", send_zmq, PEER, 20000, set_up_zmq},
    {"fprintf and fflush, 3 fields", print_line, PEER, 20000, set_up_file},
};
enum { KINDS = sizeof kinds / sizeof *kinds };
static bool usable[KINDS];
static double ns[KINDS][ROUNDS];

/* ---- rings: whose head moves when this thread emits is this thread's ---- */

enum { RINGS_MAX = 64 };

struct rings {
	struct ring_header *at[RINGS_MAX];
	uint64_t head[RINGS_MAX];
	int count;
};

static void
map_rings(const char *run_dir, struct rings *rings)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/rings", run_dir);
	DIR *dir = opendir(path);
	rings->count = 0;
	for (struct dirent *e; dir && rings->count < RINGS_MAX && (e = readdir(dir));) {
		if (!strstr(e->d_name, RING_SUFFIX))
			continue;
		int fd = openat(dirfd(dir), e->d_name, O_RDWR | O_CLOEXEC);
		void *m = mmap(NULL, RING_HEADER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (m == MAP_FAILED)
			continue;
		rings->at[rings->count] = m;
		rings->head[rings->count] = atomic_load(&rings->at[rings->count]->head);
		rings->count++;
	}
	if (dir)
		closedir(dir);
}

static struct ring_header *
own_ring(void)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	struct rings rings;
	struct ring_header *own = NULL;
	pthread_mutex_lock(&one);
	three_fields(0); /* there is a ring now */
	map_rings(getenv("BLUEOX_RUN_DIR"), &rings);
	three_fields(0);
	for (int i = 0; i < rings.count; i++) {
		if (atomic_load(&rings.at[i]->head) != rings.head[i])
			own = rings.at[i];
		else
			munmap(rings.at[i], RING_HEADER_BYTES);
	}
	pthread_mutex_unlock(&one);
	return own;
}

static bool by_oxd; /* oxd drains */

static void
drain(struct ring_header *ring)
{
	uint64_t head = atomic_load(&ring->head);
	if (!by_oxd) {
		atomic_store(&ring->tail, head);
		atomic_store(&ring->tail_check, ~head);
		return;
	}
	int64_t until = clock_mono_ns() + 20000000000;
	while (atomic_load(&ring->tail) != head) {
		if (clock_mono_ns() > until) {
			fprintf(stderr, "event_cost: oxd did not drain the ring within 20 s\n");
			exit(1);
		}
		sched_yield();
	}
}

static double
measure(const struct kind *kind, int count, struct ring_header *ring)
{
	int64_t sum = 0;
	int chunk = kind->role == KEYED ? 5 : CHUNK;
	for (int done = 0; done < count; done += chunk) {
		int until = done + chunk < count ? done + chunk : count;
		if (kind->role == NESTED)
			bx_begin("request");
		int64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		for (int i = done; i < until; i++)
			kind->run(i);
		sum += clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
		if (kind->role == NESTED)
			bx_end();
		if (ring)
			drain(ring);
	}
	return (double)sum / count;
}

/* ---- figures ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double
median(const double *of, int n)
{
	double sorted[ROUNDS];
	memcpy(sorted, of, (size_t)n * sizeof *of);
	qsort(sorted, (size_t)n, sizeof *sorted, by_value);
	return sorted[n / 2];
}

static int
kind_of(enum role role)
{
	for (int k = 0; k < KINDS; k++)
		if (kinds[k].role == role)
			return k;
	return 0;
}

static double
cost_of(enum role role)
{
	return median(ns[kind_of(role)], ROUNDS);
}

/* Median of the rounds' ratios. */
static double
ratio(enum role a, enum role b)
{
	double r[ROUNDS];
	for (int i = 0; i < ROUNDS; i++)
		r[i] = ns[kind_of(a)][i] / ns[kind_of(b)][i];
	return median(r, ROUNDS);
}

static bool trusted;

static void
judge(const char *what, double got, double bar, const char *unit)
{
	const char *verdict = !trusted ? "not judged" : got <= bar ? "holds" : "MISSED";
	printf("  %-58s %8.2f %-3s at most %7.2f   %s\n", what, got, unit, bar, verdict);
}

static void
judge_all(void)
{
	double clocks = cost_of(CLOCKS) / 50, apart = ratio(AGAIN, OURS);
	clocks = clocks < 1 ? 1 : clocks; /* the figures are for a machine whose two clock reads cost 50 ns */
	trusted = apart > 0.95 && apart < 1.05;
	printf("\n  the same event twice in each round: %.3f apart%s\n", apart,
	    trusted ? "" : "; over 5 %, so this run judges nothing");
	judge("event, 3 fields", cost_of(OURS), 110 * clocks, "ns");
	judge("event, 10 fields", cost_of(TEN), 180 * clocks, "ns");
	judge("sampled out, 3 fields", cost_of(SILENT), 20 * clocks, "ns");
	judge("bx_set not configured, to a call into another object", ratio(UNCONFIGURED, EMPTY), 1.3, "");
	if (usable[kind_of(LTTNG)])
		judge("event, 3 fields, to LTTng-UST (0.8 is the aim)", ratio(OURS, LTTNG), 0.9, "");
	if (usable[kind_of(SYSLOG)])
		judge("event, 3 fields, to syslog(3)", ratio(OURS, SYSLOG), 1.0 / 15, "");
}

static void
print_kind(int k)
{
	double least = ns[k][0], to_ours[ROUNDS];
	for (int i = 0; i < ROUNDS; i++) {
		least = ns[k][i] < least ? ns[k][i] : least;
		to_ours[i] = ns[k][i] / ns[kind_of(OURS)][i];
	}
	if (usable[k])
		printf("  %-36s %10.1f ns %10.1f ns %10.2f\n", kinds[k].name, median(ns[k], ROUNDS), least,
		    median(to_ours, ROUNDS));
	else
		printf("  %-36s left out: cannot be set up here\n", kinds[k].name);
}

/* ---- what can be asked for ---- */

static int
measure_all(void)
{
	struct bx_counters before, after;
	struct ring_header *ring = NULL;
	for (int k = 0; k < KINDS; k++)
		usable[k] = !kinds[k].set_up || kinds[k].set_up();
	for (int round = 0; round < ROUNDS; round++)
		for (int k = 0; k < KINDS; k++)
			if (kinds[k].role == EMPTY || kinds[k].role == UNCONFIGURED)
				ns[k][round] = measure(&kinds[k], kinds[k].batch, NULL);
	if (bx_configure_default() != 0 || !(ring = own_ring())) {
		fprintf(stderr, "event_cost: no event can be made in %s\n", getenv("BLUEOX_RUN_DIR"));
		return 1;
	}
	drain(ring);
	bx_stats(&before);
	for (int round = 0; round < ROUNDS; round++)
		for (int k = 0; k < KINDS; k++)
			if (usable[k] && kinds[k].role != EMPTY && kinds[k].role != UNCONFIGURED)
				ns[k][round] = measure(&kinds[k], kinds[k].batch, ring);
	bx_stats(&after);
	printf("  %-36s %13s %13s %10s\n", "", "median", "least", "to ours");
	for (int k = 0; k < KINDS; k++)
		print_kind(k);
	printf("  dropped: %llu of %llu events\n",
	    (unsigned long long)(after.dropped_ring_full - before.dropped_ring_full),
	    (unsigned long long)(after.events - before.events));
	judge_all();
	return 0;
}

static int
count_instructions(const char *name, int count)
{
	struct ring_header *ring = bx_configure_default() == 0 ? own_ring() : NULL;
	for (int k = 0; ring && k < KINDS; k++) {
		if (strcmp(kinds[k].name, name) != 0)
			continue;
		drain(ring);
		measure(&kinds[k], count, ring);
		return 0;
	}
	fprintf(stderr, "event_cost: no ring, or no kind is called '%s'\n", name);
	return 2;
}

static int
measure_with_oxd(void)
{
	struct ring_header *ring = bx_configure_default() == 0 ? own_ring() : NULL;
	const enum role roles[] = {OURS, TEN};
	if (!ring)
		return 1;
	by_oxd = true;
	drain(ring);
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		int k = kind_of(roles[i]);
		for (int round = 0; round < ROUNDS; round++)
			ns[k][round] = measure(&kinds[k], kinds[k].batch, ring);
		printf("  %-36s %10.1f ns while oxd drains the ring\n", kinds[k].name, median(ns[k], ROUNDS));
	}
	return 0;
}

static pthread_barrier_t start;

static void *
emit_many(void *arg)
{
	cpu_set_t cpu;
	CPU_ZERO(&cpu);
	CPU_SET(*(int *)arg, &cpu);
	pthread_setaffinity_np(pthread_self(), sizeof cpu, &cpu);
	struct ring_header *ring = own_ring();
	pthread_barrier_wait(&start);
	if (ring)
		measure(&kinds[kind_of(OURS)], 500000, ring);
	return ring;
}

/* Events a second of so many threads, each on a processor of its own. */
static double
rate(int threads)
{
	static int cpus[] = {0, 1};
	enum { EVENTS = 500000 };
	pthread_t ids[2];
	pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
	for (int i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, emit_many, &cpus[i]);
	pthread_barrier_wait(&start);
	int64_t begun = clock_mono_ns();
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	double s = clock_seconds(clock_mono_ns() - begun);
	pthread_barrier_destroy(&start);
	return threads * EVENTS / s;
}

static int
measure_threads(void)
{
	enum { PAIRS = 9 };
	double r[PAIRS], one[PAIRS];
	if (bx_configure_default() != 0 || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return 1;
	for (int i = 0; i < PAIRS; i++) {
		one[i] = rate(1);
		r[i] = rate(2) / one[i];
	}
	qsort(r, PAIRS, sizeof *r, by_value);
	qsort(one, PAIRS, sizeof *one, by_value);
	printf("  %-36s %10.2f M/s; two threads %.2f times that (best pair %.2f; 1.9 where both processors are free)\n",
	    "one thread, 3 fields", one[PAIRS / 2] / 1e6, r[PAIRS / 2], r[PAIRS - 1]);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	if (!getenv("BLUEOX_RUN_DIR")) {
		fprintf(stderr, "event_cost: BLUEOX_RUN_DIR must name a directory with rings/ in it\n");
		return 1;
	}
	if (argc == 4 && strcmp(mode, "count") == 0)
		return count_instructions(argv[2], atoi(argv[3]));
	if (strcmp(mode, "oxd") == 0)
		return measure_with_oxd();
	if (strcmp(mode, "threads") == 0)
		return measure_threads();
	return measure_all();
}
