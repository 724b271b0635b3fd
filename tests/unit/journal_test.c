/* SPDX-License-Identifier: ISC */
/* journal: every cut, every flipped byte, and a disk that says no. */
/* LIBS: -Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=pwrite */
#include "tests/unit/oxd_world.h"

#include <sys/eventfd.h>

#include "oxd/say.h"

enum { SMALL = 4096 };

static void
append_many(struct world *w, uint64_t from, uint64_t upto)
{
	for (uint64_t n = from; n <= upto; n++)
		assert_int_equal(world_append(w, &world_push, "t", n), BX_OK);
}

/* Reads what is synced and checks that numbers grow by one; fills seen[] with the frames' own numbers. */
static unsigned
read_all(struct world *w, uint64_t *seen, unsigned cap)
{
	struct reader r;
	struct record rec;
	unsigned count = 0;
	reader_init(&r, w->journal, 1);
	while (reader_next(&r, &rec) == BX_OK) {
		assert_int_equal(rec.number, r.next - 1);
		if (rec.frame.n == 0)
			continue;
		assert_true(count < cap);
		seen[count++] = world_number_of(&rec);
	}
	reader_fini(&r);
	return count;
}

static void
assert_has(struct world *w, uint64_t upto)
{
	uint64_t seen[1000];
	unsigned count = read_all(w, seen, COUNT_OF(seen));
	assert_int_equal(count, upto);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(seen[i], i + 1);
}

/* The path of the only, or newest, segment. */
static void
segment_path(struct world *w, char out[512])
{
	char dir[256], newest[256] = "";
	snprintf(dir, sizeof dir, "%s/journal", w->dir);
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		uint64_t first;
		if (segment_is_name(e->d_name, &first) && strcmp(e->d_name, newest) > 0)
			snprintf(newest, sizeof newest, "%s", e->d_name);
	}
	closedir(d);
	assert_true(newest[0]);
	snprintf(out, 512, "%s/%s", dir, newest);
}

static size_t
load(const char *path, uint8_t *out, size_t cap)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, out, cap);
	close(fd);
	assert_true(n > 0);
	return (size_t)n;
}

static void
store(const char *path, const uint8_t *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

/* Puts the directory back as it was with only this segment. */
static void
restore(struct world *w, const char *path, const uint8_t *p, size_t n)
{
	char dir[256];
	snprintf(dir, sizeof dir, "%s/journal", w->dir);
	world_remove(dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	store(path, p, n);
}

static void
what_is_appended_is_read_again_across_segments_and_starts(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, SMALL);
	world_open(&w);
	append_many(&w, 1, 100);
	world_sync(&w);
	assert_has(&w, 100);
	uint64_t bytes, segments;
	journal_usage(w.journal, &bytes, &segments);
	assert_true(segments > 2);
	for (uint64_t upto = 150; upto <= 300; upto += 50) {
		world_close(&w);
		world_open(&w);
		assert_int_equal(w.replayed, upto - 50);
		append_many(&w, upto - 49, upto);
		world_sync(&w);
		assert_has(&w, upto);
	}
	assert_int_equal(stats_get(&w.stats, STAT_journal_lost), 0);
	world_fini(&w);
}

static void
nothing_is_read_before_it_is_synced(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, SMALL);
	world_open(&w);
	append_many(&w, 1, 3);
	world_sync(&w);
	fault_set(&fault_fdatasync, 0, 1000, EIO); /* and then the rescue fails as well */
	append_many(&w, 4, 5);
	journal_sync_soon(w.journal);
	assert_true(comes_true(journal_state(w.journal) == JOURNAL_FAILED, 10));
	assert_int_equal(journal_synced(w.journal), 3);
	assert_has(&w, 3);
	assert_int_equal(world_append(&w, &world_push, "t", 6), BX_EFULL);
	assert_has(&w, 3);
	assert_false(journal_has_room(w.journal, 1));
	world_close(&w);
	atomic_store(&fault_fdatasync.left, -1);
	/* What the kernel kept is found by the next start all the same. */
	world_open(&w);
	assert_has(&w, 5);
	world_fini(&w);
}

