/* SPDX-License-Identifier: ISC */
/* shim_settings: each reader with what it takes and what it refuses, and the file line by line. */
#include "preload/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "preload/conffile.h"
#include "tests/unit/unit.h"

static const struct shim_setting *
setting(const char *name)
{
	for (size_t i = 0; i < shim_setting_count; i++)
		if (strcmp(shim_settings[i].name, name) == 0)
			return &shim_settings[i];
	fail_msg("no setting %s", name);
	return NULL;
}

static bool
takes(const char *name, const char *text)
{
	const struct shim_setting *s = setting(name);
	s->read(s->fallback);
	return s->read(text);
}

static void
every_default_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < shim_setting_count; i++)
		assert_true(shim_settings[i].read(shim_settings[i].fallback));
	assert_int_equal(shim_config.kinds, (1U << KINDS) - 1);
	assert_int_equal(shim_config.sql, SQL_FULL);
	assert_int_equal(shim_config.sql_max, 4096);
	assert_true(shim_config.slow_ns[KIND_SQL] == INT64_MAX);
	assert_false(shim_config.sql_params || shim_config.tcp || shim_config.keep_deepbind);
}

static void
kinds_that_are_known_hold_beside_those_that_are_not(void **state)
{
	(void)state;
	assert_true(takes("BLUEOX_PRELOAD", " sql ,log,"));
	assert_int_equal(shim_config.kinds, 1U << KIND_SQL | 1U << KIND_LOG);
	assert_false(takes("BLUEOX_PRELOAD", "crash,nonsense"));
	assert_int_equal(shim_config.kinds, 1U << KIND_CRASH);
	assert_false(takes("BLUEOX_PRELOAD", "nonsense"));
	assert_int_equal(shim_config.kinds, (1U << KINDS) - 1);
	assert_true(takes("BLUEOX_PRELOAD", "none"));
	assert_int_equal(shim_config.kinds, 0);
}

static void
slow_is_a_time_for_each_kind_or_one_for_all(void **state)
{
	(void)state;
	assert_true(takes("BLUEOX_SLOW", "sql=100ms, memcache = 2s"));
	assert_true(shim_config.slow_ns[KIND_SQL] == 100000000 && shim_config.slow_ns[KIND_MEMCACHE] == 2000000000);
	assert_true(shim_config.slow_ns[KIND_LOG] == INT64_MAX);
	assert_true(takes("BLUEOX_SLOW", "1s,sql=5ms"));
	assert_true(shim_config.slow_ns[KIND_SQL] == 5000000 && shim_config.slow_ns[KIND_LOG] == 1000000000);
	static const char *const wrong[] = {"sql=", "=1s", "sql=fast", "nonsense=1s", "sql=1s=2s", "sql", "-1s",
	    "sql=11111111111111111111111111111111111111111111s"};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_false(takes("BLUEOX_SLOW", wrong[i]));
		assert_true(shim_config.slow_ns[KIND_SQL] == INT64_MAX);
	}
}

static void
what_is_not_understood_changes_nothing(void **state)
{
	(void)state;
	static const char *const wrong[][2] = {{"BLUEOX_SQL_MAX", "2m"}, {"BLUEOX_SQL_MAX", "-1"},
	    {"BLUEOX_SQL_MAX", "4 k b"}, {"BLUEOX_SQL_PARAMS", "2"}, {"BLUEOX_DEEPBIND", ""},
	    {"BLUEOX_PRELOAD_TCP", "maybe"}};
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(takes(wrong[i][0], wrong[i][1]));
	assert_int_equal(shim_config.sql_max, 4096);
	char name[SHIM_NAME_MAX + 1];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_false(takes("BLUEOX_NAME", name));
	assert_true(takes("BLUEOX_NAME", name + 1));
}

static void
lists_of_programs_are_globs_of_names_and_paths(void **state)
{
	(void)state;
	assert_true(takes("BLUEOX_NOT", "vim,*/sbin/*") && takes("BLUEOX_ONLY", NULL));
	assert_true(shim_settings_want("psql", "/usr/bin/psql"));
	assert_false(shim_settings_want("vim", "/usr/bin/vim.basic"));
	assert_false(shim_settings_want("cron", "/usr/sbin/cron"));
	assert_true(shim_settings_want("cron", NULL));
	assert_true(takes("BLUEOX_ONLY", "p*l , v*"));
	assert_true(
	    shim_settings_want("psql", NULL) && shim_settings_want("perl", NULL) && shim_settings_want("vi", NULL));
	assert_false(shim_settings_want("vim", NULL) || shim_settings_want("php", NULL));
}

