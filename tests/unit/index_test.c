/* SPDX-License-Identifier: ISC */
/* index: entries out and in, cut anywhere, changed anywhere; indexes of files that grow, are cut, or are others'. */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/indexing.h"
#include "libbx/core/mp.h"
#include "tests/unit/unit.h"

enum { EVENTS = 5000 };
static const char log_name[] = "request.261122.log";

/* ---- a directory with a log -------------------------------------------------------------------------------------- */

struct place {
	char dir[128];
	int fd;
	struct buf log;
};

static void
put_event(struct buf *b, unsigned n, unsigned pad)
{
	char id[33];
	snprintf(id, sizeof id, "%08x%024x", 0x65a0f2c3 + n / 7, n / 3);
	mp_add_map(b, 5);
	mp_add_strz(b, "id");
	mp_add_str(b, id, 32);
	mp_add_strz(b, "type");
	mp_add_strz(b, "request");
	mp_add_strz(b, "start");
	mp_add_double(b, 1000.0 + n);
	mp_add_strz(b, "end");
	mp_add_double(b, 1000.5 + n);
	mp_add_strz(b, "body");
	mp_add_map(b, 1);
	mp_add_strz(b, "n");
	uint8_t waste[2000] = {0};
	mp_add_bin(b, waste, pad);
}

static void
write_log(struct place *p, const char *name)
{
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_int_equal(write(fd, p->log.data, p->log.len), p->log.len);
	close(fd);
}

