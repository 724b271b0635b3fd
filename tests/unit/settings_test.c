/* SPDX-License-Identifier: ISC */
/* settings: three sources in their order, every kind, every mistake told with its source, help and man from the table. */
#include "libbx/core/settings.h"

#include <unistd.h>

#include "tests/unit/unit.h"

struct config {
	bool flag;
	int count;
	uint64_t number;
	uint64_t size;
	int64_t duration;
	const char *text;
	struct setting_list list;
	int choice;
	bool help;
};

static const char *const syncs[] = {"always", "interval", "never", NULL};

#define AT(field) offsetof(struct config, field)
static const struct setting table[] = {
    {"flag", 'f', SET_FLAG, AT(flag), NULL, NULL, "a flag", NULL, false},
    {"verbose", 'v', SET_COUNT, AT(count), NULL, NULL, "say more", NULL, false},
    {"number", 0, SET_UINT, AT(number), "7", "N", "a number", NULL, false},
    {"ring-size", 0, SET_SIZE, AT(size), "256k", "SIZE", "a size", NULL, false},
    {"flush-after", 0, SET_DURATION, AT(duration), "100ms", "TIME", "a duration", NULL, false},
    {"log-path", 'l', SET_TEXT, AT(text), "/var/log", "PATH", "a path", NULL, false},
    {"forward", 0, SET_LIST, AT(list), NULL, "HOST:PORT", "a peer", NULL, false},
    {"sync", 0, SET_CHOICE, AT(choice), "interval", "WHEN", "when to sync", syncs, false},
    {"help", 'h', SET_FLAG, AT(help), NULL, NULL, "this text", NULL, true},
};

static struct config config;
static struct settings settings;
static char err[512];
static char path[64];

static int
begin(void **state)
{
	(void)state;
	memset(&config, 0, sizeof config);
	err[0] = '\0';
	snprintf(path, sizeof path, "/tmp/settings_test.%d", (int)getpid());
	return settings_init(&settings, table, COUNT_OF(table), "OXT_", &config) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	settings_fini(&settings);
	unlink(path);
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		char name[64] = "OXT_";
		for (size_t j = 0; table[i].name[j]; j++)
			name[4 + j] = table[i].name[j] == '-' ? '_' : (char)(table[i].name[j] - 32);
		name[4 + strlen(table[i].name)] = '\0';
		unsetenv(name);
	}
	return 0;
}

static bool
from_file(const char *content)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
	return settings_file(&settings, path, err, sizeof err);
}

enum { ARGS_MAX = 16 };
static char *rest[ARGS_MAX];

#define FROM_ARGV(...) from_argv((const char *const[]){"prog", __VA_ARGS__, NULL})
static bool
from_argv(const char *const *words)
{
	static char copies[ARGS_MAX][64];
	static char *argv[ARGS_MAX];
	int argc = 0;
	for (; words[argc]; argc++) {
		snprintf(copies[argc], sizeof copies[argc], "%s", words[argc]);
		argv[argc] = copies[argc];
	}
	argv[argc] = NULL;
	return settings_argv(&settings, argc, argv, rest, err, sizeof err);
}

static void
assert_told(const char *expected)
{
	if (!strstr(err, expected))
		fail_msg("'%s' does not say '%s'", err, expected);
	assert_null(strchr(err, '\n'));
}

static void
defaults_come_from_the_table(void **state)
{
	(void)state;
	assert_false(config.flag);
	assert_int_equal(config.count, 0);
	assert_int_equal(config.number, 7);
	assert_int_equal(config.size, 262144);
	assert_int_equal(config.duration, 100000000);
	assert_string_equal(config.text, "/var/log");
	assert_int_equal(config.list.count, 0);
	assert_int_equal(config.choice, 1);
}

static void
argv_beats_environment_beats_file_beats_default(void **state)
{
	(void)state;
	assert_true(from_file("number = 1\nlog-path = /file\nsync = never\nring-size = 1m\n"));
	setenv("OXT_NUMBER", "2", 1);
	setenv("OXT_LOG_PATH", "/env", 1);
	setenv("OXT_SYNC", "always", 1);
	assert_true(settings_env(&settings, err, sizeof err));
	assert_true(FROM_ARGV("--number=3", "--log-path", "/argv"));
	assert_int_equal(config.number, 3);
	assert_string_equal(config.text, "/argv");
	assert_int_equal(config.choice, 0);
	assert_int_equal(config.size, 1048576);
	assert_int_equal(config.duration, 100000000);
}

static void
a_list_collects_within_a_source_and_is_replaced_by_the_next(void **state)
{
	(void)state;
	assert_true(from_file("forward = a:1\nforward = b:2\n"));
	assert_int_equal(config.list.count, 2);
	assert_string_equal(config.list.items[0], "a:1");
	assert_string_equal(config.list.items[1], "b:2");
	setenv("OXT_FORWARD", "c:3", 1);
	assert_true(settings_env(&settings, err, sizeof err));
	assert_int_equal(config.list.count, 1);
	assert_string_equal(config.list.items[0], "c:3");
	assert_true(FROM_ARGV("--forward=d:4", "--forward", "e:5", "--forward=f:6"));
	assert_int_equal(config.list.count, 3);
	assert_string_equal(config.list.items[2], "f:6");
}

static void
flags_and_counts_take_no_value_in_argv(void **state)
{
	(void)state;
	assert_true(FROM_ARGV("-fvv", "--verbose"));
	assert_true(config.flag);
	assert_int_equal(config.count, 3);
	assert_true(from_file("flag = off\nverbose = 2\n"));
	assert_false(config.flag);
	assert_int_equal(config.count, 2);
	assert_false(FROM_ARGV("--flag=yes"));
	assert_told("--flag");
	assert_told("takes no value");
}

