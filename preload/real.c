/* SPDX-License-Identifier: ISC */
/* real: a library has names, the tables filled so far and the callers resolved so far; both lists only grow. */
#include "preload/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum {
	TABLES = 8,    /* copies of one library in a process */
	CALLERS = 64,  /* objects that call it; those past it are resolved anew at each call */
	SLOTS_MAX = 40 /* names of one library */
};

/*
 * A table or a caller is claimed by counting, filled, and then published by its key.  Two threads may resolve the same
 * one at once and publish it twice, which is harmless; what a fork cuts off half way is never published.
 */
struct table {
	_Atomic(void *) anchor; /* key: the address of the library's first name */
	bool whole;             /* it has every name that is not marked MAYBE */
	const struct link_map *object;
	void *slots[SLOTS_MAX];
};

struct caller {
	_Atomic(const struct link_map *) object; /* key; pinned, so that its address is never another's */
	const struct table *table;               /* NULL: it reaches none by itself, see table_guess() */
	bool inner;
};

struct name {
	const char *text;
	bool needed;
};

/* What has been found; all zero at first, so that it costs a program that never calls the library no page. */
struct found {
	struct table tables[TABLES];
	struct caller callers[CALLERS];
	atomic_uint tables_claimed;
	atomic_uint callers_claimed;
};

struct library {
	const char *stem; /* how its file's name begins */
	const struct name *names;
	size_t name_count;
	struct found *found;
};

#define NEEDED(group, name) {#name, true},
#define NAMED(group, name)  {#name, false},
static const struct name pq_names[] = {REAL_PQ(NAMED, NEEDED, NAMED)};
static const struct name memcached_names[] = {REAL_MEMCACHED(NAMED, NEEDED, NAMED)};
static const struct name libc_names[] = {REAL_LIBC(NAMED, NEEDED, NAMED)};
#undef NEEDED
#undef NAMED

#define COUNT(array) (sizeof(array) / sizeof *(array))
_Static_assert(COUNT(pq_names) <= SLOTS_MAX && COUNT(memcached_names) <= SLOTS_MAX, "a table has a slot a name");
_Static_assert(sizeof(struct real_pq) == sizeof(void *) * COUNT(pq_names), "a table is its functions");
_Static_assert(sizeof(struct real_memcached) == sizeof(void *) * COUNT(memcached_names), "a table is its functions");

static struct found pq_found, memcached_found;
static const struct library libpq = {"libpq.so", pq_names, COUNT(pq_names), &pq_found};
static const struct library libmemcached = {
    "libmemcached.so", memcached_names, COUNT(memcached_names), &memcached_found};

/* What this thread called last: where a call goes that a library tail-jumped to out of our wrapper. */
static _Thread_local const struct table *last_pq __attribute__((tls_model("initial-exec")));
static _Thread_local const struct table *last_memcached __attribute__((tls_model("initial-exec")));

static const struct link_map *
object_of(const void *address)
{
	struct dl_find_object found;
	return _dl_find_object((void *)(uintptr_t)address, &found) == 0 ? found.dlfo_link_map : NULL;
}

static bool
is_ours(const void *address)
{
	return object_of(address) == object_of(pq_names);
}

/* A name as `via` (a handle, or RTLD_NEXT) reaches it, unless that is one of our own. */
static void *
find(void *via, const char *name)
{
	void *function = dlsym(via, name);
	return function && !is_ours(function) ? function : NULL;
}

static const struct table *
table_of(const struct library *lib, const void *anchor)
{
	for (size_t i = 0; i < TABLES; i++)
		if (atomic_load_explicit(&lib->found->tables[i].anchor, memory_order_acquire) == anchor)
			return &lib->found->tables[i];
	return NULL;
}

static const struct table *
table_fill(const struct library *lib, void *via)
{
	void *anchor = find(via, lib->names[0].text);
	const struct table *known = anchor ? table_of(lib, anchor) : NULL;
	if (!anchor || known)
		return known;
	unsigned i = atomic_fetch_add(&lib->found->tables_claimed, 1);
	if (i >= TABLES) {
		atomic_store(&lib->found->tables_claimed, TABLES);
		return NULL;
	}
	struct table *t = &lib->found->tables[i];
	t->object = object_of(anchor);
	t->whole = true;
	for (size_t n = 0; n < lib->name_count; n++) {
		t->slots[n] = find(via, lib->names[n].text);
		t->whole = t->whole && (t->slots[n] || !lib->names[n].needed);
	}
	atomic_store_explicit(&t->anchor, anchor, memory_order_release);
	return t;
}

