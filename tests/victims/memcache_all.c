/* SPDX-License-Identifier: ISC */
/*
 * memcache_all: every operation of libmemcached that memcache_client does not do, against HOST PORT, and each return code
 * printed; `memcache_all HOST PORT HOST PORT` spreads keys over two; `... dying PID` goes on when it has killed the first.
 */
/* LIBS: -lmemcached */
#include <libmemcached/memcached.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static memcached_st *mc;

#define SAY(what) printf("%s: %d\n", #what, (int)(what))

static uint64_t
cas_of(const char *key)
{
	size_t len = strlen(key);
	memcached_return_t code;
	uint64_t cas = 0;
	memcached_mget(mc, &key, &len, 1);
	for (memcached_result_st *got; (got = memcached_fetch_result(mc, NULL, &code));) {
		cas = memcached_result_cas(got);
		memcached_result_free(got);
	}
	return cas;
}

static void
store(void)
{
	SAY(memcached_append(mc, "none", 4, "x", 1, 0, 0));
	SAY(memcached_set(mc, "a", 1, "b", 1, 0, 0));
	SAY(memcached_append(mc, "a", 1, "c", 1, 0, 0));
	SAY(memcached_prepend(mc, "a", 1, "aa", 2, 0, 0));
	memcached_behavior_set(mc, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
	uint64_t cas = cas_of("a");
	SAY(memcached_cas(mc, "a", 1, "new", 3, 0, 0, cas));
	SAY(memcached_cas(mc, "a", 1, "newer", 5, 0, 0, cas));
	SAY(memcached_cas(mc, "none", 4, "x", 1, 0, 0, cas));
	SAY(memcached_touch(mc, "a", 1, 100));
	SAY(memcached_touch(mc, "none", 4, 100));
	SAY(memcached_exist(mc, "a", 1));
	SAY(memcached_exist(mc, "none", 4));
	memcached_behavior_set(mc, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 0);
}

static void
by_key(void)
{
	uint64_t value;
	SAY(memcached_add_by_key(mc, "g", 1, "n", 1, "1", 1, 0, 0));
	SAY(memcached_replace_by_key(mc, "g", 1, "n", 1, "2", 1, 0, 0));
	SAY(memcached_append_by_key(mc, "g", 1, "n", 1, "3", 1, 0, 0));
	SAY(memcached_prepend_by_key(mc, "g", 1, "n", 1, "1", 1, 0, 0));
	SAY(memcached_cas_by_key(mc, "g", 1, "n", 1, "5", 1, 0, 0, 1));
	SAY(memcached_increment_by_key(mc, "g", 1, "n", 1, 1, &value));
	SAY(memcached_decrement_by_key(mc, "g", 1, "n", 1, 1, &value));
	SAY(memcached_touch_by_key(mc, "g", 1, "n", 1, 9));
	SAY(memcached_exist_by_key(mc, "g", 1, "n", 1));
	printf("%llu\n", (unsigned long long)value);
}

static memcached_return_t
print_value(const memcached_st *handle, memcached_result_st *result, void *context)
{
	(void)handle;
	printf("%s %zu bytes\n", (const char *)context, memcached_result_length(result));
	return MEMCACHED_SUCCESS;
}

static const char *const keys[] = {"a", "n", "none"};
static const size_t lens[] = {1, 1, 4};
static memcached_execute_fn callbacks[20];

static void
many(void)
{
	for (size_t i = 0; i < sizeof callbacks / sizeof *callbacks; i++)
		callbacks[i] = print_value;
	SAY(memcached_mget(mc, keys, lens, 3));
	SAY(memcached_fetch_execute(mc, callbacks, (void *)"one", 1));
	SAY(memcached_mget(mc, keys, lens, 3));
	SAY(memcached_fetch_execute(mc, NULL, NULL, 0));
	SAY(memcached_mget(mc, keys, lens, 3));
	SAY(memcached_fetch_execute(mc, callbacks, (void *)"twenty", 20));
}

static memcached_return_t
ignore_stat(const memcached_instance_st *server, const char *key, size_t key_len, const char *value, size_t value_len,
    void *context)
{
	(void)server;
	(void)key;
	(void)key_len;
	(void)value;
	(void)value_len;
	++*(int *)context;
	return MEMCACHED_SUCCESS;
}

static memcached_return_t
ignore_key(const memcached_st *handle, const char *key, size_t key_len, void *context)
{
	(void)handle;
	(void)key;
	(void)key_len;
	(void)context;
	return MEMCACHED_SUCCESS;
}

static void
administer(const char *host, in_port_t port)
{
	memcached_return_t code;
	memcached_dump_fn dump[] = {ignore_key};
	int stats = 0;
	SAY(memcached_version(mc));
	memcached_stat_st *stat = memcached_stat(mc, NULL, &code);
	printf("memcached_stat: %d\n", (int)code);
	memcached_stat_free(mc, stat);
	SAY(memcached_stat_execute(mc, "items", ignore_stat, &stats));
	memcached_stat_st one;
	memset(&one, 0, sizeof one);
	SAY(memcached_stat_servername(&one, NULL, host, port));
	SAY(memcached_dump(mc, dump, NULL, 1));
	memcached_behavior_set(mc, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 1);
	SAY(memcached_set(mc, "late", 4, "x", 1, 0, 0));
	SAY(memcached_flush_buffers(mc));
	memcached_behavior_set(mc, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 0);
	memcached_quit(mc);
	memcached_behavior_set(mc, MEMCACHED_BEHAVIOR_NOREPLY, 1);
	SAY(memcached_set(mc, "quiet", 5, "x", 1, 0, 0));
	memcached_behavior_set(mc, MEMCACHED_BEHAVIOR_NOREPLY, 0);
	SAY(memcached_flush(mc, 0));
}

static void
binary(void)
{
	uint64_t value = 0;
	memcached_behavior_set(mc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
	SAY(memcached_increment_with_initial(mc, "n", 1, 1, 7, 60, &value));
	SAY(memcached_increment_with_initial_by_key(mc, "g", 1, "n", 1, 1, 7, 60, &value));
	SAY(memcached_decrement_with_initial(mc, "n", 1, 3, 7, 60, &value));
	SAY(memcached_decrement_with_initial_by_key(mc, "g", 1, "n", 1, 1, 7, 60, &value));
	printf("%llu\n", (unsigned long long)value);
	SAY(memcached_set(mc, "a", 1, "abc", 3, 0, 0));
	SAY(memcached_mget_execute(mc, keys, lens, 3, callbacks, (void *)"binary", 1));
	SAY(memcached_fetch_execute(mc, callbacks, (void *)"binary", 1));
	SAY(memcached_mget_execute_by_key(mc, "g", 1, keys, lens, 1, callbacks, (void *)"by key", 1));
	SAY(memcached_fetch_execute(mc, callbacks, (void *)"by key", 1));
	SAY(memcached_mget_execute(mc, keys, lens, 3, callbacks, (void *)"twenty", 20));
}

static void
spread(const char *pid)
{
	char key[3][8];
	const char *all[3];
	size_t all_lens[3];
	memcached_return_t code;
	for (int i = 0; i < 3; i++) {
		snprintf(key[i], sizeof key[i], "key-%d", 5 * i);
		all[i] = key[i];
		all_lens[i] = strlen(key[i]);
		SAY(memcached_set(mc, all[i], all_lens[i], "v", 1, 0, 0));
	}
	SAY(memcached_mget(mc, all, all_lens, 3));
	for (memcached_result_st *got; (got = memcached_fetch_result(mc, NULL, &code));)
		memcached_result_free(got);
	if (!pid)
		return;
	kill((pid_t)atoi(pid), SIGKILL);
	for (int i = 0; i < 3; i++) /* some of these lie there; which code it is depends on when the kernel tells */
		printf("%d\n", memcached_success(memcached_set(mc, all[i], all_lens[i], "v", 1, 0, 0)));
}

int
main(int argc, char **argv)
{
	mc = memcached_create(NULL);
	for (int i = 1; i + 1 < argc && strcmp(argv[i], "dying") != 0; i += 2)
		memcached_server_add(mc, argv[i], (in_port_t)atoi(argv[i + 1]));
	SAY(memcached_flush(mc, 0));
	if (memcached_server_count(mc) == 2) {
		spread(argc > 6 ? argv[6] : NULL);
	} else {
		store();
		by_key();
		many();
		administer(argv[1], (in_port_t)atoi(argv[2]));
		binary();
	}
	memcached_free(mc);
	return 0;
}