/* Whatever the disk refuses, and however often: when it takes bytes again all that was appended is there, in order. */
static void
when_the_disk_gets_well_everything_appended_is_there(void **state)
{
	(void)state;
	static const int whys[] = {EIO, ENOSPC, EROFS};
	for (unsigned i = 0; i < COUNT_OF(whys); i++) {
		struct world w;
		world_init(&w, SMALL);
		world_open(&w);
		append_many(&w, 1, 3);
		world_sync(&w);
		fault_set(&fault_fdatasync, 0, 1000, whys[i]);
		fault_set(&fault_pwrite, 1, 1000, whys[i]);
		world_append(&w, &world_push, "t", 4); /* into the batch, or the kernel; it will not be durable */
		journal_sync_soon(w.journal);
		assert_true(comes_true(journal_state(w.journal) != JOURNAL_RUNS, 10));
		char text[200];
		assert_int_equal(journal_state(w.journal), whys[i] == ENOSPC ? JOURNAL_NO_SPACE : JOURNAL_FAILED);
		assert_non_null(strstr(journal_state_text(w.journal, text, sizeof text), strerror(whys[i])));
		assert_has(&w, 3);
		atomic_store(&fault_fdatasync.left, -1);
		atomic_store(&fault_pwrite.left, -1);
		assert_true(comes_true(journal_state(w.journal) == JOURNAL_RUNS, 10));
		assert_int_equal(journal_write(w.journal), BX_OK);
		append_many(&w, 5, 60);
		world_sync(&w);
		assert_int_equal(journal_state(w.journal), JOURNAL_RUNS);
		assert_has(&w, 60);
		world_close(&w);
		world_open(&w);
		assert_has(&w, 60);
		assert_int_equal(stats_get(&w.stats, STAT_journal_lost), 0);
		world_fini(&w);
	}
}

static void
who_listens_is_told_of_each_sync_until_it_listens_no_more(void **state)
{
	(void)state;
	struct world w;
	uint64_t told;
	int first = eventfd(0, EFD_NONBLOCK), second = eventfd(0, EFD_NONBLOCK);
	world_init(&w, SMALL);
	world_open(&w);
	journal_listen(w.journal, first);
	journal_listen(w.journal, second);
	append_many(&w, 1, 2);
	world_sync(&w);
	assert_true(comes_true(read(first, &told, sizeof told) == sizeof told, 10));
	assert_true(comes_true(read(second, &told, sizeof told) == sizeof told, 10));
	journal_listen_no_more(w.journal, first);
	while (read(first, &told, sizeof told) > 0)
		;
	append_many(&w, 3, 4);
	world_sync(&w);
	assert_true(comes_true(read(second, &told, sizeof told) == sizeof told, 10));
	assert_int_equal(read(first, &told, sizeof told), -1);
	journal_listen_no_more(w.journal, second);
	world_fini(&w);
	close(first);
	close(second);
}

/* The appender's own counts are ahead of the sync thread's: readers must never be taken back. */
static void
without_syncs_what_is_written_counts_at_once_and_stays(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, SMALL);
	w.config.sync = JOURNAL_SYNC_NEVER;
	world_open(&w);
	uint64_t rounds = 0, segments = 0, bytes, now;
	for (uint64_t n = 1; n <= 600; n++) { /* each segment made is a sync of the directory, beside this */
		assert_int_equal(world_append(&w, &world_push, "t", n), BX_OK);
		assert_int_equal(journal_synced(w.journal), n);
		journal_usage(w.journal, &bytes, &now);
		if (now > segments) { /* until that thread has finished a round because of it */
			journal_sync_soon(w.journal);
			assert_true(comes_true(stats_get(&w.stats, STAT_journal_syncs) > rounds, 10));
			rounds = stats_get(&w.stats, STAT_journal_syncs);
			segments = now;
		}
		assert_int_equal(journal_synced(w.journal), n);
	}
	assert_has(&w, 600);
	world_fini(&w);
}

static void
a_journal_cut_at_any_length_keeps_every_whole_record_and_goes_on(void **state)
{
	(void)state;
	struct world w;
	uint8_t whole[SMALL], cut[SMALL], now[SMALL];
	char path[512];
	world_init(&w, SMALL);
	world_open(&w);
	append_many(&w, 1, 5);
	world_close(&w);
	segment_path(&w, path);
	size_t n = load(path, whole, sizeof whole), used = n;
	size_t record_size =
	    (record_length(whole + SEGMENT_HEADER) + 7U) & ~7U; /* of all five: their numbers are small */
	while (used > 0 && whole[used - 1] == 0)
		used--;
	for (size_t len = SEGMENT_HEADER; len <= used + 8; len++) {
		for (int zeroes = 0; zeroes < 2;
		     zeroes++) { /* a short file, and one whose rest never got to the disk */
			memset(cut, 0, sizeof cut);
			memcpy(cut, whole, len);
			restore(&w, path, cut, zeroes ? n : len);
			world_open(&w);
			uint64_t kept = journal_last(w.journal);
			assert_true(kept <= 5 && w.replayed == kept);
			assert_int_equal(stats_get(&w.stats, STAT_journal_lost), 0);
			size_t end = SEGMENT_HEADER + kept * record_size, left = load(path, now, sizeof now);
			for (size_t at = end; at < left; at++)
				assert_int_equal(now[at], 0); /* what is cut can never be found again */
			append_many(&w, kept + 1, kept + 3);
			world_sync(&w);
			assert_has(&w, kept + 3);
			world_close(&w);
			world_open(&w);
			assert_has(&w, kept + 3);
			world_close(&w);
			if (len >= used)
				assert_int_equal(kept, 5);
		}
	}
	world_fini(&w);
}

