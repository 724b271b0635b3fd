/* SPDX-License-Identifier: ISC */
/*
 * blocks: what is gathered while a log is written makes the very index that reading the log makes, and where events went
 * by unseen the keeper reads what is missing.
 */
#include "oxd/blocks.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/indexing.h"
#include "libbx/core/mp.h"
#include "oxd/keeper.h"
#include "tests/unit/unit.h"
#include "tests/wait.h"

enum { EVENTS = 6000, SLACK = 100 };

static const char log_name[] = "load.261122.log", index_name[] = "load.261122.log.idx";

struct place {
	char dir[128], log_dir[160], state_dir[160];
	int fd;
	struct buf log;
	size_t ends[EVENTS];
};

static void
put_event(struct buf *b, unsigned n)
{
	char id[33];
	uint8_t waste[2000] = {0};
	snprintf(id, sizeof id, "%08x%024x", 0x65a0f2c3 + n / 7, n / 3);
	mp_add_map(b, 4);
	mp_add_strz(b, "id");
	mp_add_str(b, id, 32);
	mp_add_strz(b, "start");
	mp_add_double(b, 1000.0 + n);
	mp_add_strz(b, "end");
	mp_add_double(b, 1000.5 + n);
	mp_add_strz(b, "body");
	mp_add_bin(b, waste, n % 400);
}

