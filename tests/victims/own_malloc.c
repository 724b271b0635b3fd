/* SPDX-License-Identifier: ISC */
/*
 * own_malloc: a host whose allocator is its own, traces itself with events, and would not survive being called back.
 *
 *     own_malloc EVENTS
 *
 * Every allocation is an event.  Prints how many allocations there were, how many while this thread was in the middle of
 * an event of the allocator (which would be libbx allocating), and how many events were kept.
 */
/* LIBS: -L@B@ -lbx */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/blueox.h"

static _Alignas(16) uint8_t heap[64 << 20];
static atomic_size_t used;
static atomic_ulong allocations, nested, kept;
static __thread int inside __attribute__((tls_model("initial-exec")));

static void *
take(size_t n)
{
	size_t size = (n + 31) & ~(size_t)15, at = atomic_fetch_add(&used, size);
	if (at + size > sizeof heap)
		return NULL;
	memcpy(heap + at, &n, sizeof n);
	return heap + at + 16;
}

void *
malloc(size_t n)
{
	atomic_fetch_add(&allocations, 1);
	if (inside) {
		atomic_fetch_add(&nested, 1);
		return take(n);
	}
	inside = 1;
	bx_begin("allocator");
	bx_set("bytes", n);
	if (n == 12345)
		bx_error("allocator", "odd", "%zu bytes", n);
	void *p = take(n);
	atomic_fetch_add(&kept, (unsigned long)bx_end());
	inside = 0;
	return p;
}

void
free(void *p)
{
	(void)p;
}

void *
calloc(size_t n, size_t size)
{
	return malloc(n * size); /* never used before: zero */
}

void *
realloc(void *p, size_t n)
{
	void *q = malloc(n);
	size_t old = 0;
	if (p)
		memcpy(&old, (uint8_t *)p - 16, sizeof old);
	return q && p ? memcpy(q, p, old < n ? old : n) : q;
}

int
main(int argc, char **argv)
{
	unsigned long events = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	if (bx_configure_default() != 0)
		return 2;
	unsigned long before = atomic_load(&allocations);
	for (unsigned long i = 0; i < events; i++) {
		void *volatile p = malloc(i % 10 ? i : 12345);
		free(p);
	}
	unsigned long made = atomic_load(&allocations) - before;
	printf(
	    "{\"allocations\": %lu, \"nested\": %lu, \"kept\": %lu}\n", made, atomic_load(&nested), atomic_load(&kept));
	return 0;
}
