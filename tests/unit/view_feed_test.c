/* SPDX-License-Identifier: ISC */
/* feed: a small log, cut everywhere, with every byte flipped, and in pieces of every size. */
#include "oxview/feed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libbx/core/mp.h"
#include "tests/unit/unit.h"

enum { EVENTS = 6 };

/* A log of unlike events, and where each starts. */
struct log {
	struct buf bytes;
	size_t start[EVENTS + 1];
};

static void
add_event(struct buf *b, unsigned i)
{
	bool spans = i % 2 == 0;
	mp_add_map(b, spans ? 9 : 7);
	mp_add_strz(b, "id");
	mp_add_strz(b, "6921d990a1b2c3d4e5f60718293a4b5c");
	mp_add_strz(b, "type");
	mp_add_strz(b, i % 3 ? "shop.request.sql" : "shop.request");
	mp_add_strz(b, "host");
	mp_add_strz(b, "web1");
	mp_add_strz(b, "pid");
	mp_add_uint(b, 4000 + i);
	mp_add_strz(b, "start");
	mp_add_double(b, 1763826000.0 + i);
	mp_add_strz(b, "end");
	mp_add_double(b, 1763826000.5 + i);
	mp_add_strz(b, "body");
	mp_add_map(b, 3);
	mp_add_strz(b, "query");
	mp_add_strz(b, "SELECT 1 FROM a_table_with_a_name WHERE x = $1");
	mp_add_strz(b, "rows");
	mp_add_array(b, 2);
	mp_add_uint(b, i);
	mp_add_strz(b, "two");
	mp_add_strz(b, "user");
	mp_add_map(b, 1);
	mp_add_strz(b, "name");
	mp_add_strz(b, "Ada");
	if (!spans)
		return;
	mp_add_strz(b, "span");
	mp_add_strz(b, "00000000000000aa");
	mp_add_strz(b, "parent");
	mp_add_strz(b, "00000000000000bb");
}

static void
make_log(struct log *l)
{
	*l = (struct log){0};
	for (unsigned i = 0; i < EVENTS; i++) {
		l->start[i] = l->bytes.len;
		add_event(&l->bytes, i);
	}
	l->start[EVENTS] = l->bytes.len;
	assert_int_equal(l->bytes.err, BX_OK);
}

static int
file_of(const void *p, size_t n)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	assert_int_equal(write(fd, p, n), n);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

struct result {
	struct buf shown; /* raw bytes of the events, one after the other */
	size_t count;
	struct trouble trouble;
	struct buf said;
};

static void
read_all(int fd, size_t window, struct result *r)
{
	struct feed f;
	struct event ev;
	*r = (struct result){0};
	r->trouble.lines = &r->said;
	assert_true(feed_open(&f, fd, "a.log", window, &r->trouble));
	while (feed_next(&f, &ev)) {
		buf_put(&r->shown, ev.raw.p, ev.raw.n);
		r->count++;
	}
	feed_close(&f);
	buf_putc(&r->said, '\0');
}

static void
result_fini(struct result *r)
{
	buf_fini(&r->shown);
	buf_fini(&r->said);
}

static bool
contains(const struct buf *b, const void *p, size_t n)
{
	return memmem(b->data, b->len, p, n) != NULL;
}

/* Bytes that the messages say were passed over. */
static size_t
bytes_told(const struct result *r)
{
	size_t sum = 0;
	for (const char *s = (const char *)r->said.data; (s = strstr(s, " bytes skipped")); s++) {
		const char *digits = s;
		while (digits[-1] >= '0' && digits[-1] <= '9')
			digits--;
		sum += strtoul(digits, NULL, 10);
	}
	const char *torn = strstr((const char *)r->said.data, "inside an event (");
	return sum + (torn ? strtoul(torn + strlen("inside an event ("), NULL, 10) : 0);
}

static void
a_whole_log_comes_out_as_it_is_whatever_the_window(void **state)
{
	(void)state;
	struct log l;
	struct result r;
	make_log(&l);
	for (size_t window = 1; window < 2 * l.bytes.len; window += 1 + window / 8) {
		read_all(file_of(l.bytes.data, l.bytes.len), window, &r);
		assert_int_equal(r.count, EVENTS);
		assert_int_equal(r.trouble.count, 0);
		assert_int_equal(r.shown.len, l.bytes.len);
		assert_memory_equal(r.shown.data, l.bytes.data, l.bytes.len);
		result_fini(&r);
	}
	buf_fini(&l.bytes);
}

