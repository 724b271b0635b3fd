/* SPDX-License-Identifier: ISC */
/* What a forwarder keeps on disk: the list of upstreams, the cursor in two generations, the quarantine. */
/* LIBS: -Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=pwrite */
#include "tests/unit/oxd_world.h"

#include "oxd/forward_cursor.h"
#include "oxd/forward_feed.h"
#include "oxd/quarantine.h"
#include "oxd/upstream.h"

static void
addresses_name_the_collection_port_the_relay_port_or_an_original_daemon(void **state)
{
	static const struct {
		const char *text, *endpoint;
		bool push;
	} good[] = {
	    {"master:3514", "tcp://master:3515", false},
	    {"master", "tcp://master:3515", false},
	    {"[::1]:4000", "tcp://[::1]:4001", false},
	    {"relay://master:4000", "tcp://master:4000", false},
	    {"relay://master", "tcp://master:3515", false},
	    {"push://master:4000", "tcp://master:4000", true},
	    {"push://master", "tcp://master:3514", true},
	    {"ipc:///run/x", "ipc:///run/x.relay", false},
	    {"relay://ipc:///run/y", "ipc:///run/y", false},
	};
	static const char *const bad[] = {
	    "", "host:0", "*:3514", "host:65535", "host:port", "push://", "relay://:1", "a b:1"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct upstream u;
		const char *wrong = upstream_parse(good[i].text, &u);
		if (wrong)
			fail_msg("%s: %s", good[i].text, wrong);
		assert_string_equal(u.endpoint, good[i].endpoint);
		assert_int_equal(u.push, good[i].push);
		assert_string_equal(u.text, good[i].text);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct upstream u;
		if (!upstream_parse(bad[i], &u))
			fail_msg("'%s' was taken as %s", bad[i], u.endpoint);
	}
}

static void
a_list_set_on_the_running_oxd_holds_until_the_settings_say_something_else(void **state)
{
	(void)state;
	char dir[128];
	world_make(dir);
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	struct upstreams settings = {0}, live = {0}, other = {0}, got;
	assert_null(upstreams_add(&settings, "first:1"));
	assert_null(upstreams_add(&live, "second:2"));
	assert_null(upstreams_add(&live, "third:3"));
	assert_null(upstreams_add(&live, "second:2")); /* there already */
	assert_int_equal(live.count, 2);
	assert_null(upstreams_add(&other, "fourth:4"));
	upstreams_load(fd, &settings, &got);
	assert_true(upstreams_equal(&got, &settings));
	assert_true(upstreams_save(fd, &settings, &live));
	upstreams_load(fd, &settings, &got);
	assert_true(upstreams_equal(&got, &live));
	upstreams_load(fd, &other, &got);
	assert_true(upstreams_equal(&got, &other));
	assert_true(upstreams_remove(&live, "second:2"));
	assert_false(upstreams_remove(&live, "second:2"));
	assert_string_equal(live.list[0].text, "third:3");
	for (unsigned i = 0; live.count < UPSTREAMS_MAX; i++) {
		char text[32];
		snprintf(text, sizeof text, "host%u:1", i);
		assert_null(upstreams_add(&live, text));
	}
	assert_non_null(upstreams_add(&live, "onemore:1"));
	close(fd);
	world_remove(dir);
}