static void
begin(struct place *p)
{
	const char *tmp = getenv("TEST_TMP");
	memset(p, 0, sizeof *p);
	snprintf(p->dir, sizeof p->dir, "%.100s/blocks-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->log_dir, sizeof p->log_dir, "%s/log", p->dir);
	snprintf(p->state_dir, sizeof p->state_dir, "%s/state", p->dir);
	assert_int_equal(mkdir(p->log_dir, 0755) | mkdir(p->state_dir, 0755), 0);
	p->fd = open(p->log_dir, O_RDONLY | O_DIRECTORY);
	for (unsigned i = 0; i < EVENTS; i++) {
		put_event(&p->log, i);
		p->ends[i] = p->log.len;
	}
	int fd = openat(p->fd, log_name, O_WRONLY | O_CREAT | O_EXCL, 0644);
	assert_int_equal(write(fd, p->log.data, p->log.len), p->log.len);
	close(fd);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void
finish(struct place *p)
{
	close(p->fd);
	buf_fini(&p->log);
	nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Event i goes by, as it does when a log file takes it; every so many the pending bytes are written. */
static void
go_by(struct place *p, struct blocks *b, struct buf *pending, unsigned i, unsigned flush_every)
{
	size_t at = i ? p->ends[i - 1] : 0, n = p->ends[i] - at;
	size_t slack = p->log.len - at < n + SLACK ? p->log.len - at : n + SLACK;
	buf_put(pending, p->log.data + at, n);
	blocks_add(b, at, pending, (struct bytes){p->log.data + at, n}, i % 2 ? n : slack);
	if (i % flush_every == 0) {
		blocks_flushed(b, pending);
		buf_clear(pending);
	}
}

static struct buf
read_index(struct place *p)
{
	struct buf b = {0};
	struct stat st = {0};
	int fd = openat(p->fd, index_name, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	assert_int_equal(read(fd, buf_extend(&b, (size_t)st.st_size), (size_t)st.st_size), st.st_size);
	close(fd);
	return b;
}

/* Every entry holds its block, blocks follow each other, all events are counted and can be found. */
static uint64_t
assert_index_is_true(struct place *p)
{
	struct index_walk w;
	struct index_entry e;
	assert_int_equal(index_walk_open(&w, p->fd, log_name), BX_OK);
	while (index_walk_next(&w, &e)) {
		assert_true(e.offset + e.length <= p->log.len);
		assert_true(index_block_holds(&e, p->log.data + e.offset));
		uint32_t count = 0;
		for (size_t at = 0, used; at < e.length; at += used, count++) {
			struct event ev;
			assert_int_equal(event_read(p->log.data + e.offset + at, e.length - at, &ev, &used), BX_OK);
			assert_true(index_may_have_id(&e, ev.id));
			assert_true(ev.start >= e.least_start && ev.end >= e.least_when && ev.end <= e.greatest_when);
		}
		assert_int_equal(count, e.count);
	}
	uint64_t covered = w.covered;
	index_walk_close(&w);
	return covered;
}

static void
what_went_by_makes_the_index_that_reading_makes(void **state)
{
	(void)state;
	for (unsigned flush_every = 1; flush_every < EVENTS; flush_every *= 7) {
		struct place p;
		struct blocks b = {0};
		struct buf pending = {0};
		struct index_end read = {0}, appended = {0};
		const struct index_entry *entries[64];
		size_t count = 0;
		begin(&p);
		assert_int_equal(indexing_extend(p.fd, log_name, p.log.len, false, NULL, &read), BX_OK);
		struct buf by_reading = read_index(&p);
		assert_int_equal(indexing_forget(p.fd, log_name), BX_OK);
		for (unsigned i = 0; i < EVENTS; i++)
			go_by(&p, &b, &pending, i, flush_every);
		struct block *list = blocks_take(&b);
		for (const struct block *one = list; one; one = one->next)
			entries[count++] = &one->entry;
		assert_true(count > 3);
		assert_int_equal(indexing_append(p.fd, log_name, entries, count, &appended), BX_OK);
		struct buf by_blocks = read_index(&p);
		assert_int_equal(by_blocks.len, by_reading.len);
		assert_memory_equal(by_blocks.data, by_reading.data, by_blocks.len);
		assert_memory_equal(&appended, &read, sizeof read);
		blocks_free(&list);
		blocks_reset(&b);
		buf_fini(&pending);
		buf_fini(&by_reading);
		buf_fini(&by_blocks);
		finish(&p);
	}
}

/* One checkpoint: what is whole, and how long the log is by then. */
static void
check_point(struct place *p, struct keeper *k, struct blocks *b, uint64_t number, uint64_t len)
{
	struct stat st;
	struct checkpoint c = {.number = number};
	struct checkpoint_file *f = checkpoint_add(&c);
	assert_int_equal(fstatat(p->fd, log_name, &st, 0), 0);
	memcpy(f->name, log_name, sizeof log_name);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->len = len;
	struct block *list = blocks_take(b);
	if (list)
		keeper_seen(k, log_name, st.st_ino, &list);
	assert_null(list);
	keeper_listed(k, &c, 0);
}

static uint64_t
covered_now(struct place *p)
{
	struct index_end end;
	assert_int_equal(indexing_look(p->fd, log_name, UINT64_MAX, &end), BX_OK);
	return end.covered;
}

static void
the_keeper_reads_only_what_went_by_unseen(void **state)
{
	(void)state;
	/* Which events nobody sees: the first ones, as after a restart; some in the middle; none. */
	static const struct {
		unsigned from, to;
	} unseen[] = {{0, 700}, {2500, 2501}, {0, EVENTS}, {EVENTS, EVENTS}};
	for (size_t n = 0; n < COUNT_OF(unseen); n++) {
		struct place p;
		struct stats stats = {0};
		struct keeper *k;
		char err[256];
		struct blocks b = {0};
		struct buf pending = {0};
		begin(&p);
		struct keeper_config config = {
		    .log_path = p.log_dir, .state_path = p.state_dir, .limits = {.compress_after_ns = -1}};
		assert_int_equal(keeper_open(&k, &config, &stats, err, sizeof err), BX_OK);
		assert_true(keeper_start(k));
		for (unsigned i = 0; i < EVENTS; i++) {
			if (i < unseen[n].from || i >= unseen[n].to)
				go_by(&p, &b, &pending, i, 50);
			if (i % 2000 == 1999) {
				check_point(&p, k, &b, i, p.ends[i]);
				assert_true(comes_true(covered_now(&p) + INDEX_BLOCK > p.ends[i], 10));
			}
		}
		assert_true(assert_index_is_true(&p) + INDEX_BLOCK > p.log.len);
		keeper_stop(k);
		keeper_close(&k);
		blocks_reset(&b);
		buf_fini(&pending);
		finish(&p);
	}
}

static void
an_event_that_cannot_be_read_blinds_until_the_file_is_another(void **state)
{
	(void)state;
	static const uint8_t none[] = {0xc1, 0xc1, 0xc1};
	struct place p;
	struct blocks b = {0};
	struct buf pending = {0};
	begin(&p);
	for (unsigned i = 0; i < EVENTS; i++)
		go_by(&p, &b, &pending, i, 50);
	buf_put(&pending, none, sizeof none);
	blocks_add(&b, p.log.len, &pending, (struct bytes){none, sizeof none}, sizeof none);
	assert_null(blocks_take(&b));
	buf_clear(&pending);
	blocks_flushed(&b, &pending);
	for (unsigned i = 0; i < EVENTS; i++)
		go_by(&p, &b, &pending, i, 50);
	assert_null(blocks_take(&b));
	blocks_reset(&b);
	buf_clear(&pending);
	for (unsigned i = 0; i < EVENTS; i++)
		go_by(&p, &b, &pending, i, 50);
	struct block *list = blocks_take(&b);
	assert_non_null(list);
	blocks_free(&list);
	blocks_reset(&b);
	buf_fini(&pending);
	finish(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_went_by_makes_the_index_that_reading_makes),
	    cmocka_unit_test(the_keeper_reads_only_what_went_by_unseen),
	    cmocka_unit_test(an_event_that_cannot_be_read_blinds_until_the_file_is_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
