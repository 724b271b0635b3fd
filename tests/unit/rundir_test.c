/* SPDX-License-Identifier: ISC */
/* rundir: what is taken for a run directory, and what is refused. */
/* LIBS: -Wl,--wrap=geteuid -Wl,--wrap=stat */
#include "libbx/core/rundir.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* The wrappers let one test be several users, on hosts with and without /run/blueox. */
static uid_t pretended_uid;
static bool system_dir_exists;

uid_t __wrap_geteuid(void);
int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);

uid_t
__wrap_geteuid(void)
{
	return pretended_uid;
}

int
__wrap_stat(const char *path, struct stat *st)
{
	if (strcmp(path, RUNDIR_SYSTEM) != 0)
		return __real_stat(path, st);
	if (system_dir_exists)
		return __real_stat("/", st);
	errno = ENOENT;
	return -1;
}

static char out[RUNDIR_MAX + 100];

/* A user id that nobody has: its directory in /dev/shm is this test's own. */
static void
become_nobody_else(char path[64])
{
	pretended_uid = 2000000000U + (uid_t)getpid();
	snprintf(path, 64, "/dev/shm/blueox-%u", pretended_uid);
	rmdir(path);
	unlink(path);
}

static void
the_given_directory_wins(void **state)
{
	(void)state;
	system_dir_exists = true;
	assert_true(rundir_path("/some/where", out, sizeof out));
	assert_string_equal(out, "/some/where");
}

static void
without_one_it_is_the_systems_where_that_exists(void **state)
{
	(void)state;
	system_dir_exists = true;
	assert_true(rundir_path(NULL, out, sizeof out));
	assert_string_equal(out, RUNDIR_SYSTEM);
	assert_true(rundir_path("", out, sizeof out));
	assert_string_equal(out, RUNDIR_SYSTEM);
}

static void
else_it_is_the_users_own_which_need_not_exist(void **state)
{
	(void)state;
	char path[64];
	system_dir_exists = false;
	become_nobody_else(path);
	errno = 4711;
	assert_true(rundir_path(NULL, out, sizeof out));
	assert_string_equal(out, path);
	assert_int_equal(errno, 4711);
}

static void
user_ids_are_written_whole(void **state)
{
	(void)state;
	static const struct {
		uid_t uid;
		const char *path;
	} cases[] = {{4294967294U, "/dev/shm/blueox-4294967294"}, {1234567890U, "/dev/shm/blueox-1234567890"}};
	system_dir_exists = false;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		pretended_uid = cases[i].uid;
		assert_true(rundir_path(NULL, out, sizeof out));
		assert_string_equal(out, cases[i].path);
	}
}

static void
anothers_directory_is_refused(void **state)
{
	(void)state;
	char path[64];
	system_dir_exists = false;
	become_nobody_else(path);
	assert_int_equal(mkdir(path, 0700), 0); /* its owner is who we really are */
	errno = 4711;
	bool taken = rundir_path(NULL, out, sizeof out);
	rmdir(path);
	assert_false(taken);
	assert_int_equal(errno, 4711);
}

/* What stands at our own path in /dev/shm, made by `make`: taken or not? */
static bool
taken_when(void (*make)(const char *path))
{
	char path[64], aside[80];
	system_dir_exists = false;
	pretended_uid = getuid();
	snprintf(path, sizeof path, "/dev/shm/blueox-%u", pretended_uid);
	snprintf(aside, sizeof aside, "%s.aside-%d", path, (int)getpid());
	bool had = rename(path, aside) == 0;
	make(path);
	bool taken = rundir_path(NULL, out, sizeof out);
	assert_string_equal(out, path);
	char target[80];
	ssize_t n = readlink(path, target, sizeof target - 1);
	if (n > 0) {
		target[n] = '\0';
		rmdir(target);
	}
	if (rmdir(path) != 0)
		unlink(path);
	if (had)
		assert_int_equal(rename(aside, path), 0);
	return taken;
}

static void
make_private(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

/* To a directory that would be taken, so that it is the link that is refused. */
static void
make_link(const char *path)
{
	static char target[80];
	snprintf(target, sizeof target, "%s.target-%d", path, (int)getpid());
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(symlink(target, path), 0);
}

static void
make_file(const char *path)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
}

static void
make_group_writable(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0770), 0);
}

static void
only_a_directory_of_ours_that_nobody_else_may_write_is_taken(void **state)
{
	(void)state;
	assert_true(taken_when(make_private));
	assert_false(taken_when(make_link));
	assert_false(taken_when(make_file));
	assert_false(taken_when(make_group_writable));
}

static void
a_name_that_is_too_long_is_refused(void **state)
{
	(void)state;
	char given[RUNDIR_MAX + 2];
	memset(given, 'd', sizeof given);
	given[RUNDIR_MAX + 1] = '\0';
	assert_false(rundir_path(given, out, sizeof out));
	given[RUNDIR_MAX] = '\0';
	assert_true(rundir_path(given, out, sizeof out));
	assert_false(rundir_path(given, out, RUNDIR_MAX)); /* no room for the NUL */
	assert_true(rundir_path(given, out, RUNDIR_MAX + 1));
	system_dir_exists = false;
	pretended_uid = 7;
	for (size_t cap = 0; cap < sizeof "/dev/shm/blueox-7"; cap++)
		assert_false(rundir_path(NULL, out, cap));
	assert_true(rundir_path(NULL, out, sizeof "/dev/shm/blueox-7"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_given_directory_wins),
	    cmocka_unit_test(without_one_it_is_the_systems_where_that_exists),
	    cmocka_unit_test(else_it_is_the_users_own_which_need_not_exist),
	    cmocka_unit_test(user_ids_are_written_whole),
	    cmocka_unit_test(anothers_directory_is_refused),
	    cmocka_unit_test(only_a_directory_of_ours_that_nobody_else_may_write_is_taken),
	    cmocka_unit_test(a_name_that_is_too_long_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