static void
a_flipped_byte_costs_only_its_own_record_and_is_told(void **state)
{
	(void)state;
	struct world w;
	uint8_t whole[SMALL], bad[SMALL];
	char path[512];
	world_init(&w, SMALL);
	world_open(&w);
	append_many(&w, 1, 4);
	world_close(&w);
	segment_path(&w, path);
	size_t n = load(path, whole, sizeof whole), used = n;
	while (used > 0 && whole[used - 1] == 0)
		used--;
	for (size_t at = SEGMENT_HEADER; at < used; at++) {
		uint64_t seen[16];
		memcpy(bad, whole, n);
		bad[at] ^= 0x41;
		restore(&w, path, bad, n);
		world_open(&w);
		unsigned count = read_all(&w, seen, COUNT_OF(seen));
		uint64_t lost = stats_get(&w.stats, STAT_journal_lost);
		assert_true(count == 3 || count == 4); /* 4: padding, which nothing covers and nothing needs */
		/* Damage before the last record is told; behind the last whole one it is the cut end of what never counted. */
		assert_true(lost == (count == 3 && seen[2] == 4));
		for (unsigned i = 1; i < count; i++)
			assert_true(seen[i] > seen[i - 1]);
		world_close(&w);
		world_open(&w); /* and is not told again */
		assert_int_equal(read_all(&w, seen, COUNT_OF(seen)), count);
		world_close(&w);
	}
	world_fini(&w);
}

/* A power cut takes the unsynced end of one file and leaves the next one whole. */
static void
a_segment_that_has_lost_its_end_is_left_for_the_next(void **state)
{
	(void)state;
	struct world w;
	uint8_t bytes[SMALL];
	char path[512];
	uint64_t seen[200] = {0};
	world_init(&w, SMALL);
	world_open(&w);
	append_many(&w, 1, 20);
	segment_path(&w, path);
	append_many(&w, 21, 100);
	world_close(&w);
	size_t n = load(path, bytes, sizeof bytes);
	memset(bytes + n / 2, 0, n - n / 2);
	store(path, bytes, n);
	for (int start = 0; start < 3; start++) {
		world_open(&w);
		unsigned count = read_all(&w, seen, COUNT_OF(seen));
		assert_true(count > 80 && count < 100);
		assert_int_equal(seen[count - 1], 100);
		world_close(&w);
	}
	world_fini(&w);
}

static void
bytes_of_an_event_that_look_like_a_record_never_pass_for_one(void **state)
{
	(void)state;
	struct world w;
	uint8_t whole[SMALL];
	char path[512];
	world_init(&w, SMALL);
	world_open(&w);
	append_many(&w, 1, 2);
	/* A body with records numbered as the next one, at every alignment, under the seed that a guess would take. */
	struct buf record = {0}, map = {0}, frame = {0};
	record_put(&record, 0, 4, 1, &world_push, (struct bytes){NULL, 0});
	mp_add_map(&map, 1);
	mp_add_strz(&map, "x");
	size_t each = record.len + 1;
	uint8_t body[512] = {0};
	for (size_t i = 0; i < 8; i++)
		memcpy(body + i * each, record.data, record.len);
	mp_add_bin(&map, body, 8 * each);
	frame_start(&frame);
	frame_add(&frame, 0, (struct bytes){(const uint8_t *)"t", 1}, 0, (struct bytes){map.data, map.len});
	assert_int_equal(frame_seal(&frame, 0, (const uint8_t *)"0123456789abcdef", 3), BX_OK);
	journal_append(w.journal, &world_push, (struct bytes){frame.data, frame.len});
	assert_int_equal(journal_write(w.journal), BX_OK);
	world_close(&w);
	segment_path(&w, path);
	size_t n = load(path, whole, sizeof whole);
	size_t one = (record_length(whole + SEGMENT_HEADER) + 7U) & ~7U;
	whole[SEGMENT_HEADER + 2 * one + 8] ^= 1; /* the third is damaged, its body is not */
	store(path, whole, n);
	world_open(&w);
	assert_int_equal(journal_last(w.journal), 2);
	assert_has(&w, 2);
	buf_fini(&record);
	buf_fini(&map);
	buf_fini(&frame);
	world_fini(&w);
}

