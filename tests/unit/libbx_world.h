/* SPDX-License-Identifier: ISC */
/*
 * libbx_world: a run directory of one's own, what was emitted there read back from the rings, and TEST(), which runs each
 * test in a child, so that each has a process whose library was never used before.
 */
#ifndef BLUEOX_TESTS_LIBBX_WORLD_H
#define BLUEOX_TESTS_LIBBX_WORLD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "libbx/core/event.h"
#include "libbx/core/mp.h"
#include "libbx/core/ringfile.h"
#include "libbx/shim.h"
#include "tests/wait.h"

/* ---- reading what was emitted ---- */

enum { EVENTS_MAX = 4096 };

struct seen {
	struct event events[EVENTS_MAX];
	int count;
	int rings;
	uint64_t ring_bytes;
	uint64_t dropped;
	uint64_t dropped_by[RING_DROP_SLOTS];
};

static char run_dir[64];

static inline void
read_ring(struct seen *seen, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	uint8_t *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	assert_true(file != MAP_FAILED);
	const struct ring_header *h = (const struct ring_header *)(const void *)file;
	assert_true(ring_header_valid(h));
	assert_int_equal(st.st_size, RING_HEADER_BYTES + h->capacity);
	uint64_t head = atomic_load(&h->head), pos = head > 2 * h->capacity ? head - h->capacity : h->capacity;
	assert_true(head <= 2 * h->capacity); /* tests here stay within one round */
	while (pos < head) {
		struct ring_view v;
		uint64_t at = pos - h->capacity;
		assert_int_equal(
		    ring_record_read(file + RING_HEADER_BYTES + at, h->capacity - at, pos, h->capacity, &v), BX_OK);
		struct event *ev = &seen->events[seen->count++];
		assert_int_equal(event_parse(v.map, v.map_len, ev), BX_OK);
		assert_int_equal(v.type_len, ev->type.n);
		assert_memory_equal(v.type, ev->type.p, v.type_len);
		assert_true(v.end == ev->end);
		pos += v.size;
	}
	seen->rings++;
	seen->ring_bytes += h->capacity;
	seen->dropped += atomic_load(&h->dropped_events);
	for (int i = 0; i < RING_DROP_SLOTS; i++)
		seen->dropped_by[i] += atomic_load(&h->dropped_by[i]);
}

static inline struct seen *
look(void)
{
	static struct seen seen;
	char path[80];
	seen = (struct seen){0};
	snprintf(path, sizeof path, "%s/rings", run_dir);
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (strstr(e->d_name, RING_SUFFIX))
			read_ring(&seen, dirfd(d), e->d_name);
		else
			assert_int_equal(e->d_name[0], '.');
	}
	closedir(d);
	return &seen;
}

/* The first event of that type. */
static inline const struct event *
event_of(const struct seen *seen, const char *type)
{
	for (int i = 0; i < seen->count; i++)
		if (seen->events[i].type.n == strlen(type) && memcmp(seen->events[i].type.p, type, strlen(type)) == 0)
			return &seen->events[i];
	fail_msg("no event of type %s among %d", type, seen->count);
	return NULL;
}

/* A body as text, for comparison: {a:1,b:"x",c:{d:nil}} */
static inline void
show(struct cursor *c, struct buf *out)
{
	struct mp_token t;
	assert_true(mp_next(c, &t));
	switch (t.kind) {
	case MP_NIL:
		buf_puts(out, "nil");
		break;
	case MP_BOOL:
		buf_puts(out, t.b ? "true" : "false");
		break;
	case MP_UINT:
		buf_printf(out, "%llu", (unsigned long long)t.u);
		break;
	case MP_INT:
		buf_printf(out, "%lld", (long long)t.i);
		break;
	case MP_FLOAT:
		buf_printf(out, "%g", t.f);
		break;
	case MP_STR:
		buf_printf(out, "\"%.*s\"", (int)t.len, (const char *)t.data);
		break;
	case MP_BIN:
		buf_puts(out, "<");
		for (uint32_t i = 0; i < t.len; i++)
			buf_printf(out, "%02x", t.data[i]);
		buf_puts(out, ">");
		break;
	case MP_MAP:
		buf_putc(out, '{');
		for (uint32_t i = 0; i < t.len; i++) {
			if (i)
				buf_putc(out, ',');
			show(c, out);
			buf_putc(out, ':');
			show(c, out);
		}
		buf_putc(out, '}');
		break;
	case MP_ARRAY:
		buf_putc(out, '[');
		for (uint32_t i = 0; i < t.len; i++) {
			if (i)
				buf_putc(out, ',');
			show(c, out);
		}
		buf_putc(out, ']');
		break;
	case MP_EXT:
		buf_puts(out, "ext");
		break;
	}
}

static inline void
assert_body(const struct event *ev, const char *expected)
{
	struct cursor c;
	struct buf text = {0};
	cursor_init(&c, ev->body.p, ev->body.n);
	show(&c, &text);
	assert_int_equal(cursor_left(&c), 0);
	buf_putc(&text, '\0');
	assert_string_equal((const char *)text.data, expected);
	buf_fini(&text);
}

/* ---- running a test in a child ---- */

static inline void
make_run_dir(void)
{
	char path[80];
	strcpy(run_dir, "/dev/shm/bx-unit-XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	snprintf(path, sizeof path, "%s/rings", run_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	setenv("BLUEOX_RUN_DIR", run_dir, 1);
}

static inline void
remove_run_dir(void)
{
	char path[400];
	snprintf(path, sizeof path, "%s/rings", run_dir);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' || strstr(e->d_name, ".new"))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	snprintf(path, sizeof path, "%s/doorbell", run_dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/rings", run_dir);
	rmdir(path);
	rmdir(run_dir);
}

static inline void
in_child(void (*body)(void))
{
	make_run_dir();
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		alarm((unsigned)(60 * wait_patience()));
		setenv("CMOCKA_TEST_ABORT", "1", 1); /* a failed assertion ends the child, not just the test */
		body();
		_exit(0);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	remove_run_dir();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name)                                                                                                     \
	static void name##_body(void);                                                                                 \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		in_child(name##_body);                                                                                 \
	}                                                                                                              \
	static void name##_body(void)

static inline void
configure(void)
{
	assert_int_equal(bx_configure_default(), 0);
}

/* Moves every ring's tail to its head, as oxd does. */
static inline void
drain_all(void)
{
	char path[80];
	snprintf(path, sizeof path, "%s/rings", run_dir);
	DIR *d = opendir(path);
	for (struct dirent *e; (e = readdir(d));) {
		if (!strstr(e->d_name, RING_SUFFIX))
			continue;
		int fd = openat(dirfd(d), e->d_name, O_RDWR);
		uint64_t tail[2];
		assert_int_equal(pread(fd, tail, 8, offsetof(struct ring_header, head)), 8);
		tail[1] = ~tail[0];
		assert_int_equal(pwrite(fd, tail, 16, offsetof(struct ring_header, tail)), 16);
		close(fd);
	}
	closedir(d);
}

#endif