/* A handle on an object that is there already.  NODELETE: a cached pointer must never point into another library. */
static void *
pin(const char *path)
{
	return dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static bool
is_named(const char *path, const char *stem)
{
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;
	return strncmp(file, stem, strlen(stem)) == 0;
}

struct seek {
	const char *stem;
	char path[1024];
};

static int
seek_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	struct seek *seek = arg;
	if (!is_named(info->dlpi_name, seek->stem) || strlen(info->dlpi_name) >= sizeof seek->path)
		return 0;
	strcpy(seek->path, info->dlpi_name);
	return 1;
}

/*
 * The caller reaches no such library: it got our address some other way (a tail call out of a plugin makes the main
 * program look like the caller).  One that is known already is the best guess, else any that is loaded.
 */
static const struct table *
table_guess(const struct library *lib, const struct table *last)
{
	if (last)
		return last;
	if (atomic_load_explicit(&lib->found->tables[0].anchor, memory_order_acquire))
		return &lib->found->tables[0];
	struct seek seek = {.stem = lib->stem};
	if (!dl_iterate_phdr(seek_object, &seek))
		return NULL;
	void *handle = pin(seek.path);
	return handle ? table_fill(lib, handle) : NULL;
}

static void
caller_keep(const struct library *lib, const struct link_map *object, const struct table *t, bool inner)
{
	unsigned i = atomic_fetch_add(&lib->found->callers_claimed, 1);
	if (i >= CALLERS) {
		atomic_store(&lib->found->callers_claimed, CALLERS);
		return;
	}
	lib->found->callers[i].table = t;
	lib->found->callers[i].inner = inner;
	atomic_store_explicit(&lib->found->callers[i].object, object, memory_order_release);
}

/* The library that an object reaches by itself, or NULL; the object is known from now on. */
static const struct table *
caller_resolve(const struct library *lib, const struct link_map *object)
{
	bool is_program = object && !object->l_name[0];
	void *handle = object && !is_program ? pin(object->l_name) : NULL;
	const struct table *t = handle ? table_fill(lib, handle) : NULL;
	if (!t)
		t = table_fill(lib, RTLD_NEXT);
	if (handle || is_program)
		caller_keep(lib, object, t, t && t->object == object);
	return t;
}

static const struct caller *
caller_known(const struct library *lib, const struct link_map *object)
{
	unsigned claimed = atomic_load_explicit(&lib->found->callers_claimed, memory_order_acquire);
	for (unsigned i = 0; object && i < claimed && i < CALLERS; i++)
		if (atomic_load_explicit(&lib->found->callers[i].object, memory_order_acquire) == object)
			return &lib->found->callers[i];
	return NULL;
}

/* What is not a caller that has been seen already and reaches a library by itself. */
static const struct table *
resolve_slowly(const struct library *lib, const struct link_map *object, const struct table *last, bool *inner)
{
	int saved = errno;
	bool ours = object && object == object_of(pq_names);
	const struct table *t = ours || caller_known(lib, object) ? NULL : caller_resolve(lib, object);
	if (!t)
		t = table_guess(lib, last);
	*inner = ours || (t && (t->object == object || !t->whole));
	errno = saved;
	return t;
}

static const struct table *
resolve(const struct library *lib, void *address, const struct table **last, bool *inner)
{
	const struct link_map *object = object_of(address);
	const struct caller *known = caller_known(lib, object);
	if (__builtin_expect(!known || !known->table, 0))
		return *last = resolve_slowly(lib, object, *last, inner);
	*inner = known->inner || !known->table->whole;
	return *last = known->table;
}

const struct real_pq *
real_pq(void *caller, bool *inner)
{
	const struct table *t = resolve(&libpq, caller, &last_pq, inner);
	return t ? (const struct real_pq *)(const void *)t->slots : NULL;
}

const struct real_memcached *
real_memcached(void *caller, bool *inner)
{
	const struct table *t = resolve(&libmemcached, caller, &last_memcached, inner);
	return t ? (const struct real_memcached *)(const void *)t->slots : NULL;
}

const struct real_libc *
real_libc(void)
{
	static union {
		struct real_libc functions;
		void *slots[COUNT(libc_names)];
	} table;
	static atomic_bool filled;
	if (!atomic_load_explicit(&filled, memory_order_acquire)) {
		int saved = errno;
		for (size_t n = 0; n < COUNT(libc_names); n++)
			table.slots[n] = find(RTLD_NEXT, libc_names[n].text);
		atomic_store_explicit(&filled, true, memory_order_release);
		errno = saved;
	}
	return &table.functions;
}