static struct conffile file;

static void
parse(const char *text)
{
	strcpy(file.text, text);
	conffile_parse(&file, strlen(text));
}

static void
what_is_not_understood_of_sql_hides_the_text(void **state)
{
	(void)state;
	static const char *const wrong[] = {"Strip", "strip,off", "ful", "1"};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_true(takes("BLUEOX_SQL", "full"));
		assert_false(takes("BLUEOX_SQL", wrong[i]));
		assert_int_equal(shim_config.sql, SQL_OFF);
	}
	setenv(SHIM_FILE_VARIABLE, "/", 1); /* a file that is there and cannot be read */
	unsetenv("BLUEOX_SQL");
	shim_settings_read();
	assert_int_equal(shim_config.sql, SQL_OFF);
	setenv("BLUEOX_SQL", "full", 1);
	shim_settings_read();
	assert_int_equal(shim_config.sql, SQL_FULL);
	unsetenv("BLUEOX_SQL");
	setenv(SHIM_FILE_VARIABLE, "/nowhere", 1);
	shim_settings_read();
	assert_int_equal(shim_config.sql, SQL_FULL);
}

static void
a_file_is_lines_of_names_and_values(void **state)
{
	(void)state;
	parse("# comment\n\n  sql-max =  1k \r\nsql=a = b\nname=\nsql = last");
	assert_string_equal(conffile_get(&file, "BLUEOX_SQL_MAX"), "1k");
	assert_string_equal(conffile_get(&file, "BLUEOX_SQL"), "last");
	assert_string_equal(conffile_get(&file, "BLUEOX_NAME"), "");
	assert_null(conffile_get(&file, "BLUEOX_PREFIX"));
	assert_null(conffile_get(&file, "TRACEPARENT"));
	assert_int_equal(conffile_wrong(&file), 0);
}

static void
lines_that_nobody_understands_are_counted(void **state)
{
	(void)state;
	parse("hello\n= x\nSQL = full\nsql_max = 1\nBLUEOX_SQL = off\nsql-max = 2\n");
	assert_null(conffile_get(&file, "BLUEOX_SQL"));
	assert_string_equal(conffile_get(&file, "BLUEOX_SQL_MAX"), "2");
	assert_int_equal(conffile_wrong(&file), 5);
}

static void
the_environment_counts_before_the_file_but_not_when_it_is_wrong(void **state)
{
	(void)state;
	char path[] = "/tmp/shim_settings_test.XXXXXX";
	static const char text[] = "sql = strip\nsql-max = 8k\nsql-params = perhaps\nring-size = 64k\n";
	int fd = mkstemp(path);
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	close(fd);
	setenv(SHIM_FILE_VARIABLE, path, 1);
	setenv("BLUEOX_SQL", "nonsense", 1);
	setenv("BLUEOX_SQL_MAX", "1k", 1);
	shim_settings_read();
	unlink(path);
	assert_int_equal(shim_config.sql, SQL_OFF);
	assert_int_equal(shim_config.sql_max, 1024);
	assert_string_equal(shim_settings_for_libbx("BLUEOX_RING_SIZE"), "64k");
	assert_int_equal(shim_settings_bad(), 2);
	unsetenv("BLUEOX_SQL");
	shim_settings_read();
	assert_int_equal(shim_config.sql, SQL_FULL);
	assert_int_equal(shim_settings_bad(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_default_is_understood),
	    cmocka_unit_test(kinds_that_are_known_hold_beside_those_that_are_not),
	    cmocka_unit_test(slow_is_a_time_for_each_kind_or_one_for_all),
	    cmocka_unit_test(what_is_not_understood_changes_nothing),
	    cmocka_unit_test(lists_of_programs_are_globs_of_names_and_paths),
	    cmocka_unit_test(what_is_not_understood_of_sql_hides_the_text),
	    cmocka_unit_test(a_file_is_lines_of_names_and_values),
	    cmocka_unit_test(lines_that_nobody_understands_are_counted),
	    cmocka_unit_test(the_environment_counts_before_the_file_but_not_when_it_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