static void
a_log_cut_anywhere_shows_the_whole_events_and_tells_of_the_torn_one(void **state)
{
	(void)state;
	struct log l;
	make_log(&l);
	for (size_t len = 0; len <= l.bytes.len; len++) {
		size_t whole = 0;
		while (whole < EVENTS && l.start[whole + 1] <= len)
			whole++;
		struct result r;
		read_all(file_of(l.bytes.data, len), 4096, &r);
		char expected[200];
		snprintf(expected, sizeof expected, "oxview: a.log: offset %zu: ends inside an event (%zu bytes)\n",
		    l.start[whole], len - l.start[whole]);
		if (r.count != whole || r.trouble.count != (len > l.start[whole]) ||
		    (r.trouble.count && strcmp((char *)r.said.data, expected) != 0))
			fail_msg(
			    "cut at %zu: %zu events, expected %zu, said: %s", len, r.count, whole, (char *)r.said.data);
		result_fini(&r);
	}
	buf_fini(&l.bytes);
}

/*
 * One damaged byte may spoil the event it lies in, and what its new length swallows whole.  It must not silence
 * anything: each byte is in an event that is shown or in a stretch that is told of.
 */
static void
every_flipped_byte_costs_the_event_it_lies_in(void **state)
{
	(void)state;
	struct log l;
	make_log(&l);
	size_t swallowed = 0, flips = 0;
	for (size_t at = 0; at < l.bytes.len; at++) {
		for (int bit = 0; bit < 8; bit++) {
			struct result r;
			l.bytes.data[at] ^= (uint8_t)(1 << bit);
			read_all(file_of(l.bytes.data, l.bytes.len), 4096, &r);
			l.bytes.data[at] ^= (uint8_t)(1 << bit);
			size_t hit = 0, lost = 0;
			while (l.start[hit + 1] <= at)
				hit++;
			for (size_t i = 0; i < EVENTS; i++)
				if (i != hit &&
				    !contains(&r.shown, l.bytes.data + l.start[i], l.start[i + 1] - l.start[i]))
					lost++;
			if (lost > 0)
				fail_msg("byte %zu bit %d: %zu events beside the damaged one lost, said: %s", at, bit,
				    lost, (char *)r.said.data);
			if (r.shown.len + bytes_told(&r) != l.bytes.len)
				fail_msg("byte %zu bit %d: %zu shown and %zu told of %zu bytes: %s", at, bit,
				    r.shown.len, bytes_told(&r), l.bytes.len, (char *)r.said.data);
			swallowed += r.count + 1 < EVENTS;
			flips++;
			result_fini(&r);
		}
	}
	/* A count that grew may have swallowed the next events whole: they are then shown inside the damaged one. */
	assert_true(swallowed * 500 <= flips);
	buf_fini(&l.bytes);
}

static void
garbage_between_events_is_told_with_its_offset_and_passed_over(void **state)
{
	(void)state;
	static const char garbage[] = "\xc1 not an event \x81\xa1x\x82 nor this \xde\x00";
	struct log l;
	struct result r;
	struct buf b = {0};
	make_log(&l);
	buf_put(&b, l.bytes.data, l.start[2]);
	buf_put(&b, garbage, sizeof garbage - 1);
	buf_put(&b, l.bytes.data + l.start[2], l.bytes.len - l.start[2]);
	for (size_t window = 16; window < 8192; window *= 2) {
		read_all(file_of(b.data, b.len), window, &r);
		char expected[200];
		snprintf(expected, sizeof expected, "oxview: a.log: offset %zu: no event here, %zu bytes skipped\n",
		    l.start[2], sizeof garbage - 1);
		assert_string_equal((char *)r.said.data, expected);
		assert_int_equal(r.count, EVENTS);
		assert_int_equal(r.trouble.count, 1);
		result_fini(&r);
	}
	buf_fini(&b);
	buf_fini(&l.bytes);
}

static void
events_that_lie_in_a_body_are_not_taken_for_events_after_damage(void **state)
{
	(void)state;
	struct buf b = {0};
	struct result r;
	mp_add_map(&b, 6); /* damaged: it had 5 */
	mp_add_strz(&b, "type");
	mp_add_strz(&b, "outer");
	mp_add_strz(&b, "host");
	mp_add_strz(&b, "h");
	mp_add_strz(&b, "end");
	mp_add_double(&b, 1);
	mp_add_strz(&b, "body");
	mp_add_map(&b, 1);
	mp_add_strz(&b, "inner");
	add_event(&b, 1);
	mp_add_strz(&b, "span");
	mp_add_strz(&b, "00000000000000aa");
	size_t next = b.len;
	add_event(&b, 2);
	add_event(&b, 3);
	read_all(file_of(b.data, b.len), 4096, &r);
	assert_int_equal(r.count, 2);
	assert_memory_equal(r.shown.data, b.data + next, r.shown.len);
	result_fini(&r);
	buf_fini(&b);
}

static void
odd_events_in_their_place_are_shown(void **state)
{
	(void)state;
	struct buf b = {0};
	struct result r;
	mp_add_map(&b, 3); /* no id, no times, one key of its own */
	mp_add_strz(&b, "type");
	mp_add_strz(&b, "odd");
	mp_add_uint(&b, 7);
	mp_add_nil(&b);
	mp_add_strz(&b, "body");
	mp_add_strz(&b, "text");
	add_event(&b, 1);
	read_all(file_of(b.data, b.len), 4096, &r);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.trouble.count, 0);
	result_fini(&r);
	buf_fini(&b);
}

