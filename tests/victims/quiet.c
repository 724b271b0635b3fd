/* SPDX-License-Identifier: ISC */
/*
 * quiet: a program that would notice if libbx did more than it says.
 *
 *     quiet start            configuring, with no event: mappings, threads and descriptors before and after
 *     quiet steady COUNT     events of all shapes under a filter that kills at any system call, malloc counted
 *     quiet idle THREADS     bytes of address space that so many threads take which never emit
 *     quiet burst COUNT      events as fast as it goes; says how many were kept
 *
 * Prints `name value` lines.
 */
/* LIBS: -L@B@ -lbx */
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "include/blueox.h"

/* ---- counting allocations ---- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static atomic_ulong allocations;

void *
malloc(size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_realloc(p, n);
}

/* ---- looking at ourselves ---- */

static int
count_lines(const char *path)
{
	char text[4096];
	int lines = 0;
	FILE *f = fopen(path, "re");
	setvbuf(f, NULL, _IONBF, 0); /* no buffer: it would be a mapping */
	while (fgets(text, sizeof text, f))
		lines++;
	fclose(f);
	return lines;
}

static int
count_entries(const char *path)
{
	int n = 0;
	DIR *d = opendir(path);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static long
address_space_kb(void)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "re");
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "VmSize: %ld", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

/* ---- events of all shapes ---- */

static unsigned long
emit_all_shapes(int i)
{
	unsigned long kept = 0;
	char key[16] = "key", text[64] = "a text that is not known at compile time";
	key[2] = (char)('a' + i % 20);
	bx_begin("request");
	bx_set("user", text);
	bx_set("n", i);
	bx_set("n", i + 1000);
	bx_set("response.status", 200);
	bx_set(key, 1.5);
	bx_append("tags", text);
	bx_append("tags", i);
	bx_add("sum", i);
	for (int field = 0; field < 40; field++) {
		key[1] = (char)('a' + field % 26);
		bx_set(key, field);
	}
	BX_CONTEXT(".sql")
	{
		bx_set("query", "SELECT 1");
		BX_TIMEIT("time")
		bx_set("rows", i);
	}
	BX_CONTEXT("^.other", .id = "given")
	bx_set("big", bx_bytes(text, sizeof text));
	BX_CONTEXT("never", .sample = {".", 0})
	bx_set("user", text);
	BX_CONTEXT("..wrong")
	bx_set("user", text);
	bx_ctx *ctx = bx_new(".loop");
	bx_start(ctx);
	bx_stop(ctx);
	kept += (unsigned long)bx_done(ctx);
	kept += (unsigned long)bx_end();
	return kept;
}

/* Everything but what says how it went is deadly. */
static int
forbid_system_calls(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0
		   ? -1
		   : 0;
}

static int
steady(int count)
{
	static char out[256];
	unsigned long kept = 0;
	for (int i = 0; i < 100; i++) /* rings, memory for contexts and trees */
		emit_all_shapes(i);
	unsigned long before = atomic_load(&allocations);
	if (forbid_system_calls() != 0) {
		printf("skip no filter: %s\n", strerror(errno));
		return 0;
	}
	for (int i = 0; i < count; i++)
		kept += emit_all_shapes(i);
	unsigned long after = atomic_load(&allocations);
	int n = snprintf(out, sizeof out, "kept %lu\nallocations %lu\n", kept, after - before);
	return write(1, out, (size_t)n) == n ? 0 : 1;
}

static pthread_barrier_t barrier;

static void *
wait_only(void *arg)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return arg;
}

static int
idle(int threads)
{
	pthread_t ids[256];
	threads = threads > 256 ? 256 : threads;
	pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1);
	emit_all_shapes(0);
	long before = address_space_kb();
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, wait_only, NULL) != 0)
			return 1;
	pthread_barrier_wait(&barrier);
	printf("kb %ld\n", address_space_kb() - before);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return 0;
}

static int
start(void)
{
	count_lines("/proc/self/maps"); /* whatever libc wants for that is there now */
	count_entries("/proc/self/task");
	int maps = count_lines("/proc/self/maps"), tasks = count_entries("/proc/self/task");
	int fds = count_entries("/proc/self/fd");
	if (bx_configure_default() != 0)
		return 1;
	printf("maps %d\n", count_lines("/proc/self/maps") - maps);
	printf("threads %d\n", count_entries("/proc/self/task") - tasks);
	printf("descriptors %d\n", count_entries("/proc/self/fd") - fds);
	return 0;
}

static int
burst(int count)
{
	static char user[] = "somebody";
	unsigned long kept = 0;
	struct bx_counters c;
	for (int i = 0; i < count; i++) {
		bx_begin("burst");
		bx_set("n", i);
		bx_set("user", user);
		bx_set("size", 1234.5);
		kept += (unsigned long)bx_end();
	}
	bx_stats(&c);
	printf("kept %lu\nevents %llu\ndropped %llu\n", kept, (unsigned long long)c.events,
	    (unsigned long long)c.dropped_ring_full);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 0;
	setvbuf(stdout, NULL, _IONBF, 0);
	if (strcmp(mode, "start") == 0)
		return start();
	if (strcmp(mode, "idle") != 0 && bx_configure_default() != 0)
		return 1;
	if (strcmp(mode, "idle") == 0) {
		(void)bx_configure_default(); /* or not, where BLUEOX_RING_SIZE is 0: to compare with */
		return idle(n);
	}
	if (strcmp(mode, "steady") == 0)
		return steady(n);
	if (strcmp(mode, "burst") == 0)
		return burst(n);
	fprintf(stderr, "usage: quiet start | steady COUNT | idle THREADS | burst COUNT\n");
	return 2;
}