static void
a_segment_without_a_valid_header_is_kept_aside_and_numbers_never_come_again(void **state)
{
	(void)state;
	struct world w;
	uint8_t whole[SMALL], bad[SMALL];
	char path[512], aside[600];
	world_init(&w, SMALL);
	world_open(&w);
	append_many(&w, 1, 4);
	world_close(&w);
	segment_path(&w, path);
	size_t n = load(path, whole, sizeof whole);
	for (size_t at = 0; at < SEGMENT_HEADER; at++) {
		memcpy(bad, whole, n);
		bad[at] ^= 1;
		restore(&w, path, bad, n);
		assert_int_equal(world_try_open(&w, 4), BX_OK); /* the log writer's checkpoint says 4 */
		snprintf(aside, sizeof aside, "%s.damaged", path);
		assert_int_equal(access(aside, F_OK), 0);
		assert_int_equal(journal_last(w.journal), 4);
		assert_int_equal(world_append(&w, &world_push, "t", 5), BX_OK);
		assert_int_equal(journal_last(w.journal), 5);
		world_close(&w);
	}
	world_fini(&w);
}

static void
records_of_an_earlier_use_of_a_file_never_come_back(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, SMALL);
	world_open(&w);
	struct buf snapshot = {0};
	uint64_t upto = 0;
	for (int round = 0; round < 8; round++) {
		append_many(&w, upto + 1, upto + 60);
		upto += 60;
		world_sync(&w);
		buf_clear(&snapshot);
		positions_encode(&w.positions, upto, &snapshot);
		journal_offer_snapshot(w.journal, upto, &snapshot);
		for (int i = 0; i < 1000 && journal_snapshot_covers(w.journal) < upto; i++)
			journal_wait(w.journal, upto + 1, 1);
		assert_int_equal(journal_snapshot_covers(w.journal), upto);
		world_pass(&w, upto);
		world_close(&w);
		world_open(&w);
		assert_int_equal(w.replayed, 0);
		assert_int_equal(journal_last(w.journal), upto);
		assert_int_equal(stats_get(&w.stats, STAT_journal_lost), 0);
	}
	world_fini(&w);
}

static void
after_a_failed_sync_the_same_numbers_are_in_a_new_segment(void **state)
{
	(void)state;
	for (int after = 0; after < 6; after++) {
		struct world w;
		world_init(&w, SMALL);
		world_open(&w);
		append_many(&w, 1, 3);
		world_sync(&w);
		fault_set(&fault_fdatasync, after, 1, EIO);
		for (uint64_t n = 4; n < 84; n += 10) {
			append_many(&w, n, n + 9);
			world_sync(&w);
		}
		assert_int_equal(stats_get(&w.stats, STAT_journal_sync_failures), 1);
		assert_int_equal(journal_state(w.journal), JOURNAL_RUNS);
		assert_has(&w, 83);
		world_close(&w);
		world_open(&w);
		assert_has(&w, 83);
		assert_int_equal(stats_get(&w.stats, STAT_journal_lost), 0);
		world_fini(&w);
	}
}

static void
after_a_failed_write_the_same_numbers_are_in_a_new_segment(void **state)
{
	(void)state;
	for (int after = 0; after < 40; after++) {
		struct world w;
		world_init(&w, SMALL);
		world_open(&w);
		fault_set(&fault_pwrite, after, 1, EIO);
		uint64_t n = 1;
		for (int tries = 0; n <= 60 && tries < 100; tries++)
			if (world_append(&w, &world_push, "t", n) != BX_EFULL)
				n++; /* BX_EFULL: the segment could not be made, try again */
		world_sync(&w);
		atomic_store(&fault_pwrite.left, -1);
		assert_has(&w, 60);
		world_close(&w);
		world_open(&w);
		assert_has(&w, 60);
		world_fini(&w);
	}
}

