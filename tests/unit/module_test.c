/* SPDX-License-Identifier: ISC */
/* module: an object is named by what is mapped now, whatever was there before. */
#include <dlfcn.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#include "libbx/core/mp.h"
#include "libbx/module.h"

/* A copy of a library whose build id is ours to choose. */
static struct {
	uint8_t *bytes, *build_id;
	size_t n;
	uint32_t build_id_len;
} image;

static char dir[256];

static int
read_image(void **state)
{
	struct module m;
	struct stat st;
	(void)state;
	snprintf(dir, sizeof dir, "%s/module_XXXXXX", getenv("TEST_TMP") ? getenv("TEST_TMP") : "/tmp");
	assert_non_null(mkdtemp(dir));
	assert_true(module_at(&m, (const void *)(uintptr_t)_cmocka_run_group_tests));
	FILE *f = fopen(m.path, "rb");
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	image.n = (size_t)st.st_size;
	image.bytes = malloc(image.n);
	assert_int_equal(fread(image.bytes, 1, image.n, f), image.n);
	fclose(f);
	assert_in_range(m.build_id_len, 8, 32);
	image.build_id = memmem(image.bytes, image.n, m.build_id, m.build_id_len);
	image.build_id_len = m.build_id_len;
	assert_non_null(image.build_id);
	return 0;
}

static int
forget_image(void **state)
{
	(void)state;
	free(image.bytes);
	return rmdir(dir);
}

/* Opens it at this path; the file is not there any more when it returns. */
static void *
open_image(const char *path, const char *build_id)
{
	memset(image.build_id, 0, image.build_id_len);
	memcpy(image.build_id, build_id, strnlen(build_id, image.build_id_len));
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(image.bytes, 1, image.n, f), image.n);
	fclose(f);
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(handle);
	unlink(path);
	return handle;
}

/* What the event says of it, which is to be exactly this. */
static struct module
assert_module(void *handle, const char *path, const char *build_id)
{
	uint8_t said[MODULE_BYTES], *end;
	struct module m;
	struct cursor c;
	struct mp_token t;
	const void *inside = dlsym(handle, "_cmocka_run_group_tests");
	assert_true(module_at(&m, inside));
	assert_true(module_holds(&m, inside));
	end = module_write(&m, said);
	cursor_init(&c, said, (size_t)(end - said));
	assert_true(mp_next(&c, &t) && t.kind == MP_MAP && t.len == 2);
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "path"));
	assert_true(mp_next(&c, &t) && mp_str_is(&t, path));
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "build_id"));
	assert_true(mp_next(&c, &t) && t.kind == MP_BIN && t.len == image.build_id_len);
	assert_int_equal(memcmp(t.data, build_id, strnlen(build_id, t.len)), 0);
	assert_int_equal(cursor_left(&c), 0);
	return m;
}

#define TEST(name) static void name(void **state)

TEST(what_was_found_is_kept)
{
	char path[300];
	(void)state;
	snprintf(path, sizeof path, "%s/kept.so", dir);
	void *handle = open_image(path, "kept");
	uint64_t print = assert_module(handle, path, "kept").print;
	struct module again = assert_module(handle, path, "kept");
	assert_non_null(again.written);
	assert_int_equal(again.print, print);
	dlclose(handle);
}

TEST(another_build_in_the_same_place_is_told_from_the_first)
{
	char path[300];
	(void)state;
	snprintf(path, sizeof path, "%s/plugin.so", dir);
	void *handle = open_image(path, "before");
	struct module before = assert_module(handle, path, "before");
	dlclose(handle);
	handle = open_image(path, "after");
	struct module after = assert_module(handle, path, "after");
	assert_int_equal(after.start, before.start); /* or nothing was tried */
	assert_int_not_equal(after.print, before.print);
	dlclose(handle);
}

TEST(so_is_the_same_build_of_another_name)
{
	char path[300];
	struct module found[3];
	(void)state;
	for (int i = 0; i < 3; i++) { /* the second name begins like the first, the third ends before it */
		static const char *const names[] = {"name.so", "name.so.1", "name"};
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		void *handle = open_image(path, "same");
		found[i] = assert_module(handle, path, "same");
		assert_int_equal(found[i].start, found[0].start);
		assert_int_equal(found[i].print, found[0].print);
		dlclose(handle);
	}
}

TEST(a_host_that_loads_without_end_is_still_told_the_truth)
{
	char path[300], build_id[16];
	(void)state;
	snprintf(path, sizeof path, "%s/endless.so", dir);
	for (int i = 0; i < 100; i++) {
		snprintf(build_id, sizeof build_id, "build %d", i);
		void *handle = open_image(path, build_id);
		assert_module(handle, path, build_id);
		assert_module(handle, path, build_id);
		dlclose(handle);
	}
}

TEST(memory_of_no_object_has_no_module)
{
	struct module m;
	(void)state;
	assert_false(module_at(&m, image.bytes));
	assert_false(module_at(&m, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_found_is_kept),
	    cmocka_unit_test(another_build_in_the_same_place_is_told_from_the_first),
	    cmocka_unit_test(so_is_the_same_build_of_another_name),
	    cmocka_unit_test(a_host_that_loads_without_end_is_still_told_the_truth),
	    cmocka_unit_test(memory_of_no_object_has_no_module),
	};
	return cmocka_run_group_tests(tests, read_image, forget_image);
}
