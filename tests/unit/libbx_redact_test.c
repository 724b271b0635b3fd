/* SPDX-License-Identifier: ISC */
/* libbx_redact_test: what BLUEOX_REDACT names is in no event, however it was set; and all else is as it was. */
#include "tests/unit/libbx_world.h"

static uint32_t
bad_settings(void)
{
	struct bx_counters c;
	bx_stats(&c);
	return (uint32_t)c.bad_settings;
}

/* No byte of it is in any file of the run directory, whatever state that part of a ring is in. */
static bool
is_in_a_ring(const char *text)
{
	char path[80];
	bool found = false;
	snprintf(path, sizeof path, "%s/rings", run_dir);
	DIR *d = opendir(path);
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		int fd = openat(dirfd(d), e->d_name, O_RDONLY);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
			void *m = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
			assert_true(m != MAP_FAILED);
			found |= memmem(m, (size_t)st.st_size, text, strlen(text)) != NULL;
			munmap(m, (size_t)st.st_size);
		}
		close(fd);
	}
	closedir(d);
	return found;
}

static void
emit_flat(void)
{
	bx_begin("flat");
	bx_set("user", "ada");
	bx_set("password", "hunter2");
	bx_set("n", 7);
	assert_int_equal(bx_end(), 1);
}

static void
emit_nested(void)
{
	bx_begin("nested");
	bx_set("request.password", "hunter2");
	bx_set("request.path", "/");
	bx_append("password", "hunter2");
	bx_append("password", "hunter3");
	bx_append("kept", 1);
	bx_set("a.b.password.c", "hunter2");
	bx_set("a.b.d", (bool)true);
	assert_int_equal(bx_end(), 1);
}

TEST(fields_are_taken_out_by_name_wherever_they_lie)
{
	setenv("BLUEOX_REDACT", "password", 1);
	configure();
	emit_flat();
	emit_nested();
	assert_body(event_of(look(), "flat"), "{\"user\":\"ada\",\"n\":7}");
	assert_body(
	    event_of(look(), "nested"), "{\"request\":{\"path\":\"/\"},\"kept\":[1],\"a\":{\"b\":{\"d\":true}}}");
	assert_false(is_in_a_ring("hunter"));
	assert_true(is_in_a_ring("ada"));
}

TEST(a_dotted_name_is_taken_out_only_there)
{
	setenv("BLUEOX_REDACT", "request.password, b.d", 1);
	configure();
	emit_flat();
	emit_nested();
	assert_body(event_of(look(), "flat"), "{\"user\":\"ada\",\"password\":\"hunter2\",\"n\":7}");
	assert_body(event_of(look(), "nested"),
	    "{\"request\":{\"path\":\"/"
	    "\"},\"password\":[\"hunter2\",\"hunter3\"],\"kept\":[1],\"a\":{\"b\":{\"password\":{"
	    "\"c\":\"hunter2\"}}}}");
}

TEST(inside_a_map_that_was_set_whole_too)
{
	setenv("BLUEOX_REDACT", "error.message,fields.detail,stack", 1);
	configure();
	const struct bx__error_field fields[] = {{"detail", "Key (name)=(hunter2)"}, {"hint", "none"}};
	for (int nested = 0; nested < 2; nested++) {
		bx_begin(nested ? "tree" : "flat");
		if (nested)
			bx_set("a.b", 1);
		bx_set("message", "stays");
		bx__ctx_error(bx_current(), &(struct bx__error){.error_class = "pq",
						.code = "23505",
						.message = "hunter2",
						.message_len = 7,
						.fields = fields,
						.field_count = 2});
		bx_set("after", 1);
		assert_int_equal(bx_end(), 1);
	}
	assert_false(is_in_a_ring("hunter"));
	const struct seen *seen = look();
	for (int i = 0; i < 2; i++) {
		const struct event *ev = &seen->events[i];
		struct cursor c;
		struct buf text = {0};
		cursor_init(&c, ev->body.p, ev->body.n);
		show(&c, &text);
		buf_putc(&text, '\0');
		const char *s = (const char *)text.data;
		assert_non_null(
		    strstr(s, "\"message\":\"stays\",\"error\":{\"class\":\"pq\",\"code\":\"23505\",\"fields\":{"
			      "\"hint\":\"none\"},\"print\":\""));
		assert_non_null(strstr(s, "},\"after\":1}"));
		assert_null(strstr(s, "stack"));
		buf_fini(&text);
	}
}