static void
other_arguments_are_kept_in_order(void **state)
{
	(void)state;
	assert_true(FROM_ARGV("one", "--number", "9", "two", "--", "--three", "-f"));
	assert_string_equal(rest[0], "one");
	assert_string_equal(rest[1], "two");
	assert_string_equal(rest[2], "--three");
	assert_string_equal(rest[3], "-f");
	assert_null(rest[4]);
	assert_int_equal(config.number, 9);
	assert_false(config.flag);
}

static void
mistakes_in_argv_name_the_word(void **state)
{
	(void)state;
	assert_false(FROM_ARGV("--nonsense"));
	assert_told("--nonsense");
	assert_false(FROM_ARGV("--nonsense=3"));
	assert_told("--nonsense");
	assert_false(FROM_ARGV("-x"));
	assert_told("-x");
	assert_false(FROM_ARGV("-fx"));
	assert_told("-x");
	assert_false(FROM_ARGV("a", "--number"));
	assert_told("--number");
	assert_told("needs a value");
	assert_false(FROM_ARGV("-l"));
	assert_told("-l");
	assert_false(FROM_ARGV("--number=many"));
	assert_told("--number");
	assert_told("'many'");
	assert_false(FROM_ARGV("--sync=sometimes"));
	assert_told("'sometimes'");
	assert_false(FROM_ARGV("--ring-size=12q"));
	assert_told("'12q'");
	assert_null(rest[0]);
}

static void
mistakes_in_the_file_name_file_and_line(void **state)
{
	(void)state;
	char where[80];
	assert_true(from_file("# a comment\n\n   number   =   5   \n\tlog-path=/a = b\r\nforward = x # y\n"));
	assert_int_equal(config.number, 5);
	assert_string_equal(config.text, "/a = b");
	assert_string_equal(config.list.items[0], "x # y");
	snprintf(where, sizeof where, "%s:3", path);
	static const char *const bad[] = {"\n\nnumber 5\n", "#\n#\nnumbre = 5\n", "\nflag = on\nnumber = five\n",
	    "\n\nhelp = on\n", "\n\n= 5\n", "\n\nnumber =\n", "flag = on\n\nsync = sometimes"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_false(from_file(bad[i]));
		assert_told(where);
	}
}

static void
a_file_that_cannot_be_read_is_told(void **state)
{
	(void)state;
	assert_false(settings_file(&settings, "/nonexistent/oxd.conf", err, sizeof err));
	assert_told("/nonexistent/oxd.conf");
	assert_told("No such file");
	assert_false(settings_file(&settings, "/", err, sizeof err));
	assert_told("directory");
}

static void
mistakes_in_the_environment_name_the_variable(void **state)
{
	(void)state;
	setenv("OXT_FLUSH_AFTER", "soon", 1);
	assert_false(settings_env(&settings, err, sizeof err));
	assert_told("OXT_FLUSH_AFTER");
	assert_told("'soon'");
	unsetenv("OXT_FLUSH_AFTER");
	setenv("OXT_HELP", "yes", 1); /* argv only */
	assert_true(settings_env(&settings, err, sizeof err));
	assert_false(config.help);
}

static void
a_short_error_buffer_is_not_overrun(void **state)
{
	(void)state;
	char tiny[8] = "zzzzzzz";
	static char *argv[] = {"prog", "--this-is-no-option", NULL};
	assert_false(settings_argv(&settings, 2, argv, rest, tiny, 4));
	assert_int_equal(strlen(tiny), 3);
	assert_int_equal(tiny[4], 'z');
}

static void
help_and_man_name_every_setting_and_its_default(void **state)
{
	(void)state;
	struct buf help = {0}, man = {0};
	settings_help(&settings, &help);
	settings_man(&settings, &man);
	buf_putc(&help, '\0');
	buf_putc(&man, '\0');
	assert_int_equal(help.err, BX_OK);
	assert_int_equal(man.err, BX_OK);
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		char option[64];
		snprintf(option, sizeof option, "--%s", table[i].name);
		assert_non_null(strstr((char *)help.data, option));
		assert_non_null(strstr((char *)help.data, table[i].help));
		assert_non_null(strstr((char *)man.data, table[i].help));
	}
	assert_non_null(strstr((char *)help.data, "-l, --log-path=PATH"));
	assert_non_null(strstr((char *)help.data, "(default 256k)"));
	assert_non_null(strstr((char *)help.data, "always, interval, never"));
	assert_non_null(strstr((char *)help.data, "more than once"));
	assert_non_null(strstr((char *)man.data, "\\-l, \\-\\-log\\-path=PATH"));
	buf_fini(&help);
	buf_fini(&man);
}

static void
a_default_that_is_wrong_is_noticed(void **state)
{
	(void)state;
	static const struct setting wrong[] = {{"n", 0, SET_UINT, 0, "x", NULL, "", NULL, false}};
	struct settings s;
	uint64_t n;
	assert_false(settings_init(&s, wrong, 1, NULL, &n));
	settings_fini(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(defaults_come_from_the_table),
	    TEST(argv_beats_environment_beats_file_beats_default),
	    TEST(a_list_collects_within_a_source_and_is_replaced_by_the_next),
	    TEST(flags_and_counts_take_no_value_in_argv),
	    TEST(other_arguments_are_kept_in_order),
	    TEST(mistakes_in_argv_name_the_word),
	    TEST(mistakes_in_the_file_name_file_and_line),
	    TEST(a_file_that_cannot_be_read_is_told),
	    TEST(mistakes_in_the_environment_name_the_variable),
	    TEST(a_short_error_buffer_is_not_overrun),
	    TEST(help_and_man_name_every_setting_and_its_default),
	    TEST(a_default_that_is_wrong_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