static void
at_its_size_it_blocks_and_goes_on_when_the_oldest_may_go(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, SMALL);
	w.config.max_bytes = 4 * SMALL;
	world_open(&w);
	uint64_t n = 0;
	while (world_append(&w, &world_push, "t", n + 1) == BX_OK)
		n++;
	assert_int_equal(journal_state(w.journal), JOURNAL_FULL);
	uint64_t bytes, segments;
	journal_usage(w.journal, &bytes, &segments);
	assert_true(bytes <= w.config.max_bytes);
	world_sync(&w);
	world_pass(&w, n); /* no snapshot covers it: nothing goes */
	assert_int_equal(world_append(&w, &world_push, "t", n + 1), BX_EFULL);
	struct buf snapshot = {0};
	positions_encode(&w.positions, n, &snapshot);
	journal_offer_snapshot(w.journal, n, &snapshot);
	for (int i = 0; i < 1000 && journal_snapshot_covers(w.journal) < n; i++)
		journal_wait(w.journal, n + 1, 1);
	world_pass(&w, n);
	assert_int_equal(world_append(&w, &world_push, "t", n + 1), BX_OK);
	assert_int_equal(journal_state(w.journal), JOURNAL_RUNS);
	world_fini(&w);
}

/* One record that tells of lo .. hi, as ingest writes it. */
static void
tell_lost(struct world *w, uint64_t lo, uint64_t hi)
{
	struct source lost = {.kind = SOURCE_LOST, .lost = {lo, hi}};
	struct buf frame = {0};
	world_frame(&frame, "blueox.dropped", 100000 + hi);
	journal_append(w->journal, &lost, (struct bytes){frame.data, frame.len});
	assert_int_equal(journal_write(w->journal), BX_OK);
	buf_fini(&frame);
}

/* A reader that had done with `done` finds every later record once, but for what was told to be dropped. */
static void
what_is_dropped_is_told_first_and_nothing_else_is_missing(void **state)
{
	(void)state;
	for (int killed = 0; killed < 2; killed++) {
		struct world w;
		world_init(&w, SMALL);
		w.config.max_bytes = 5 * SMALL;
		w.config.drop_oldest = true;
		world_open(&w);
		enum { DONE = 7 };
		unsigned cursor = journal_cursor_add(w.journal, 3, DONE);
		journal_cursor_move(w.journal, cursor, 3, DONE);
		struct reader r;
		struct record rec;
		reader_init(&r, w.journal, DONE + 1);
		uint64_t n = 0, gaps = 0, last_hi = DONE;
		for (int drops = 0; drops < 8;) {
			if (world_append(&w, &world_push, "t", n + 1) == BX_OK) {
				n++;
				continue;
			}
			assert_int_equal(journal_state(w.journal), JOURNAL_DROPS);
			struct segment *s;
			uint64_t lo, hi;
			if (drops == 0) /* no snapshot covers it yet */
				assert_false(journal_doom_oldest(w.journal, &s, &lo, &hi));
			world_snapshot_now(&w);
			assert_true(journal_doom_oldest(w.journal, &s, &lo, &hi));
			assert_true(lo == last_hi + 1 && hi >= lo);
			journal_give_segment(w.journal, &s);
			gaps += hi - lo + 1;
			last_hi = hi;
			tell_lost(&w, lo, hi);
			world_sync(&w);
			if (drops == 5) { /* in the middle of it */
				assert_int_equal(reader_next(&r, &rec), BX_OK);
				assert_int_equal(rec.number, hi + 1);
			}
			if (drops == 7 && killed) { /* told, and not yet gone: it must not come back */
				reader_fini(&r);
				world_close(&w);
				world_open(&w);
				assert_int_equal(journal_doomed(w.journal), hi);
				reader_init(&r, w.journal, DONE + 1);
			}
			journal_drop_doomed(w.journal);
			drops++;
		}
		world_sync(&w);
		uint64_t next = r.next;
		while (reader_next(&r, &rec) == BX_OK) {
			assert_true(rec.number == next || (rec.number == last_hi + 1 && next <= last_hi));
			next = rec.number + 1;
		}
		assert_int_equal(next, journal_last(w.journal) + 1);
		assert_int_equal(r.gone, killed ? last_hi - DONE : gaps - 1); /* one was read in time */
		assert_int_equal(r.damaged, 0);
		reader_fini(&r);
		world_fini(&w);
	}
}