TEST(a_star_stands_for_any_characters_of_one_part)
{
	setenv("BLUEOX_REDACT", "*.pass*,n", 1);
	configure();
	emit_flat();
	emit_nested();
	assert_body(event_of(look(), "flat"), "{\"user\":\"ada\",\"password\":\"hunter2\"}");
	assert_body(event_of(look(), "nested"),
	    "{\"request\":{\"path\":\"/"
	    "\"},\"password\":[\"hunter2\",\"hunter3\"],\"kept\":[1],\"a\":{\"b\":{\"d\":true}}}");
}

TEST(all_may_be_taken_out)
{
	setenv("BLUEOX_REDACT", "*", 1);
	configure();
	emit_flat();
	emit_nested();
	assert_body(event_of(look(), "flat"), "{}");
	assert_body(event_of(look(), "nested"), "{}");
}

TEST(a_map_that_loses_all_that_is_in_it_stays)
{
	setenv("BLUEOX_REDACT", "request.*", 1);
	configure();
	bx_begin("map");
	bx_set("request.password", "hunter2");
	bx_set("request.path", "/");
	assert_int_equal(bx_end(), 1);
	assert_body(event_of(look(), "map"), "{\"request\":{}}");
}

TEST(headers_of_maps_shrink_with_what_is_in_them)
{
	setenv("BLUEOX_REDACT", "x*", 1);
	configure();
	char key[16], expected[4000] = "{";
	for (int nested = 0; nested < 2; nested++) {
		bx_begin(nested ? "tree" : "flat");
		for (int i = 0; i < 70; i++) {
			snprintf(key, sizeof key, "%s%c%d", nested ? "m." : "", i % 2 ? 'k' : 'x', i);
			bx_set(key, i);
		}
		assert_int_equal(bx_end(), 1);
	}
	for (int i = 1; i < 70; i += 2)
		snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s\"k%d\":%d",
		    i > 1 ? "," : "", i, i);
	strcat(expected, "}");
	assert_body(event_of(look(), "flat"), expected);
	char in_map[4100];
	snprintf(in_map, sizeof in_map, "{\"m\":%s}", expected);
	assert_body(event_of(look(), "tree"), in_map);
}

TEST(names_that_are_not_understood_are_left_out_and_counted)
{
	setenv("BLUEOX_REDACT", "a..b, .c,d.,, password ,.", 1);
	configure();
	assert_int_equal(bad_settings(), 1);
	emit_flat();
	assert_body(event_of(look(), "flat"), "{\"user\":\"ada\",\"n\":7}");
}

TEST(of_too_many_names_the_first_hold)
{
	char text[6000] = "password";
	for (int i = 0; i < 600; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), ",name%d", i);
	setenv("BLUEOX_REDACT", text, 1);
	configure();
	assert_int_equal(bad_settings(), 1);
	emit_flat();
	assert_body(event_of(look(), "flat"), "{\"user\":\"ada\",\"n\":7}");
}

TEST(parts_without_end_are_refused_and_the_next_name_holds)
{
	char text[1000] = "";
	for (int i = 0; i < 300; i++)
		strcat(text, "a.");
	strcat(text, "b,password");
	setenv("BLUEOX_REDACT", text, 1);
	configure();
	assert_int_equal(bad_settings(), 1);
	emit_flat();
	assert_body(event_of(look(), "flat"), "{\"user\":\"ada\",\"n\":7}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_are_taken_out_by_name_wherever_they_lie),
	    cmocka_unit_test(a_dotted_name_is_taken_out_only_there),
	    cmocka_unit_test(inside_a_map_that_was_set_whole_too),
	    cmocka_unit_test(a_star_stands_for_any_characters_of_one_part),
	    cmocka_unit_test(all_may_be_taken_out),
	    cmocka_unit_test(a_map_that_loses_all_that_is_in_it_stays),
	    cmocka_unit_test(headers_of_maps_shrink_with_what_is_in_them),
	    cmocka_unit_test(names_that_are_not_understood_are_left_out_and_counted),
	    cmocka_unit_test(of_too_many_names_the_first_hold),
	    cmocka_unit_test(parts_without_end_are_refused_and_the_next_name_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
