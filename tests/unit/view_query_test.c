/* SPDX-License-Identifier: ISC */
/* conf, select, body: what is asked for, and which events are meant by it. */
#include "oxview/conf.h"

#include "libbx/core/mp.h"
#include "oxview/body.h"
#include "tests/unit/unit.h"

static const int64_t now_ns = 1331634615123456789; /* 2012-03-13T10:30:15Z */

static bool
read_words(struct conf *c, char *err, size_t err_cap, const struct conf_streams *streams, ...)
{
	char *argv[16] = {"oxview"};
	int argc = 1;
	va_list ap;
	va_start(ap, streams);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	return conf_read(c, argc, argv, *streams, now_ns, err, err_cap);
}

static const struct conf_streams in_pipes = {true, false}, on_terminal = {false, true};

#define ACCEPT(streams, ...) assert_true(read_words(&c, err, sizeof err, &(streams), __VA_ARGS__))
#define REFUSE(why, streams, ...)                                                                                      \
	do {                                                                                                           \
		assert_false(read_words(&c, err, sizeof err, &(streams), __VA_ARGS__));                                \
		if (!strstr(err, why))                                                                                 \
			fail_msg("said '%s', expected '%s'", err, why);                                                \
		conf_fini(&c);                                                                                         \
	} while (0)

static void
the_source_and_style_follow_from_what_is_there(void **state)
{
	(void)state;
	struct conf c;
	char err[600];
	ACCEPT(in_pipes, NULL);
	assert_int_equal(c.source, FROM_STDIN);
	assert_int_equal(c.style, STYLE_JSON);
	conf_fini(&c);
	ACCEPT(on_terminal, "a.log", "-", NULL);
	assert_int_equal(c.source, FROM_FILES);
	assert_int_equal(c.file_count, 2);
	assert_int_equal(c.style, STYLE_PRETTY);
	conf_fini(&c);
	ACCEPT(on_terminal, "-l", "/logs", "--tree", NULL);
	assert_int_equal(c.source, FROM_LOGDIR);
	assert_int_equal(c.style, STYLE_TREE);
	conf_fini(&c);
}

static void
host_may_stand_alone_where_no_value_can_follow(void **state)
{
	(void)state;
	struct conf c;
	char err[600];
	ACCEPT(in_pipes, "-H", NULL);
	assert_int_equal(c.source, FROM_LIVE);
	assert_string_equal(c.host, "127.0.0.1:3513");
	conf_fini(&c);
	ACCEPT(in_pipes, "--host", "--limit", "3", NULL);
	assert_string_equal(c.host, "127.0.0.1:3513");
	assert_int_equal(c.limit, 3);
	conf_fini(&c);
	ACCEPT(in_pipes, "-H", "log1:9000", NULL);
	assert_string_equal(c.host, "log1:9000");
	conf_fini(&c);
	ACCEPT(in_pipes, "--host=ipc:///tmp/x", "-n", "a", NULL);
	assert_string_equal(c.host, "ipc:///tmp/x");
	conf_fini(&c);
	ACCEPT(in_pipes, "--", "-H", NULL);
	assert_int_equal(c.source, FROM_FILES);
	conf_fini(&c);
}

static void
what_makes_no_sense_is_refused_in_one_line(void **state)
{
	(void)state;
	struct conf c;
	char err[600];
	REFUSE("nothing to read", on_terminal, NULL);
	REFUSE("choose one source", in_pipes, "-H", "h:1", "a.log", NULL);
	REFUSE("choose one source", in_pipes, "-l", "/logs", "a.log", NULL);
	REFUSE("choose one of", in_pipes, "--json", "--pretty", NULL);
	REFUSE("--start-date 'x'", in_pipes, "--start-date", "x", NULL);
	REFUSE("lies before", in_pipes, "-s", "now", "-e", "-2h", NULL);
	REFUSE("--host 'h:99999'", in_pipes, "-H", "h:99999", NULL);
	REFUSE("need an end", in_pipes, "-H", "h:1", "--tree", NULL);
	REFUSE("need an end", in_pipes, "-H", "h:1", "--reverse", NULL);
	REFUSE("unknown option '--nothing'", in_pipes, "--nothing", NULL);
	REFUSE("limit", in_pipes, "--limit", "-1", NULL);
}

static void
the_environment_gives_way_to_arguments(void **state)
{
	(void)state;
	struct conf c;
	char err[600];
	setenv("OXVIEW_LOG_PATH", "/env", 1);
	ACCEPT(on_terminal, NULL);
	assert_int_equal(c.source, FROM_LOGDIR);
	assert_string_equal(c.log_path, "/env");
	conf_fini(&c);
	ACCEPT(on_terminal, "a.log", NULL);
	assert_int_equal(c.source, FROM_FILES);
	conf_fini(&c);
	ACCEPT(on_terminal, "-H", NULL);
	assert_int_equal(c.source, FROM_LIVE);
	conf_fini(&c);
	unsetenv("OXVIEW_LOG_PATH");
}