static void
ring_positions_and_reported_drops_survive_with_and_without_a_snapshot(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, SMALL);
	world_open(&w);
	struct source ring = {.kind = SOURCE_RING, .ring = {.key = {.ino = 7, .uid = 8, .nonce = "nonce"}}};
	struct source own = {.kind = SOURCE_OWN, .own = {.key = ring.ring.key, .reported = {.bytes = 5, .by = {3, 2}}}};
	for (uint64_t n = 1; n <= 40; n++) {
		ring.ring.from = n * 100;
		ring.ring.to = n * 100 + 100;
		own.own.reported.by[0] = n;
		assert_int_equal(world_append(&w, &ring, "t", n), BX_OK);
		assert_int_equal(world_append(&w, &own, "blueox.dropped", n), BX_OK);
		if (n == 20) {
			struct buf snapshot = {0};
			world_sync(&w);
			positions_encode(&w.positions, journal_last(w.journal), &snapshot);
			journal_offer_snapshot(w.journal, journal_last(w.journal), &snapshot);
		}
	}
	for (int prev = 0; prev < 3; prev++) {
		world_close(&w);
		char path[256];
		snprintf(path, sizeof path, "%s/snapshot", w.dir);
		if (prev == 1)
			store(path, (const uint8_t *)"damaged", 7);
		if (prev == 2)
			unlink(path);
		world_open(&w);
		const struct position *p = positions_find(&w.positions, &ring.ring.key);
		assert_non_null(p);
		assert_int_equal(p->to, 4100);
		assert_int_equal(p->reported.by[0], 40);
		assert_int_equal(p->reported.by[1], 2);
		assert_int_equal(p->reported.bytes, 5);
	}
	world_fini(&w);
}

static void
a_reader_that_is_too_late_is_told_how_much_it_missed(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, SMALL);
	world_open(&w);
	append_many(&w, 1, 100);
	world_sync(&w);
	struct reader r;
	struct record rec;
	reader_init(&r, w.journal, 1);
	assert_int_equal(reader_next(&r, &rec), BX_OK);
	struct buf snapshot = {0};
	positions_encode(&w.positions, 100, &snapshot);
	journal_offer_snapshot(w.journal, 100, &snapshot);
	for (int i = 0; i < 1000 && journal_snapshot_covers(w.journal) < 100; i++)
		journal_wait(w.journal, 101, 1);
	world_pass(&w, 100);
	append_many(&w, 101, 300); /* passed files are written again, under its feet */
	world_sync(&w);
	uint64_t count = 1, last = 1;
	while (reader_next(&r, &rec) == BX_OK) {
		assert_true(rec.number > last);
		last = rec.number;
		assert_int_equal(world_number_of(&rec), last);
		count++;
	}
	assert_int_equal(last, 300);
	assert_int_equal(count + r.gone + r.damaged, 300);
	reader_fini(&r);
	world_fini(&w);
}

static void
every_kind_of_source_reads_back(void **state)
{
	(void)state;
	const struct source sources[] = {
	    {.kind = SOURCE_ORIGIN, .origin = "0123456789abcde"},
	    {.kind = SOURCE_RING,
		.ring = {.key = {.ino = UINT64_MAX, .uid = 1, .nonce = "n"}, .from = 1, .to = UINT64_MAX}},
	    {.kind = SOURCE_PUSH},
	    {.kind = SOURCE_OWN, .own = {.key = {.ino = 2}, .reported = {9, {1, 2, 3, 4, 5, 6, 7, 8}}}},
	    {.kind = SOURCE_LOST, .lost = {3, 4}},
	};
	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		struct buf b = {0};
		struct record rec;
		record_put(&b, 42, 7, 8, &sources[i], (struct bytes){(const uint8_t *)"frame", 5});
		assert_int_equal(b.len % 8, 0);
		assert_int_equal(record_read(b.data, b.len, 42, &rec), BX_OK);
		assert_int_equal(rec.number, 7);
		assert_int_equal(rec.arrival_ns, 8);
		assert_int_equal(rec.frame.n, 5);
		assert_memory_equal(&rec.source, &sources[i], sizeof rec.source);
		assert_int_equal(record_read(b.data, b.len, 43, &rec), BX_ESUM); /* of another segment */
		for (size_t n = 0; n < RECORD_HEADER + 5; n++)
			assert_int_not_equal(record_read(b.data, n, 42, &rec), BX_OK);
		buf_fini(&b);
	}
}

