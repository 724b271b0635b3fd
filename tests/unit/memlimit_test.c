/* SPDX-License-Identifier: ISC */
/* memlimit: both versions of control groups as the kernel shows them, whole and from inside a container, and nonsense. */
#include "libbx/core/memlimit.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char root[64];
static struct memlimit_scratch scratch;

static int
setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/memlimit-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	return system(command); /* NOLINT(cert-env33-c): a path of our own */
}

/* A file below the root, with the directories that it needs. */
static void
put(const char *name, const char *text)
{
	char path[4096];
	int len = snprintf(path, sizeof path, "%s/%s", root, name);
	assert_in_range(len, 1, sizeof path - 1);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	}
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

/* The limit of a process whose /proc/self/cgroup says so. */
static uint64_t
limit_of(const char *groups)
{
	char path[128];
	put("groups", groups);
	snprintf(path, sizeof path, "%s/groups", root);
	errno = 77;
	uint64_t limit = memory_limit(path, root, &scratch);
	assert_int_equal(errno, 77);
	return limit;
}

static void
version_2_has_a_file_a_level(void **state)
{
	(void)state;
	put("a/b/memory.max", "16777216\n");
	assert_int_equal(limit_of("0::/a/b\n"), 16777216);
	put("a/memory.max", "1048576\n");
	assert_int_equal(limit_of("0::/a/b\n"), 1048576);
	put("a/memory.max", "max\n");
	assert_int_equal(limit_of("0::/a/b\n"), 16777216);
	assert_int_equal(limit_of("0::/a\n"), UINT64_MAX);
}

static void
version_1_names_its_controllers(void **state)
{
	(void)state;
	put("memory/g/memory.limit_in_bytes", "33554432\n");
	put("memory/memory.limit_in_bytes", "9223372036854771712\n");
	assert_int_equal(limit_of("9:name=systemd:/x\n8:pids:/g\n4:cpu,memory:/g\n1:cpu:/\n0::/\n"), 33554432);
	assert_int_equal(limit_of("4:memory,cpu:/g\n"), 33554432);
	assert_int_equal(limit_of("4:memoryx:/g\n3:xmemory:/g\n"), UINT64_MAX);
	assert_int_equal(limit_of("4:memory:/\n"), 9223372036854771712ULL);
}

/* The name is the host's; what is mounted is the container's own group. */
static void
in_a_container_the_root_is_asked(void **state)
{
	(void)state;
	put("memory/memory.limit_in_bytes", "4194304\n");
	assert_int_equal(limit_of("4:memory:/docker/0123456789abcdef\n"), 4194304);
	put("memory.max", "2097152");
	assert_int_equal(limit_of("0::/\n"), 2097152);
	assert_int_equal(limit_of("0::/../elsewhere\n"), 2097152);
}

static void
what_is_no_limit_is_none(void **state)
{
	static const char *const lines[] = {
	    "", "\n", ":", "::\n", "0:\n", "0::\n", "0::relative\n", "4:memory\n", "0::/unended"};
	char name[3000];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		assert_int_equal(limit_of(lines[i]), UINT64_MAX);
	static const char *const numbers[] = {"", "\n", "-5\n", "x\n", "99999999999999999999999999\n"};
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		put("n/memory.max", numbers[i]);
		assert_int_equal(limit_of("0::/n\n"), UINT64_MAX);
	}
	put("memory.max", "4096\n");
	memset(name, 'y', sizeof name - 2);
	memcpy(name, "0::/", 4);
	strcpy(name + sizeof name - 2, "\n");
	assert_int_equal(limit_of(name), UINT64_MAX); /* longer than there is room for: not looked at */
	for (size_t i = 4; i < 2000; i += 2)
		name[i] = '/';
	strcpy(name + 1500, "\n");
	assert_int_equal(limit_of(name), UINT64_MAX); /* more levels than anybody has */
	assert_int_equal(memory_limit("/nowhere/at/all", root, &scratch), UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(version_2_has_a_file_a_level, setup, teardown),
	    cmocka_unit_test_setup_teardown(version_1_names_its_controllers, setup, teardown),
	    cmocka_unit_test_setup_teardown(in_a_container_the_root_is_asked, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_no_limit_is_none, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
