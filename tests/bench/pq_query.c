/* SPDX-License-Identifier: ISC */
/*
 * pq_query: what a query costs the program that asks it, over a libpq that answers at once.
 *
 *     pq_query clocks             two clock reads
 *     pq_query QUERY [COUNT]      ns of processor time a query: least, median of 15 rounds; or only so often, by wall
 *                                 time, and a failure if an event was dropped, which costs less than one that is kept
 *
 * LD_LIBRARY_PATH says which libpq: BUILD/fake/fast or nested.  Rings in BLUEOX_RUN_DIR are emptied between chunks that
 * fit them, as oxd would, so that nothing is dropped and nobody else's speed is measured.
 */
/* LIBS: -L@B@/fake/fast -lpq */
#include <dirent.h>
#include <fcntl.h>
#include <postgresql/libpq-fe.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "libbx/core/ringfile.h"

enum { ROUNDS = 15, CHUNKS = 40, CHUNK = 250, RINGS_MAX = 8 };

static struct ring_header *rings[RINGS_MAX];
static int ring_count;

static void
find_rings(void)
{
	char path[512];
	const char *run = getenv("BLUEOX_RUN_DIR");
	snprintf(path, sizeof path, "%s/rings", run ? run : "/nowhere");
	DIR *d = opendir(path);
	for (const struct dirent *e; d && (e = readdir(d)) && ring_count < RINGS_MAX;) {
		int fd = strstr(e->d_name, RING_SUFFIX) ? openat(dirfd(d), e->d_name, O_RDWR) : -1;
		if (fd < 0)
			continue;
		void *at = mmap(NULL, RING_HEADER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (at != MAP_FAILED)
			rings[ring_count++] = at;
		close(fd);
	}
	if (d)
		closedir(d);
}

static void
empty_rings(void)
{
	for (int i = 0; i < ring_count; i++) {
		uint64_t head = atomic_load(&rings[i]->head);
		atomic_store(&rings[i]->tail, head);
		atomic_store(&rings[i]->tail_check, ~head);
	}
}

static void
ask(PGconn *c, const char *query, long count)
{
	for (long i = 0; i < count; i++)
		PQclear(PQexec(c, query));
}

static uint64_t
dropped_events(void)
{
	uint64_t dropped = 0;
	for (int i = 0; i < ring_count; i++)
		dropped += atomic_load(&rings[i]->dropped_events);
	return dropped;
}

/* So many by wall time. */
static int
ask_only(PGconn *c, const char *query, long count)
{
	int64_t from = clock_mono_ns();
	for (long left = count; left > 0; left -= CHUNK) {
		empty_rings();
		ask(c, query, left < CHUNK ? left : CHUNK);
	}
	printf("wall %.1f\n", (double)(clock_mono_ns() - from) / (double)count);
	if (dropped_events() == 0)
		return 0;
	fprintf(stderr, "pq_query: %llu events were dropped\n", (unsigned long long)dropped_events());
	return 1;
}

static double
round_ns(PGconn *c, const char *query)
{
	int64_t spent = 0;
	for (int i = 0; i < CHUNKS; i++) {
		empty_rings();
		int64_t from = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		ask(c, query, CHUNK);
		spent += clock_ns(CLOCK_THREAD_CPUTIME_ID) - from;
	}
	return (double)spent / (CHUNKS * CHUNK);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The least that two clock reads cost, as each event has them. */
static double
clocks_ns(void)
{
	double least = 1e9;
	for (int round = 0; round < ROUNDS; round++) {
		int64_t from = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		for (int i = 0; i < CHUNKS * CHUNK; i++) {
			clock_mono_ns();
			clock_mono_ns();
		}
		double each = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - from) / (CHUNKS * CHUNK);
		least = each < least ? each : least;
	}
	return least;
}

int
main(int argc, char **argv)
{
	double rounds[ROUNDS];
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "clocks") == 0) {
		printf("%.1f\n", clocks_ns());
		return 0;
	}
	PGconn *c = PQconnectdb("");
	ask(c, argv[1], 100);
	find_rings();
	if (argc > 2)
		return ask_only(c, argv[1], atol(argv[2]));
	for (int i = 0; i < ROUNDS; i++)
		rounds[i] = round_ns(c, argv[1]);
	qsort(rounds, ROUNDS, sizeof *rounds, by_value);
	printf("%.1f %.1f %llu\n", rounds[0], rounds[ROUNDS / 2], (unsigned long long)dropped_events());
	PQfinish(c);
	return 0;
}