static void
sources_of_no_fixed_length_read_back(void **state)
{
	(void)state;
	const struct bytes some = {(const uint8_t *)"left out", 8};
	const struct source sources[] = {
	    {.kind = SOURCE_SIFTED, .ring = {.key = {.ino = 5}, .from = 1, .to = 9, .left_out = some}},
	    {.kind = SOURCE_CLIENTS_SIFTED, .clients.left_out = some},
	    {.kind = SOURCE_COUNTED,
		.counted = {.key = {.ino = 6}, .base = 1, .written = 2, .based = true, .host = "h", .program = ""}},
	    {.kind = SOURCE_ACCOUNT, .account.since_ns = 77},
	};
	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		struct buf b = {0};
		struct record rec;
		const struct source *s = &rec.source;
		record_put(&b, 42, 7, 8, &sources[i], (struct bytes){(const uint8_t *)"frame", 5});
		assert_int_equal(record_read(b.data, b.len, 42, &rec), BX_OK);
		assert_int_equal(s->kind, sources[i].kind);
		assert_int_equal(rec.frame.n, 5);
		assert_memory_equal(rec.frame.p, "frame", 5);
		if (i == 0) {
			assert_int_equal(s->ring.key.ino + s->ring.from + s->ring.to, 15);
			assert_int_equal(s->ring.left_out.n, some.n);
			assert_memory_equal(s->ring.left_out.p, some.p, some.n);
		} else if (i == 1) {
			assert_int_equal(s->clients.left_out.n, some.n);
			assert_memory_equal(s->clients.left_out.p, some.p, some.n);
		} else if (i == 2) {
			assert_int_equal(s->counted.key.ino + s->counted.base + s->counted.written, 9);
			assert_true(s->counted.based);
			assert_string_equal(s->counted.host, "h");
			assert_string_equal(s->counted.program, "");
		} else {
			assert_int_equal(s->account.since_ns, 77);
		}
		buf_fini(&b);
	}
	/* Two names and nothing else: one that does not end, or bytes behind, is no such record. */
	struct source out;
	uint8_t bytes[SOURCE_MAX];
	size_t n = source_encode(&sources[2], bytes);
	assert_true(source_decode(SOURCE_COUNTED, bytes, n, &out));
	assert_false(source_decode(SOURCE_COUNTED, bytes, n - 1, &out));
	bytes[n] = 0;
	assert_false(source_decode(SOURCE_COUNTED, bytes, n + 1, &out));
}