static void
begin(struct place *p, unsigned events)
{
	const char *tmp = getenv("TEST_TMP");
	*p = (struct place){.fd = -1};
	snprintf(p->dir, sizeof p->dir, "%.100s/index-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY);
	for (unsigned i = 0; i < events; i++)
		put_event(&p->log, i, i % 400);
	write_log(p, log_name);
}

static void
finish(struct place *p)
{
	static const char *const names[] = {log_name, "request.261122.log.idx"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		unlinkat(p->fd, names[i], 0);
	close(p->fd);
	assert_int_equal(rmdir(p->dir), 0);
	buf_fini(&p->log);
}

static struct buf
read_index(struct place *p)
{
	struct buf b = {0};
	struct stat st = {0};
	int fd = openat(p->fd, "request.261122.log.idx", O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	assert_int_equal(read(fd, buf_extend(&b, (size_t)st.st_size), (size_t)st.st_size), st.st_size);
	close(fd);
	return b;
}

static void
write_index(struct place *p, const struct buf *b, size_t n)
{
	int fd = openat(p->fd, "request.261122.log.idx", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_int_equal(write(fd, b->data, n), n);
	close(fd);
}

static struct index_end
index_it(struct place *p, uint64_t upto, bool seal)
{
	struct index_end end = {0};
	assert_int_equal(indexing_extend(p->fd, log_name, upto, seal, NULL, &end), BX_OK);
	return end;
}

/* Every entry holds its block, blocks follow each other, all events are counted; returns how far they reach. */
static uint64_t
assert_index_is_true(struct place *p)
{
	struct index_walk w;
	struct index_entry e;
	if (index_walk_open(&w, p->fd, log_name) != BX_OK)
		return 0;
	while (index_walk_next(&w, &e)) {
		assert_true(e.offset + e.length <= p->log.len);
		const uint8_t *block = p->log.data + e.offset;
		assert_true(index_block_holds(&e, block));
		uint32_t count = 0;
		for (size_t at = 0, used; at < e.length; at += used, count++) {
			struct event ev;
			assert_int_equal(event_read(block + at, e.length - at, &ev, &used), BX_OK);
			assert_true(index_may_have_id(&e, ev.id));
			assert_true(ev.start >= e.least_start && ev.end >= e.least_when && ev.end <= e.greatest_when);
		}
		assert_int_equal(count, e.count);
	}
	uint64_t covered = w.covered;
	index_walk_close(&w);
	return covered;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void
blocks_follow_each_other_and_cover_the_whole_when_it_is_sealed(void **state)
{
	(void)state;
	struct place p;
	begin(&p, EVENTS);
	struct index_end end = index_it(&p, p.log.len, false);
	assert_true(end.entries >= 4 && end.covered < p.log.len && p.log.len - end.covered < INDEX_BLOCK);
	assert_int_equal(assert_index_is_true(&p), end.covered);
	end = index_it(&p, p.log.len, true);
	assert_int_equal(end.covered, p.log.len);
	assert_int_equal(assert_index_is_true(&p), p.log.len);
	finish(&p);
}

static void
an_index_goes_on_where_it_was_and_is_the_same_as_one_made_at_once(void **state)
{
	(void)state;
	struct place p;
	begin(&p, EVENTS);
	index_it(&p, p.log.len, true);
	struct buf once = read_index(&p);
	unlinkat(p.fd, "request.261122.log.idx", 0);
	struct index_end end = {0};
	for (uint64_t upto = 0; upto < p.log.len; upto += 100000)
		assert_int_equal(indexing_extend(p.fd, log_name, upto, false, NULL, &end), BX_OK);
	index_it(&p, p.log.len, true); /* looks for the end in the file */
	struct buf steps = read_index(&p);
	assert_int_equal(steps.len, once.len);
	assert_memory_equal(steps.data, once.data, once.len);
	buf_fini(&once);
	buf_fini(&steps);
	finish(&p);
}

static void
cut_at_every_length_it_ends_at_an_entry_and_is_completed(void **state)
{
	(void)state;
	struct place p;
	begin(&p, EVENTS);
	index_it(&p, p.log.len, true);
	struct buf whole = read_index(&p);
	for (size_t len = 0; len < whole.len;
	     len += len < 3 * INDEX_HEADER || len + 3 * INDEX_ENTRY > whole.len ? 1 : 37) {
		write_index(&p, &whole, len);
		struct index_end end;
		assert_int_equal(indexing_look(p.fd, log_name, p.log.len, &end), BX_OK);
		assert_true(end.at <= len);
		assert_int_equal(assert_index_is_true(&p), end.covered);
		index_it(&p, p.log.len, true);
		struct buf again = read_index(&p);
		if (again.len != whole.len || memcmp(again.data, whole.data, whole.len) != 0)
			fail_msg("cut at %zu: another index, of %zu bytes, not %zu", len, again.len, whole.len);
		buf_fini(&again);
	}
	buf_fini(&whole);
	finish(&p);
}

static void
a_changed_byte_anywhere_ends_it_there_and_is_never_believed(void **state)
{
	(void)state;
	struct place p;
	begin(&p, EVENTS);
	index_it(&p, p.log.len, true);
	struct buf whole = read_index(&p);
	for (size_t i = 0; i < whole.len; i += i < 400 ? 1 : 41) {
		whole.data[i] ^= 0x10;
		write_index(&p, &whole, whole.len);
		struct index_end end;
		assert_int_equal(indexing_look(p.fd, log_name, p.log.len, &end), BX_OK);
		assert_true(end.at <= i);
		assert_int_equal(assert_index_is_true(&p), end.covered);
		whole.data[i] ^= 0x10;
	}
	buf_fini(&whole);
	finish(&p);
}

static void
an_index_of_another_log_of_that_name_is_begun_anew(void **state)
{
	(void)state;
	struct place p;
	begin(&p, EVENTS);
	index_it(&p, p.log.len, true);
	buf_clear(&p.log);
	for (unsigned i = 0; i < EVENTS; i++)
		put_event(&p.log, i + 100000, i % 400);
	write_log(&p, log_name);
	struct index_end end;
	assert_int_equal(indexing_look(p.fd, log_name, p.log.len, &end), BX_OK);
	assert_int_equal(end.at, 0);
	index_it(&p, p.log.len, true);
	assert_int_equal(assert_index_is_true(&p), p.log.len);
	finish(&p);
}

static void
a_log_that_was_cut_or_changed_behind_its_start_is_indexed_anew(void **state)
{
	(void)state;
	struct place p;
	begin(&p, EVENTS);
	index_it(&p, p.log.len, true);
	size_t all = p.log.len;
	p.log.len = 0; /* cut between two events, then other ones */
	for (size_t used; p.log.len < all * 2 / 3; p.log.len += used) {
		struct event ev;
		assert_int_equal(event_read(p.log.data + p.log.len, all - p.log.len, &ev, &used), BX_OK);
	}
	for (unsigned i = 0; i < EVENTS; i++)
		put_event(&p.log, i + 50000, i % 300);
	write_log(&p, log_name);
	struct index_end end = index_it(&p, p.log.len, true);
	assert_int_equal(end.covered, p.log.len);
	assert_int_equal(assert_index_is_true(&p), p.log.len);
	finish(&p);
}

static void
it_ends_where_the_log_is_damaged(void **state)
{
	(void)state;
	struct place p;
	begin(&p, EVENTS);
	size_t at = 0;
	for (size_t used; at < p.log.len / 2; at += used) {
		struct event ev;
		assert_int_equal(event_read(p.log.data + at, p.log.len - at, &ev, &used), BX_OK);
	}
	p.log.data[at] = 0xc1;
	write_log(&p, log_name);
	struct index_end end = index_it(&p, p.log.len, true);
	assert_int_equal(end.covered, at);
	assert_int_equal(assert_index_is_true(&p), at);
	finish(&p);
}

static void
the_filter_passes_what_is_there_and_little_else(void **state)
{
	(void)state;
	struct place p;
	begin(&p, EVENTS);
	index_it(&p, p.log.len, true);
	struct index_walk w;
	struct index_entry e;
	unsigned asked = 0, wrong = 0;
	assert_int_equal(index_walk_open(&w, p.fd, log_name), BX_OK);
	while (index_walk_next(&w, &e)) {
		assert_true(e.filter.n <= e.count); /* small */
		for (unsigned i = 0; i < 1000; i++, asked++) {
			char id[33];
			snprintf(id, sizeof id, "%08x%024x", i, i);
			wrong += index_may_have_id(&e, (struct bytes){(uint8_t *)id, 32});
		}
	}
	index_walk_close(&w);
	printf("%u of %u ids that are not there pass the filter\n", wrong, asked);
	assert_true(wrong * 100 <= asked * 3);
	finish(&p);
}

static void
times_that_are_none_are_counted_and_left_out(void **state)
{
	(void)state;
	struct index_block b = {0};
	struct index_header h;
	struct index_entry e;
	struct buf out = {0};
	size_t used;
	const struct event events[] = {
	    {.has_start = true, .start = 5},                                /* still open: its start stands for it */
	    {.has_start = true, .start = NAN, .has_end = true, .end = NAN}, /* no number */
	    {.host = {(const uint8_t *)"x", 1}},                            /* none */
	    {.has_start = true, .start = 2, .has_end = true, .end = INFINITY},
	};
	index_block_clear(&b);
	for (size_t i = 0; i < COUNT_OF(events); i++)
		index_block_add(&b, &events[i]);
	index_put_header(&out, "log", 3, &h);
	index_put_entry(&out, &h, &b, 0, 0, "log", 3);
	assert_int_equal(index_read_entry(out.data + INDEX_HEADER, out.len - INDEX_HEADER, &h, 0, 0, &e, &used), BX_OK);
	assert_int_equal(used, out.len - INDEX_HEADER);
	assert_int_equal(e.count, 4);
	assert_int_equal(e.untimed, 2);
	assert_true(e.least_start == 2 && e.least_when == 5 && isinf(e.greatest_when));
	assert_false(index_may_have_id(&e, (struct bytes){(const uint8_t *)"a", 1}));
	index_block_fini(&b);
	buf_fini(&out);
}

static void
a_full_disk_leaves_an_index_that_holds(void **state)
{
	(void)state;
	struct place p;
	struct rlimit old, small = {.rlim_cur = 3000, .rlim_max = RLIM_INFINITY};
	begin(&p, EVENTS);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	struct index_end end = {0};
	small.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(indexing_extend(p.fd, log_name, p.log.len, true, NULL, &end), BX_EIO);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(end.covered > 0 && end.covered < p.log.len);
	assert_int_equal(assert_index_is_true(&p), end.covered);
	assert_int_equal(indexing_extend(p.fd, log_name, p.log.len, true, NULL, &end), BX_OK);
	assert_int_equal(assert_index_is_true(&p), p.log.len);
	finish(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_follow_each_other_and_cover_the_whole_when_it_is_sealed),
	    cmocka_unit_test(an_index_goes_on_where_it_was_and_is_the_same_as_one_made_at_once),
	    cmocka_unit_test(cut_at_every_length_it_ends_at_an_entry_and_is_completed),
	    cmocka_unit_test(a_changed_byte_anywhere_ends_it_there_and_is_never_believed),
	    cmocka_unit_test(an_index_of_another_log_of_that_name_is_begun_anew),
	    cmocka_unit_test(a_log_that_was_cut_or_changed_behind_its_start_is_indexed_anew),
	    cmocka_unit_test(it_ends_where_the_log_is_damaged),
	    cmocka_unit_test(the_filter_passes_what_is_there_and_little_else),
	    cmocka_unit_test(times_that_are_none_are_counted_and_left_out),
	    cmocka_unit_test(a_full_disk_leaves_an_index_that_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
