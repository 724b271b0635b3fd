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
	TABLES = 8,     /* copies of one library in a process */
	CALLERS = 64,   /* objects that call it; those past it are resolved anew at each call */
	SITES = 256,    /* places of one byte's worth of hashes, where calls come from */
	SLOTS_MAX = 120 /* names of one library */
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

/* A return address and what became of its first call.  Claimed once and for good: one that finds it taken goes without. */
struct site {
	_Atomic(void *) address; /* key */
	atomic_bool claimed;
	bool inner;
	const struct table *table;
};

enum kind { WRAPPED, USED, PERHAPS };

/* What has been found; all zero at first, so that it costs a program that never calls the library no page. */
struct found {
	struct table tables[TABLES];
	struct caller callers[CALLERS];
	struct site sites[SITES];
	atomic_uint tables_claimed;
	atomic_uint callers_claimed;
};

struct library {
	const char *stem;     /* how its file's name begins */
	const char *names;    /* one after the other, each ended by a NUL */
	const uint8_t *kinds; /* of each an enum kind */
	size_t name_count;
	struct found *found;
	void *absent; /* stands in for a wrapped function that the library does not have; or NULL */
};

/* Texts that follow each other, not pointers to texts: each pointer would have to be relocated at every start of a program. */
#define NAME(group, name)         #name "\0"
#define KIND_WRAPPED(group, name) WRAPPED,
#define KIND_USED(group, name)    USED,
#define KIND_PERHAPS(group, name) PERHAPS,
static const char pq_names[] = REAL_PQ(NAME, NAME, NAME, NAME);
static const char memcached_names[] = REAL_MEMCACHED(NAME, NAME, NAME);
static const char journal_names[] = REAL_JOURNAL(NAME, NAME, NAME);
static const char libc_names[] = REAL_LIBC(NAME, NAME, NAME);
static const uint8_t pq_kinds[] = {REAL_PQ(KIND_WRAPPED, KIND_WRAPPED, KIND_USED, KIND_PERHAPS)};
static const uint8_t memcached_kinds[] = {REAL_MEMCACHED(KIND_WRAPPED, KIND_USED, KIND_PERHAPS)};
static const uint8_t journal_kinds[] = {REAL_JOURNAL(KIND_WRAPPED, KIND_USED, KIND_PERHAPS)};
#undef NAME
#undef KIND_WRAPPED
#undef KIND_USED
#undef KIND_PERHAPS

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { LIBC_NAMES = sizeof(struct real_libc) / sizeof(void *) };
_Static_assert(COUNT(pq_kinds) <= SLOTS_MAX && COUNT(memcached_kinds) <= SLOTS_MAX, "a table has a slot a name");
_Static_assert(sizeof(struct real_pq) == sizeof(void *) * COUNT(pq_kinds), "a table is its functions");
_Static_assert(sizeof(struct real_memcached) == sizeof(void *) * COUNT(memcached_kinds), "a table is its functions");
_Static_assert(sizeof(struct real_journal) == sizeof(void *) * COUNT(journal_kinds), "a table is its functions");

/* Whatever its caller takes it for, a pointer or a number. */
static void *
do_nothing(void)
{
	return NULL;
}

static struct found pq_found, memcached_found, journal_found;
static const struct library libpq = {.stem = "libpq.so",
    .names = pq_names,
    .kinds = pq_kinds,
    .name_count = COUNT(pq_kinds),
    .found = &pq_found,
    .absent = (void *)(uintptr_t)do_nothing};
static const struct library libmemcached = {.stem = "libmemcached.so",
    .names = memcached_names,
    .kinds = memcached_kinds,
    .name_count = COUNT(memcached_kinds),
    .found = &memcached_found};
static const struct library libsystemd = {.stem = "libsystemd",
    .names = journal_names,
    .kinds = journal_kinds,
    .name_count = COUNT(journal_kinds),
    .found = &journal_found};

/* What this thread called last: where a call goes that a library tail-jumped to out of our wrapper. */
static _Thread_local const struct table *last_pq __attribute__((tls_model("initial-exec")));
static _Thread_local const struct table *last_memcached __attribute__((tls_model("initial-exec")));
static _Thread_local const struct table *last_journal __attribute__((tls_model("initial-exec")));

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
	void *anchor = find(via, lib->names);
	const struct table *known = anchor ? table_of(lib, anchor) : NULL;
	if (!anchor || known)
		return known;
	unsigned i = atomic_fetch_add(&lib->found->tables_claimed, 1);
	if (i >= TABLES) {
		atomic_store(&lib->found->tables_claimed, TABLES);
		return NULL;
	}
	struct table *t = &lib->found->tables[i];
	t->object = object_of(anchor); /* NOLINT(clang-analyzer-core.NullDereference): lib->found is not NULL */
	t->whole = true;
	const char *name = lib->names;
	for (size_t n = 0; n < lib->name_count; n++, name += strlen(name) + 1) {
		t->slots[n] = find(via, name);
		t->whole = t->whole && (t->slots[n] || lib->kinds[n] != USED);
		if (!t->slots[n] && lib->kinds[n] == WRAPPED)
			t->slots[n] = lib->absent;
	}
	atomic_store_explicit(&t->anchor, anchor, memory_order_release);
	return t;
}

