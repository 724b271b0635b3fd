/* SPDX-License-Identifier: ISC */
/* origins: against a plain set, in any order, with gaps, limits and restarts. */
/* LIBS: -Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=pwrite */
#include "tests/unit/oxd_world.h"

#include "libbx/core/rand.h"
#include "oxd/origins.h"

enum { ORIGINS = 6, SEQS = 400 };

/* The model: which (origin, seq) are in. */
struct set {
	bool in[ORIGINS][SEQS];
};

static const int64_t day_ns = 86400LL * 1000000000;

static void
name(unsigned origin, uint8_t id[FRAME_ORIGIN])
{
	memset(id, 0, FRAME_ORIGIN);
	id[0] = 'o';
	memcpy(id + 4, &origin, sizeof origin);
}

static bool
is_in(const struct origins *o, unsigned origin, uint64_t seq)
{
	uint8_t id[FRAME_ORIGIN];
	name(origin, id);
	return origins_look(o, id, seq, seq * 31) != ORIGIN_NEW;
}

static void
put(struct origins *o, unsigned origin, uint64_t seq, uint64_t via)
{
	uint8_t id[FRAME_ORIGIN];
	name(origin, id);
	origins_add(o, id, seq, seq * 31, via);
}

static void
assert_same(const struct origins *o, const struct set *set)
{
	for (unsigned g = 0; g < ORIGINS; g++)
		for (unsigned seq = 0; seq < SEQS; seq++)
			if (is_in(o, g, seq) != set->in[g][seq])
				fail_msg(
				    "origin %u seq %u: %s", g, seq, set->in[g][seq] ? "forgotten" : "never put in");
}

/* Through a snapshot, as a restart goes. */
static void
pass_on(struct origins *o)
{
	struct buf b = {0};
	struct cursor c;
	origins_encode(o, &b);
	assert_int_equal(b.err, BX_OK);
	origins_fini(o);
	cursor_init(&c, b.data, b.len);
	assert_int_equal(origins_decode(o, &c), BX_OK);
	assert_int_equal(cursor_left(&c), 0);
	buf_fini(&b);
}

/* One seq of an origin; steps are chosen so that there are never more than 64 ranges. */
static uint64_t
choose(struct rand *r, uint64_t *next)
{
	uint64_t x = rand_u64(r);
	if (x % 8 == 0)
		return x / 8 % SEQS; /* anywhere: late, or again */
	if (x % 8 == 1)
		*next += x / 8 % 3; /* a gap */
	return (*next)++ % SEQS;
}

static unsigned
ranges_of(const bool in[SEQS])
{
	unsigned n = 0;
	for (unsigned i = 0; i < SEQS; i++)
		n += in[i] && (i == 0 || !in[i - 1]);
	return n;
}

static void
it_is_a_plain_set_in_any_order_with_gaps_and_restarts(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct rand r = {{seed, 2, 3, 4}};
		struct origins o = {0};
		static struct set set;
		uint64_t next[ORIGINS] = {0};
		memset(&set, 0, sizeof set);
		for (int step = 0; step < 1500; step++) {
			unsigned g = (unsigned)(rand_u64(&r) % ORIGINS);
			uint64_t seq = choose(&r, &next[g]);
			if (is_in(&o, g, seq) != set.in[g][seq])
				fail_msg("seed %llu step %d: origin %u seq %llu", (unsigned long long)seed, step, g,
				    (unsigned long long)seq);
			set.in[g][seq] = true;
			if (ranges_of(set.in[g]) > ORIGIN_RANGES_MAX)
				set.in[g][seq] = is_in(&o, g, seq); /* more than it promises */
			else
				put(&o, g, seq, g % 3);
			if (rand_u64(&r) % 200 == 0)
				pass_on(&o);
		}
		assert_same(&o, &set);
		origins_fini(&o);
	}
}

static void
ends_of_the_numbers_are_ordinary_numbers(void **state)
{
	static const uint64_t ends[] = {UINT64_MAX, 0, UINT64_MAX - 1, 1, UINT64_MAX / 2};
	(void)state;
	struct origins o = {0};
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		assert_false(is_in(&o, 1, ends[i]));
		put(&o, 1, ends[i], 0);
		for (size_t k = 0; k < COUNT_OF(ends); k++)
			assert_int_equal(is_in(&o, 1, ends[k]), k <= i);
		pass_on(&o);
	}
	origins_fini(&o);
}