static void
many_damaged_places_are_told_in_one_line(void **state)
{
	(void)state;
	struct buf b = {0};
	struct result r;
	for (unsigned i = 0; i < 100; i++) {
		add_event(&b, i);
		buf_putc(&b, (char)0xc1);
	}
	read_all(file_of(b.data, b.len), 4096, &r);
	assert_int_equal(r.count, 100);
	assert_int_equal(r.trouble.count, FEED_DAMAGES_TOLD + 1);
	assert_non_null(strstr((char *)r.said.data, "80 more places without an event, 80 bytes skipped"));
	result_fini(&r);
	buf_fini(&b);
}

/* Writes one big event, with `n` bytes of text, between two small ones. */
static int
file_with_big_event(size_t n)
{
	struct buf b = {0};
	add_event(&b, 1);
	mp_add_map(&b, 5);
	mp_add_strz(&b, "type");
	mp_add_strz(&b, "big");
	mp_add_strz(&b, "host");
	mp_add_strz(&b, "h");
	mp_add_strz(&b, "id");
	mp_add_strz(&b, "i");
	mp_add_strz(&b, "end");
	mp_add_double(&b, 1);
	mp_add_strz(&b, "body");
	mp_add_map(&b, 1);
	mp_add_strz(&b, "text");
	uint8_t *room = buf_reserve(&b, n + 5);
	b.len = (size_t)(mp_put_str_header(room, (uint32_t)n) - b.data);
	memset(buf_extend(&b, n), 'x', n);
	add_event(&b, 2);
	int fd = file_of(b.data, b.len);
	buf_fini(&b);
	return fd;
}

static void
events_up_to_16_mib_are_shown_and_longer_ones_told_of(void **state)
{
	(void)state;
	struct result r;
	read_all(file_with_big_event(FEED_EVENT_MAX - 4096), FEED_WINDOW, &r);
	assert_int_equal(r.count, 3);
	assert_int_equal(r.trouble.count, 0);
	result_fini(&r);
	read_all(file_with_big_event(FEED_EVENT_MAX * 2), FEED_WINDOW, &r);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.trouble.count, 1);
	assert_non_null(strstr((char *)r.said.data, "an event longer than 16 MiB, or damage"));
	result_fini(&r);
}

static void
count_call(void *context)
{
	++*(int *)context;
}

static void
a_pipe_is_read_event_by_event_as_it_fills(void **state)
{
	(void)state;
	struct log l;
	struct feed f;
	struct event ev;
	struct trouble trouble = {0};
	int ends[2], waits = 0;
	make_log(&l);
	assert_int_equal(pipe(ends), 0);
	assert_true(feed_open(&f, ends[0], "pipe", FEED_WINDOW, &trouble));
	f.before_wait = count_call;
	f.context = &waits;
	for (size_t i = 0; i < EVENTS; i++) { /* each is there as soon as it is written: nothing waits for the next */
		assert_int_equal(write(ends[1], l.bytes.data + l.start[i], l.start[i + 1] - l.start[i]),
		    l.start[i + 1] - l.start[i]);
		assert_true(feed_next(&f, &ev));
		assert_int_equal(ev.pid, 4000 + i);
		assert_int_equal(waits, i + 1);
	}
	close(ends[1]);
	assert_false(feed_next(&f, &ev));
	assert_int_equal(trouble.count, 0);
	feed_close(&f);
	buf_fini(&l.bytes);
}

static void
a_directory_is_told_and_not_read(void **state)
{
	(void)state;
	struct result r;
	read_all(open("/", O_RDONLY | O_CLOEXEC), 4096, &r);
	assert_int_equal(r.count, 0);
	assert_string_equal((char *)r.said.data, "oxview: a.log: offset 0: Is a directory\n");
	result_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_whole_log_comes_out_as_it_is_whatever_the_window),
	    cmocka_unit_test(a_log_cut_anywhere_shows_the_whole_events_and_tells_of_the_torn_one),
	    cmocka_unit_test(every_flipped_byte_costs_the_event_it_lies_in),
	    cmocka_unit_test(garbage_between_events_is_told_with_its_offset_and_passed_over),
	    cmocka_unit_test(events_that_lie_in_a_body_are_not_taken_for_events_after_damage),
	    cmocka_unit_test(odd_events_in_their_place_are_shown),
	    cmocka_unit_test(many_damaged_places_are_told_in_one_line),
	    cmocka_unit_test(events_up_to_16_mib_are_shown_and_longer_ones_told_of),
	    cmocka_unit_test(a_pipe_is_read_event_by_event_as_it_fills),
	    cmocka_unit_test(a_directory_is_told_and_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