static void
the_cursor_holds_the_journal_never_goes_back_and_survives_a_damaged_generation(void **state)
{
	(void)state;
	struct world w;
	struct forward_cursor c;
	uint64_t number = 0;
	world_init(&w, 4096);
	world_open(&w);
	int fd = open(w.dir, O_RDONLY | O_DIRECTORY);
	for (uint64_t n = 1; n <= 200; n++)
		assert_int_equal(world_append(&w, &world_push, "t", n), BX_OK);
	world_sync(&w);
	forward_cursor_open(&c, w.journal, fd, 0);
	assert_true(forward_cursor_save(&c, 0, true)); /* 0 is a place too: a restart must not begin elsewhere */
	assert_true(forward_cursor_read(fd, &number));
	forward_cursor_close(&c, true);
	forward_cursor_open(&c, w.journal, fd, 100);
	assert_true(forward_cursor_save(&c, 0, true)); /* where it begins is durable at once */
	assert_true(forward_cursor_read(fd, &number));
	assert_int_equal(number, 100);
	forward_cursor_move(&c, 150);
	forward_cursor_move(&c, 120);
	assert_int_equal(atomic_load(&c.number), 150);
	assert_true(forward_cursor_save(&c, 1, false)); /* not due: nothing is written */
	assert_true(forward_cursor_read(fd, &number));
	assert_int_equal(number, 100);
	assert_true(forward_cursor_save(&c, 2000000000, false));
	assert_true(forward_cursor_read(fd, &number));
	assert_int_equal(number, 150);
	char path[200];
	snprintf(path, sizeof path, "%s/forward", w.dir);
	int file = open(path, O_WRONLY | O_TRUNC);
	assert_true(file >= 0);
	close(file);
	assert_true(forward_cursor_read(fd, &number));
	assert_int_equal(number, 100);
	forward_cursor_close(&c, false);
	forward_cursor_open(&c, w.journal, fd, 7);
	assert_int_equal(atomic_load(&c.number), 100);
	forward_cursor_close(&c, true);
	assert_false(forward_cursor_read(fd, &number));
	close(fd);
	world_fini(&w);
}

static void
what_was_dropped_counts_as_missed_once_however_often_a_session_begins_anew(void **state)
{
	(void)state;
	struct world w;
	struct forward_feed f;
	uint64_t n = 0, lo, hi;
	world_init(&w, 4096);
	w.config.max_bytes = 5 * 4096;
	w.config.drop_oldest = true;
	world_open(&w);
	journal_cursor_move(w.journal, journal_cursor_add(w.journal, 0, 0), 0, 0);
	forward_feed_init(&f, w.journal, &w.stats, NULL, NULL);
	for (int drops = 0; drops < 3; drops++) {
		struct segment *s;
		while (world_append(&w, &world_push, "t", n + 1) == BX_OK)
			n++;
		world_snapshot_now(&w);
		assert_true(journal_doom_oldest(w.journal, &s, &lo, &hi));
		journal_give_segment(w.journal, &s);
		world_sync(&w);
		journal_drop_doomed(w.journal);
		for (int session = 0; session < 3; session++) {
			forward_feed_seek(&f, session == 2 ? hi - 1 : 0);
			assert_true(forward_feed_next(&f));
			assert_int_equal(f.record.number, hi + 1);
			assert_int_equal(stats_get(&w.stats, STAT_forward_missed), hi);
		}
	}
	forward_feed_fini(&f);
	world_fini(&w);
}

static void
a_frame_in_quarantine_is_whole_under_its_name_or_the_disk_said_no(void **state)
{
	(void)state;
	char dir[128], name[QUARANTINE_NAME], path[256];
	uint8_t back[4096];
	struct buf frame = {0};
	world_make(dir);
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	world_frame(&frame, "t", 77);
	fault_set(&fault_pwrite, 0, 1, ENOSPC);
	assert_false(quarantine_keep(fd, (struct bytes){frame.data, frame.len}, name));
	assert_int_equal(errno, ENOSPC);
	for (int again = 0; again < 2; again++) {
		assert_true(quarantine_keep(fd, (struct bytes){frame.data, frame.len}, name));
		assert_string_equal(name, "quarantine/6f726967696e00000000000000000000-77.frame");
		snprintf(path, sizeof path, "%s/%s", dir, name);
		int file = open(path, O_RDONLY);
		assert_int_equal(read(file, back, sizeof back), frame.len);
		assert_memory_equal(back, frame.data, frame.len);
		close(file);
	}
	buf_fini(&frame);
	close(fd);
	world_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_name_the_collection_port_the_relay_port_or_an_original_daemon),
	    cmocka_unit_test(a_list_set_on_the_running_oxd_holds_until_the_settings_say_something_else),
	    cmocka_unit_test(the_cursor_holds_the_journal_never_goes_back_and_survives_a_damaged_generation),
	    cmocka_unit_test(what_was_dropped_counts_as_missed_once_however_often_a_session_begins_anew),
	    cmocka_unit_test(a_frame_in_quarantine_is_whole_under_its_name_or_the_disk_said_no),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