static void
beyond_64_ranges_the_lowest_is_forgotten_and_counted(void **state)
{
	(void)state;
	struct stats stats = {0};
	struct origins o = {.stats = &stats};
	for (uint64_t n = 0; n < 100; n++) {
		put(&o, 1, n * 2, 0);
		assert_true(is_in(&o, 1, n * 2));
	}
	assert_int_equal(stats_get(&stats, STAT_origin_ranges_cut), 36);
	for (uint64_t n = 0; n < 100; n++)
		assert_int_equal(is_in(&o, 1, n * 2), n >= 36);
	put(&o, 1, 3, 0); /* lower than all that is kept, and yet kept: it was just taken */
	assert_true(is_in(&o, 1, 3));
	pass_on(&o);
	assert_true(is_in(&o, 1, 3));
	for (uint64_t n = 74; n < 200; n++)
		put(&o, 1, n, 0);
	for (uint64_t n = 74; n < 200; n++)
		assert_true(is_in(&o, 1, n));
	origins_fini(&o);
}

static void
beyond_the_most_origins_the_peer_with_the_most_gives_up_its_oldest(void **state)
{
	(void)state;
	struct stats stats = {0};
	struct origins o = {.stats = &stats, .most = 100};
	for (unsigned g = 0; g < 10; g++)
		put(&o, g, 1, 7); /* a peer with few */
	for (unsigned g = 1000; g < 11000; g++)
		put(&o, g, 1, 8); /* one that makes them up */
	assert_int_equal(origins_count(&o), 100);
	assert_int_equal(stats_get(&stats, STAT_origins_cut), 9910);
	for (unsigned g = 0; g < 10; g++)
		assert_true(is_in(&o, g, 1));
	assert_false(is_in(&o, 1000, 1));
	assert_true(is_in(&o, 10999, 1));
	pass_on(&o);
	for (unsigned g = 0; g < 10; g++)
		assert_true(is_in(&o, g, 1));
	origins_fini(&o);
}

static void
after_30_days_of_running_without_a_frame_an_origin_is_forgotten_whatever_the_wall_clock_says(void **state)
{
	(void)state;
	struct stats stats = {0};
	struct origins o = {.stats = &stats};
	int64_t now_ns = day_ns;
	origins_grow_old(&o, now_ns);
	put(&o, 1, 1, 5);
	put(&o, 2, 1, 5);
	for (int day = 1; day < 30; day++) {
		origins_grow_old(&o, now_ns + day_ns);
		put(&o, 2, (uint64_t)day, 5);
		pass_on(
		    &o); /* a new life: its monotonic clock begins anywhere, time that it did not run does not count */
		now_ns = (day % 3) * day_ns + 1;
		origins_grow_old(&o, now_ns);
		assert_true(is_in(&o, 1, 1));
	}
	origins_grow_old(&o, now_ns += day_ns);
	assert_false(is_in(&o, 1, 1));
	assert_true(is_in(&o, 2, 1));
	assert_int_equal(stats_get(&stats, STAT_origins_expired), 1);
	origins_grow_old(&o, now_ns + 30 * day_ns);
	assert_int_equal(origins_count(&o), 0);
	origins_fini(&o);
}

static void
other_bytes_under_a_name_that_is_taken_are_known_for_the_newest_across_a_restart(void **state)
{
	(void)state;
	struct origins o = {0};
	uint8_t id[FRAME_ORIGIN];
	name(1, id);
	origins_add(&o, id, 1, 111, 0);
	origins_add(&o, id, 2, 222, 0);
	assert_int_equal(origins_look(&o, id, 1, 111), ORIGIN_TAKEN);
	assert_int_equal(origins_look(&o, id, 1, 112), ORIGIN_CONFLICT);
	assert_int_equal(origins_look(&o, id, 3, 1), ORIGIN_NEW);
	pass_on(&o);
	assert_int_equal(origins_look(&o, id, 2, 223), ORIGIN_CONFLICT);
	assert_int_equal(origins_look(&o, id, 2, 222), ORIGIN_TAKEN);
	origins_own(&o, id);
	assert_int_equal(origins_look(&o, id, 2, 222), ORIGIN_LOOP);
	assert_int_equal(origins_look(&o, id, 3, 1), ORIGIN_NEW);
	pass_on(&o);
	assert_true(origins_is_own(&o, id));
	origins_fini(&o);
}