/* The dump in doc/JOURNAL.md is of this file. */
static void
the_golden_segment_reads_as_it_always_did(void **state)
{
	(void)state;
	struct world w;
	uint8_t golden[SMALL];
	char path[512];
	world_init(&w, SMALL);
	size_t n = load("tests/golden/journal_v1.seg", golden, sizeof golden);
	snprintf(path, sizeof path, "%s/journal", w.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/journal/0000000000000001.seg", w.dir);
	store(path, golden, n);
	world_open(&w);
	assert_int_equal(journal_last(w.journal), 2);
	assert_int_equal(stats_get(&w.stats, STAT_journal_lost) + stats_get(&w.stats, STAT_journal_torn), 0);
	struct reader r;
	struct record rec;
	struct frame frame;
	struct frame_event ev;
	reader_init(&r, w.journal, 1);
	assert_int_equal(reader_next(&r, &rec), BX_OK);
	assert_int_equal(rec.source.kind, SOURCE_ORIGIN);
	assert_memory_equal(rec.source.origin, "\x47\xe5\x6f\xe6", 4);
	assert_int_equal(reader_next(&r, &rec), BX_OK);
	assert_int_equal(rec.source.kind, SOURCE_RING);
	assert_int_equal(rec.arrival_ns, 0x18ea6d5123ba00c5);
	assert_int_equal(rec.source.ring.from, 0x40000);
	assert_int_equal(rec.source.ring.to, 0x400a8);
	assert_int_equal(rec.source.ring.key.ino, 0xa78148);
	assert_int_equal(frame_open(rec.frame.p, rec.frame.n, &frame), BX_OK);
	assert_int_equal(frame.seq, 1);
	assert_true(frame_next(&frame, &ev));
	assert_int_equal(ev.map.n, 138);
	assert_memory_equal(ev.type.p, "load", 4);
	reader_fini(&r);
	world_fini(&w);
}

/* Reads up to `upto`; each frame holds, and has its record's number. */
static void
read_on(struct reader *r, uint64_t upto)
{
	struct record rec;
	struct frame frame;
	while (r->next <= upto) {
		assert_int_equal(reader_next(r, &rec), BX_OK);
		assert_int_equal(frame_open(rec.frame.p, rec.frame.n, &frame), BX_OK);
		assert_int_equal(frame.seq, rec.number);
	}
}

enum { BIG = 50000 };

static void
append_big(struct world *w, uint64_t n)
{
	static uint8_t map[BIG];
	static const uint8_t origin[FRAME_ORIGIN] = "origin";
	struct buf frame = {0};
	frame_start(&frame);
	frame_add(&frame, 0, (struct bytes){(const uint8_t *)"t", 1}, 1.5, (struct bytes){map, BIG - n % 997});
	frame_seal(&frame, 0, origin, n);
	if (!journal_has_room(w->journal, frame.len)) {
		assert_int_equal(journal_write(w->journal), BX_OK);
		assert_int_equal(journal_roll(w->journal, frame.len), BX_OK);
	}
	journal_append(w->journal, &world_push, (struct bytes){frame.data, frame.len});
	buf_fini(&frame);
}

static void
write_and_sync(struct world *w)
{
	assert_int_equal(journal_write(w->journal), BX_OK);
	world_sync(w);
}

/* Memory has the newest megabytes only: readers go back and forth between it and the files, and each sees the same. */
static void
readers_far_behind_and_close_by_read_the_same(void **state)
{
	(void)state;
	enum { RECORDS = 600, CLOSE = 3 };
	struct world w;
	struct reader far, close_by, halting;
	world_init(&w, 4 << 20);
	world_open(&w);
	reader_init(&far, w.journal, 1);
	reader_init(&close_by, w.journal, 1);
	reader_init(&halting, w.journal, 1);
	for (uint64_t n = 1; n <= RECORDS; n++) {
		append_big(&w, n);
		if (n % 7 == 0) {
			write_and_sync(&w);
			read_on(&close_by, n);
		}
		if (n == 7)
			read_on(&far, CLOSE); /* and it keeps what it was lent, while the rest goes by */
		if (n % 200 == 0)
			read_on(&halting, journal_synced(w.journal) - n % 3);
	}
	write_and_sync(&w);
	read_on(&far, RECORDS);
	read_on(&halting, RECORDS);
	read_on(&close_by, RECORDS);
	assert_int_equal(far.damaged + halting.damaged + close_by.damaged, 0);
	reader_fini(&far);
	reader_fini(&halting);
	reader_fini(&close_by);
	world_fini(&w);
}

/* Shown by files that hold nothing any more. */
static void
what_was_lent_stays_though_memory_goes_on(void **state)
{
	(void)state;
	enum { FIRST = 20, RECORDS = 600 };
	struct world w;
	struct reader r;
	char path[512];
	world_init(&w, 64 << 20);
	world_open(&w);
	for (uint64_t n = 1; n <= FIRST; n++)
		append_big(&w, n);
	write_and_sync(&w);
	reader_init(&r, w.journal, 1);
	read_on(&r, 1);
	for (uint64_t n = FIRST + 1; n <= RECORDS; n++) {
		append_big(&w, n);
		if (n % 20 == 0)
			write_and_sync(&w);
	}
	segment_path(&w, path);
	assert_int_equal(truncate(path, 4096), 0);
	read_on(&r, FIRST);
	assert_int_equal(r.damaged, 0);
	reader_fini(&r);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_of_source_reads_back),
	    cmocka_unit_test(sources_of_no_fixed_length_read_back),
	    cmocka_unit_test(the_golden_segment_reads_as_it_always_did),
	    cmocka_unit_test(what_is_appended_is_read_again_across_segments_and_starts),
	    cmocka_unit_test(nothing_is_read_before_it_is_synced),
	    cmocka_unit_test(readers_far_behind_and_close_by_read_the_same),
	    cmocka_unit_test(what_was_lent_stays_though_memory_goes_on),
	    cmocka_unit_test(when_the_disk_gets_well_everything_appended_is_there),
	    cmocka_unit_test(who_listens_is_told_of_each_sync_until_it_listens_no_more),
	    cmocka_unit_test(without_syncs_what_is_written_counts_at_once_and_stays),
	    cmocka_unit_test(what_is_dropped_is_told_first_and_nothing_else_is_missing),
	    cmocka_unit_test(a_journal_cut_at_any_length_keeps_every_whole_record_and_goes_on),
	    cmocka_unit_test(a_flipped_byte_costs_only_its_own_record_and_is_told),
	    cmocka_unit_test(a_segment_that_has_lost_its_end_is_left_for_the_next),
	    cmocka_unit_test(bytes_of_an_event_that_look_like_a_record_never_pass_for_one),
	    cmocka_unit_test(a_segment_without_a_valid_header_is_kept_aside_and_numbers_never_come_again),
	    cmocka_unit_test(records_of_an_earlier_use_of_a_file_never_come_back),
	    cmocka_unit_test(after_a_failed_sync_the_same_numbers_are_in_a_new_segment),
	    cmocka_unit_test(after_a_failed_write_the_same_numbers_are_in_a_new_segment),
	    cmocka_unit_test(at_its_size_it_blocks_and_goes_on_when_the_oldest_may_go),
	    cmocka_unit_test(ring_positions_and_reported_drops_survive_with_and_without_a_snapshot),
	    cmocka_unit_test(a_reader_that_is_too_late_is_told_how_much_it_missed),
	};
	say_init("oxd", -SAY_WARNING - 1); /* its complaints are what is tested */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
