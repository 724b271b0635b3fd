/* SPDX-License-Identifier: ISC */
/* memcache_client: each call of libmemcached that makes an event, against HOST PORT; see tests/e2e/shim_memcache. */
/* LIBS: -lmemcached */
#include <libmemcached/memcached.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static memcached_st *mc;

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	exit(2);
}

static void
get(const char *key)
{
	size_t len = 0;
	uint32_t flags = 0;
	memcached_return_t code;
	char *value = memcached_get(mc, key, strlen(key), &len, &flags, &code);
	free(value);
}

static void
store_and_count(void)
{
	uint64_t number = 0;
	memcached_set(mc, "one", 3, "1", 1, 60, 0);
	memcached_add(mc, "one", 3, "x", 1, 0, 0);
	memcached_replace(mc, "none", 4, "x", 1, 0, 0);
	memcached_increment(mc, "one", 3, 4, &number);
	memcached_decrement(mc, "one", 3, 2, &number);
	must(number == 3, "1 + 4 - 2 is not 3");
	memcached_delete(mc, "none", 4, 0);
	get("one");
	get("none");
	memcached_delete(mc, "one", 3, 0);
}

static void
by_key(void)
{
	size_t len;
	uint32_t flags;
	memcached_return_t code;
	memcached_set_by_key(mc, "group", 5, "two", 3, "22", 2, 0, 0);
	char *value = memcached_get_by_key(mc, "group", 5, "two", 3, &len, &flags, &code);
	must(value && len == 2, "get_by_key found nothing");
	free(value);
	memcached_delete_by_key(mc, "group", 5, "two", 3, 0);
}

static void
many(void)
{
	static const char *const keys[] = {"a", "bb", "absent"};
	static const size_t lens[] = {1, 2, 6};
	memcached_return_t code;
	memcached_set(mc, "a", 1, "1", 1, 0, 0);
	memcached_set(mc, "bb", 2, "22", 2, 0, 0);
	memcached_mget(mc, keys, lens, 3);
	memcached_result_st *got;
	int count = 0;
	while ((got = memcached_fetch_result(mc, NULL, &code))) {
		memcached_result_free(got);
		count++;
	}
	must(count == 2, "fetch_result did not find two");

	char key[MEMCACHED_MAX_KEY];
	size_t key_len, len;
	uint32_t flags;
	memcached_mget_by_key(mc, "a", 1, keys, lens, 1);
	char *value;
	while ((value = memcached_fetch(mc, key, &key_len, &len, &flags, &code)))
		free(value);

	memcached_mget(mc, keys, lens, 3); /* never fetched */
	get("a");
}

static memcached_st *other;

/* A call of the application's own from inside memcached_get; on the same handle libmemcached 1.1 would abort. */
static memcached_return_t
on_miss(const memcached_st *handle, const char *key, size_t key_len, memcached_result_st *result)
{
	(void)handle;
	(void)result;
	memcached_set(other, key, key_len, "made", 4, 0, 0);
	return MEMCACHED_NOTFOUND;
}

static void
with_callback(void)
{
	memcached_trigger_key_fn miss = on_miss;
	void *as_data;
	memcpy(&as_data, &miss, sizeof as_data);
	other = memcached_clone(NULL, mc);
	memcached_callback_set(mc, MEMCACHED_CALLBACK_GET_FAILURE, as_data);
	get("made-on-miss");
	memcached_free(other);
}

static void
refused(void)
{
	memcached_st *dead = memcached_create(NULL);
	memcached_server_add(dead, "127.0.0.1", 1);
	memcached_set(dead, "k", 1, "v", 1, 0, 0);
	memcached_free(dead);
	char *large = calloc(1, 2 << 20); /* the server says no, and the library knows that as a code only */
	must(large && memcached_set(mc, "large", 5, large, 2 << 20, 0, 0) == MEMCACHED_E2BIG, "a value too large");
	free(large);
}

int
main(int argc, char **argv)
{
	must(argc == 3, "usage: memcache_client HOST PORT");
	mc = memcached_create(NULL);
	memcached_server_add(mc, argv[1], (in_port_t)atoi(argv[2]));
	store_and_count();
	by_key();
	many();
	with_callback();
	refused();
	memcached_free(mc);
	return 0;
}