static void
a_damaged_snapshot_is_refused_and_never_read_past_its_end(void **state)
{
	(void)state;
	struct origins o = {0};
	struct buf b = {0};
	for (unsigned g = 0; g < 3; g++)
		for (uint64_t n = 0; n < 5; n++)
			put(&o, g, n * 300, g);
	origins_encode(&o, &b);
	origins_fini(&o);
	for (size_t cut = 0; cut < b.len; cut++) {
		struct cursor c;
		uint8_t *exact = malloc(cut ? cut : 1);
		memcpy(exact, b.data, cut);
		cursor_init(&c, exact, cut);
		assert_int_not_equal(origins_decode(&o, &c), BX_OK);
		origins_fini(&o);
		free(exact);
	}
	for (size_t at = 0; at < b.len; at++) {
		struct cursor c;
		for (int bit = 0; bit < 8; bit++) {
			b.data[at] ^= (uint8_t)(1 << bit);
			cursor_init(&c, b.data, b.len);
			origins_decode(&o, &c); /* a statefile's checksum guards it: here it must only stay in bounds */
			origins_fini(&o);
			b.data[at] ^= (uint8_t)(1 << bit);
		}
	}
	buf_fini(&b);
}

/* ---- in the journal ---------------------------------------------------------------------------------------------- */

static void
append_frame(struct world *w, unsigned origin, uint64_t seq)
{
	struct buf frame = {0};
	uint8_t id[FRAME_ORIGIN];
	struct source source = {.kind = SOURCE_RELAY, .relay = {.via = origin % 2}};
	name(origin, id);
	frame_start(&frame);
	frame_add(&frame, 0, (struct bytes){(const uint8_t *)"t", 1}, 1, (struct bytes){(const uint8_t *)"\x80", 1});
	assert_int_equal(frame_seal(&frame, 0, id, seq), BX_OK);
	if (!journal_has_room(w->journal, frame.len)) {
		struct buf content = {0};
		positions_encode(&w->positions, journal_last(w->journal), &content);
		journal_offer_snapshot(w->journal, journal_last(w->journal), &content);
		buf_fini(&content);
		assert_int_equal(journal_roll(w->journal, frame.len), BX_OK);
	}
	journal_append(w->journal, &source, (struct bytes){frame.data, frame.len});
	positions_apply(&w->positions, &source, (struct bytes){frame.data, frame.len});
	assert_int_equal(journal_write(w->journal), BX_OK);
	buf_fini(&frame);
}

static void
through_segments_snapshots_trimming_and_restarts_no_frame_is_taken_twice_or_forgotten(void **state)
{
	(void)state;
	struct world w;
	struct rand r = {{9, 8, 7, 6}};
	static struct set set;
	uint64_t next[ORIGINS] = {0};
	world_init(&w, 4096);
	world_open(&w);
	for (int life = 0; life < 40; life++) {
		for (int step = 0; step < 100; step++) {
			unsigned g = (unsigned)(rand_u64(&r) % ORIGINS);
			uint64_t seq = choose(&r, &next[g]);
			uint8_t id[FRAME_ORIGIN];
			name(g, id);
			bool known = origins_look(&w.positions.origins, id, seq, 0) != ORIGIN_NEW;
			assert_int_equal(known, set.in[g][seq]);
			bool before = set.in[g][seq];
			set.in[g][seq] = true;
			if (ranges_of(set.in[g]) > ORIGIN_RANGES_MAX)
				set.in[g][seq] = before;
			else if (!known)
				append_frame(&w, g, seq);
		}
		world_sync(&w);
		world_pass(&w, journal_last(w.journal)); /* only as far as a durable snapshot covers */
		world_close(&w);
		world_open(&w);
		for (unsigned g = 0; g < ORIGINS; g++)
			for (unsigned seq = 0; seq < SEQS; seq++) {
				uint8_t id[FRAME_ORIGIN];
				name(g, id);
				bool known = origins_look(&w.positions.origins, id, seq, 0) != ORIGIN_NEW;
				if (known != set.in[g][seq])
					fail_msg("life %d: origin %u seq %u is %s", life, g, seq,
					    known ? "there" : "forgotten");
			}
	}
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_a_plain_set_in_any_order_with_gaps_and_restarts),
	    cmocka_unit_test(ends_of_the_numbers_are_ordinary_numbers),
	    cmocka_unit_test(beyond_64_ranges_the_lowest_is_forgotten_and_counted),
	    cmocka_unit_test(beyond_the_most_origins_the_peer_with_the_most_gives_up_its_oldest),
	    cmocka_unit_test(
		after_30_days_of_running_without_a_frame_an_origin_is_forgotten_whatever_the_wall_clock_says),
	    cmocka_unit_test(other_bytes_under_a_name_that_is_taken_are_known_for_the_newest_across_a_restart),
	    cmocka_unit_test(a_damaged_snapshot_is_refused_and_never_read_past_its_end),
	    cmocka_unit_test(through_segments_snapshots_trimming_and_restarts_no_frame_is_taken_twice_or_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