static void
write_event(struct buf *b, const char *type, double end, bool failed)
{
	buf_clear(b);
	mp_add_map(b, 4);
	mp_add_strz(b, "id");
	mp_add_strz(b, "abcdef");
	mp_add_strz(b, "type");
	mp_add_strz(b, type);
	mp_add_strz(b, "end");
	mp_add_double(b, end);
	mp_add_strz(b, "body");
	mp_add_map(b, 1);
	mp_add_strz(b, "error");
	if (failed)
		mp_add_strz(b, "it broke");
	else
		mp_add_nil(b);
}

static bool
selected(const struct select *s, const char *type, double end, bool failed)
{
	struct buf b = {0};
	struct event ev;
	write_event(&b, type, end, failed);
	assert_int_equal(event_parse(b.data, b.len, &ev), BX_OK);
	bool yes = select_event(s, &ev);
	buf_fini(&b);
	return yes;
}

static void
types_are_exact_or_patterns(void **state)
{
	(void)state;
	const char *patterns[] = {"web", "job.*", "*.sql"};
	struct select s = {.types = {patterns, 3}};
	assert_true(selected(&s, "web", 1, false));
	assert_false(selected(&s, "webx", 1, false));
	assert_true(selected(&s, "job.a.b", 1, false));
	assert_false(selected(&s, "job", 1, false));
	assert_true(selected(&s, "x.y.sql", 1, false));
}

static void
both_ends_of_a_range_belong_to_it(void **state)
{
	(void)state;
	struct conf c;
	char err[600];
	ACCEPT(in_pipes, "-s", "1331634600.25", "-e", "20120313", NULL);
	assert_true(selected(&c.select, "a", 1331634600.25, false));
	assert_false(selected(&c.select, "a", 1331634600.249999, false));
	assert_true(selected(&c.select, "a", 1331683199.999999, false));
	assert_false(selected(&c.select, "a", 1331683200, false));
	assert_false(selected(&c.select, "a", 1e300, false));
	conf_fini(&c);
}

static void
ids_match_by_their_first_characters_and_errors_by_being_there(void **state)
{
	(void)state;
	struct select s = {.id = "abc"};
	assert_true(selected(&s, "a", 1, false));
	s.id = "abcdefg";
	assert_false(selected(&s, "a", 1, false));
	s = (struct select){.errors_only = true};
	assert_true(selected(&s, "a", 1, true));
	assert_false(selected(&s, "a", 1, false)); /* nil is no error */
}

static void
files_are_left_out_by_type_and_never_by_date(void **state)
{
	(void)state;
	const char *patterns[] = {"web.*"};
	struct select s = {.types = {patterns, 1}, .has_from = true, .from_ns = INT64_MAX};
	struct logname file;
	assert_true(logname_parse("web.sql.120313.log", &file));
	assert_true(select_file(&s, &file));
	assert_true(logname_parse("job.sql.120313.log", &file));
	assert_false(select_file(&s, &file));
	assert_true(logname_parse("web.%20.120313.log", &file)); /* encoded */
	assert_true(select_file(&s, &file));
	char name[LOGNAME_MAX], type[400];
	memset(type, 'x', sizeof type);
	logname_make((struct bytes){(uint8_t *)type, sizeof type}, 0, false, 0, name); /* cut: it may be anything */
	assert_true(logname_parse(name, &file));
	assert_true(select_file(&s, &file));
}

static void
paths_find_nested_fields_and_keys_with_dots(void **state)
{
	(void)state;
	struct buf b = {0};
	mp_add_map(&b, 4);
	mp_add_strz(&b, "a");
	mp_add_map(&b, 1);
	mp_add_strz(&b, "b");
	mp_add_uint(&b, 1);
	mp_add_strz(&b, "a.c");
	mp_add_uint(&b, 2);
	mp_add_strz(&b, "x.y");
	mp_add_map(&b, 1);
	mp_add_strz(&b, "z");
	mp_add_uint(&b, 3);
	mp_add_uint(&b, 7);
	mp_add_nil(&b);
	struct event ev = {.body = {b.data, b.len}, .body_is_map = true};
	assert_int_equal(object_token(body_get(&ev, "a.b")).u, 1);
	assert_int_equal(object_token(body_get(&ev, "a.c")).u, 2);
	assert_int_equal(object_token(body_get(&ev, "x.y.z")).u, 3);
	static const char *const none[] = {"b", "a.b.c", "a.x", "x", "x.y.", ".", "a..b"};
	for (size_t i = 0; i < COUNT_OF(none); i++)
		if (body_get(&ev, none[i]).p)
			fail_msg("'%s' was found", none[i]);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_source_and_style_follow_from_what_is_there),
	    cmocka_unit_test(host_may_stand_alone_where_no_value_can_follow),
	    cmocka_unit_test(what_makes_no_sense_is_refused_in_one_line),
	    cmocka_unit_test(the_environment_gives_way_to_arguments),
	    cmocka_unit_test(types_are_exact_or_patterns),
	    cmocka_unit_test(both_ends_of_a_range_belong_to_it),
	    cmocka_unit_test(ids_match_by_their_first_characters_and_errors_by_being_there),
	    cmocka_unit_test(files_are_left_out_by_type_and_never_by_date),
	    cmocka_unit_test(paths_find_nested_fields_and_keys_with_dots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
