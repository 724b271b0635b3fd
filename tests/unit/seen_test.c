/* SPDX-License-Identifier: ISC */
/* seen: hosts of many events, read one by one and read as they follow each other. */
#include <stdlib.h>

#include "libbx/core/mp.h"
#include "oxd/seen.h"
#include "tests/unit/unit.h"

enum { MAPS = 2000 };

static void
add_text(struct buf *b, const char *key, unsigned v, size_t n)
{
	char text[64];
	memset(text, 'a' + (int)(v % 3), sizeof text);
	mp_add_strz(b, key);
	mp_add_str(b, text, n);
}

/* Shapes that are alike but for what counts, the usual one most often; lengths that differ now and then. */
static void
make_map(struct buf *b)
{
	static const char *const shapes[][3] = {
	    {"id", "type", "host"},
	    {"type", "id", "host"},
	    {"host", "id", "host"},
	    {"type", "id", "hosu"},
	    {"id", "id", "host"},
	};
	const char *const *keys = shapes[rand() % 3 ? 1 : rand() % 5];
	unsigned pairs = rand() % 20 ? 3 : 2;
	mp_add_map(b, pairs);
	for (unsigned i = 0; i < pairs; i++) {
		bool id = strcmp(keys[i], "id") == 0;
		if (id && rand() % 20 == 0)
			mp_pair_uint(b, "id", (unsigned)rand() % 200);
		else
			add_text(b, keys[i], id ? (unsigned)rand() : rand() % 20 == 0, rand() % 20 ? 4 : 5);
	}
}

static void
a_host_that_follows_is_the_one_that_would_be_read(void **state)
{
	(void)state;
	static struct buf maps[MAPS];
	struct seen_host w = {0};
	struct bytes before = {NULL, 0};
	unsigned same = 0;
	srand(1);
	for (unsigned i = 0; i < MAPS; i++) {
		make_map(&maps[i]);
		struct bytes map = {maps[i].data, maps[i].len}, host = seen_host_of(map);
		bool another = seen_host_next(&w, map);
		if (!bytes_equal(host, w.host))
			fail_msg("event %u: host %.*s, read after others %.*s", i, (int)host.n, (const char *)host.p,
			    (int)w.host.n, (const char *)w.host.p);
		assert_int_equal(another, i == 0 || !bytes_equal(host, before));
		before = host;
		same += !another;
	}
	assert_true(same > MAPS / 10);
	for (unsigned i = 0; i < MAPS; i++)
		buf_fini(&maps[i]);
}

static void
an_event_cut_before_its_host_has_none(void **state)
{
	(void)state;
	struct buf b = {0};
	mp_add_map(&b, 2);
	add_text(&b, "id", 0, 32);
	add_text(&b, "host", 1, 4);
	for (size_t n = 0; n < b.len; n++) {
		struct seen_host w = {0};
		seen_host_next(&w, (struct bytes){b.data, b.len});
		assert_int_equal(w.host.n, 4);
		uint8_t *cut = malloc(n + 1); /* so that a sanitizer sees a step too far */
		memcpy(cut, b.data, n);
		assert_true(seen_host_next(&w, (struct bytes){cut, n}));
		assert_int_equal(w.host.n, 0);
		free(cut);
	}
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_host_that_follows_is_the_one_that_would_be_read),
	    cmocka_unit_test(an_event_cut_before_its_host_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