/* The first that was found, or NULL. */
static const struct table *
table_of_any(const struct library *lib)
{
	const struct table *first = &lib->found->tables[0];
	return atomic_load_explicit(&lib->found->tables[0].anchor, memory_order_acquire) ? first : NULL;
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
	const struct table *t = last ? last : table_of_any(lib);
	if (t)
		return t;
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

static struct site *
site_of(const struct library *lib, void *address)
{
	uint64_t mixed = (uint64_t)(uintptr_t)address * 0x9e3779b97f4a7c15ULL; /* Knuth's multiplicative hashing */
	return &lib->found->sites[mixed >> 56];
}

static void
site_keep(struct site *site, void *address, const struct table *t, bool inner)
{
	if (atomic_exchange(&site->claimed, true))
		return;
	site->table = t;
	site->inner = inner;
	atomic_store_explicit(&site->address, address, memory_order_release);
}

/* By the object that calls, when that is known and reaches a library by itself. */
static const struct table *
resolve_object(const struct library *lib, void *address, const struct link_map *object, bool *inner)
{
	const struct caller *known = caller_known(lib, object);
	if (!known || !known->table)
		return NULL;
	*inner = known->inner || !known->table->whole;
	site_keep(site_of(lib, address), address, known->table, *inner);
	return known->table;
}

static __attribute__((noinline)) const struct table *
resolve_any(const struct library *lib, void *address, const struct table *last, bool *inner)
{
	const struct link_map *object = object_of(address);
	const struct table *t = resolve_object(lib, address, object, inner);
	return t ? t : resolve_slowly(lib, object, last, inner);
}

static inline const struct table *
resolve(const struct library *lib, void *address, const struct table **last, bool *inner)
{
	const struct site *site = site_of(lib, address);
	if (__builtin_expect(atomic_load_explicit(&site->address, memory_order_acquire) != address, 0))
		return *last = resolve_any(lib, address, *last, inner);
	*inner = site->inner;
	return *last = site->table;
}

/* What stands in for libpq where there is none. */
static const struct real_pq *
no_pq(bool *inner)
{
	static _Atomic(void *) slots[COUNT(pq_kinds)]; /* filled each time: always with the same, and seldom */
	for (size_t n = 0; n < COUNT(slots); n++)
		atomic_store_explicit(&slots[n], (void *)(uintptr_t)do_nothing, memory_order_relaxed);
	*inner = true;
	return (const struct real_pq *)(void *)slots;
}

static inline const struct real_pq *
pq_functions(const struct table *t, bool *inner)
{
	return __builtin_expect(t != NULL, 1) ? (const struct real_pq *)(const void *)t->slots : no_pq(inner);
}

const struct real_pq *
real_pq(void *caller, bool *inner)
{
	return pq_functions(resolve(&libpq, caller, &last_pq, inner), inner);
}

const struct real_pq *
real_pq_in_handler(void *caller, bool *inner)
{
	const struct table *t = resolve_object(&libpq, caller, object_of(caller), inner);
	if (t)
		return pq_functions(t, inner);
	t = last_pq ? last_pq : table_of_any(&libpq);
	if (!t)
		return real_pq(caller, inner);
	*inner = !t->whole || is_ours(caller);
	return pq_functions(t, inner);
}

const struct real_memcached *
real_memcached(void *caller, bool *inner)
{
	const struct table *t = resolve(&libmemcached, caller, &last_memcached, inner);
	return t ? (const struct real_memcached *)(const void *)t->slots : NULL;
}

const struct real_journal *
real_journal(void *caller, bool *inner)
{
	const struct table *t = resolve(&libsystemd, caller, &last_journal, inner);
	return t ? (const struct real_journal *)(const void *)t->slots : NULL;
}

const struct real_libc *
real_libc(void)
{
	static union {
		struct real_libc functions;
		void *slots[LIBC_NAMES];
	} table;
	static atomic_bool filled;
	if (!atomic_load_explicit(&filled, memory_order_acquire)) {
		int saved = errno;
		const char *name = libc_names;
		for (size_t n = 0; n < LIBC_NAMES; n++, name += strlen(name) + 1)
			table.slots[n] = find(RTLD_NEXT, name);
		atomic_store_explicit(&filled, true, memory_order_release);
		errno = saved;
	}
	return &table.functions;
}
