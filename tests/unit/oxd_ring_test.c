/* SPDX-License-Identifier: ISC */
/* ring_file, ring_set, ingest: rings made by hand, whole, torn, damaged and hostile. */
/* LIBS: -Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=pwrite -Wl,--wrap=fcntl */
#include "tests/unit/oxd_world.h"

#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <signal.h>

#include "oxd/audit_own.h"
#include "oxd/house.h"
#include "oxd/ingest.h"
#include "oxd/say.h"

enum { CAPACITY = RING_CAPACITY_MIN };

/* A ring as a program has it: mapped, and without a descriptor. */
struct ring {
	char path[300];
	struct ring_header *h;
	uint8_t *data;
	size_t bytes;
};

struct bench {
	struct world w;
	struct doorbell bell;
	struct ingest in;
	int run_fd;
	uint8_t boot_id[16];
	bool running;
};

/* What the kernel says to a lease: 0 lets it decide. */
static _Atomic int lease_errno;

int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);

int
__wrap_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	va_start(ap, cmd);
	long arg = va_arg(ap, long);
	va_end(ap);
	if (cmd == F_SETLEASE && lease_errno) {
		errno = lease_errno;
		return -1;
	}
	return __real_fcntl(fd, cmd, arg);
}

static void
bench_init(struct bench *b)
{
	char path[256];
	memset(b, 0, sizeof *b);
	world_init(&b->w, 1 << 20);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", b->w.dir, i ? "rings" : "bad");
		assert_int_equal(mkdir(path, 0700), 0);
	}
	b->run_fd = open(b->w.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(doorbell_open(&b->bell, b->run_fd));
	world_open(&b->w);
	assert_true(ingest_init(&b->in, b->w.journal, b->run_fd, &b->w.positions, &b->w.audit, &b->bell, &b->w.stats));
	memcpy(b->boot_id, b->in.rings.boot_id, sizeof b->boot_id);
}

static void
bench_start(struct bench *b)
{
	assert_true(ingest_start(&b->in, NULL, NULL));
	b->running = true;
}

/* Waits until everything that was in the rings is in the journal, and synced. */
static void
bench_flush(struct bench *b)
{
	uint64_t upto = 0;
	unsigned ticket = ingest_question(&b->in, INGEST_FLUSH);
	assert_true(comes_true(ingest_answer(&b->in, ticket, NULL, &upto), 10));
	world_sync(&b->w);
}

static void
bench_stop(struct bench *b)
{
	if (b->running)
		ingest_stop(&b->in);
	b->running = false;
}

static void
bench_fini(struct bench *b)
{
	bench_stop(b);
	ingest_fini(&b->in);
	doorbell_close(&b->bell);
	close(b->run_fd);
	world_fini(&b->w);
}

/* What a killed oxd leaves, and the next one finds. */
static void
bench_restart(struct bench *b)
{
	bench_stop(b);
	ingest_fini(&b->in);
	world_close(&b->w);
	world_open(&b->w);
	assert_true(ingest_init(&b->in, b->w.journal, b->run_fd, &b->w.positions, &b->w.audit, &b->bell, &b->w.stats));
}

static void
ring_make(struct bench *b, struct ring *r, unsigned name)
{
	char fresh[300];
	snprintf(r->path, sizeof r->path, "%s/rings/%016x.ring", b->w.dir, name);
	snprintf(fresh, sizeof fresh, "%s/rings/.%016x.new", b->w.dir, name);
	r->bytes = RING_HEADER_BYTES + CAPACITY;
	int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL, 0660);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, (off_t)r->bytes), 0);
	r->h = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(r->h, MAP_FAILED);
	close(fd);
	r->data = (uint8_t *)r->h + RING_HEADER_BYTES;
	memcpy(r->h->magic, RING_MAGIC, sizeof r->h->magic);
	r->h->layout = RING_LAYOUT;
	r->h->header_bytes = RING_HEADER_BYTES;
	r->h->capacity = CAPACITY;
	memcpy(r->h->nonce, &name, sizeof name);
	memcpy(r->h->boot_id, b->boot_id, sizeof b->boot_id);
	memcpy(r->h->program, "hand", 5);
	r->h->head = CAPACITY;
	r->h->tail = CAPACITY;
	r->h->tail_check = ~(uint64_t)CAPACITY;
	assert_int_equal(rename(fresh, r->path), 0);
}

static void
ring_unmap(struct ring *r)
{
	munmap(r->h, r->bytes);
	r->h = NULL;
}

static void
put_bytes(struct ring *r, uint64_t pos, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		r->data[(pos + i) & (CAPACITY - 1)] = ((const uint8_t *)p)[i];
}

/* Writes a record at head, not yet published; returns its size. */
static uint64_t
record_write(struct ring *r, const void *map, uint32_t n)
{
	uint64_t pos = r->h->head;
	struct ring_record rec = {.pos = pos, .map_len = n, .type_len = 1, .end = 1.5};
	put_bytes(r, pos, &rec, sizeof rec);
	put_bytes(r, pos + sizeof rec, "t", 1);
	put_bytes(r, pos + sizeof rec + 1, map, n);
	return ring_record_size(1, n);
}

static void
ring_put(struct ring *r, uint32_t number)
{
	uint8_t map[300], *p = map;
	p = mp_put_map_header(p, 2);
	p = mp_put_str(p, "n", 1);
	p = mp_put_uint(p, number);
	p = mp_put_str(p, "x", 1);
	uint32_t pad = number * 37 % 250; /* records of many sizes, so that the wrap falls everywhere */
	p = mp_put_bin_header(p, pad);
	memset(p, 'x', pad);
	r->h->head += record_write(r, map, (uint32_t)(p + pad - map));
}

/* The numbers in the journal, in order. */
static unsigned
numbers(struct bench *b, uint32_t *out, unsigned cap)
{
	struct reader reader;
	struct record rec;
	struct frame frame;
	struct frame_event ev;
	unsigned count = 0;
	reader_init(&reader, b->w.journal, 1);
	while (reader_next(&reader, &rec) == BX_OK) {
		if ((rec.source.kind != SOURCE_RING && rec.source.kind != SOURCE_SIFTED) || rec.frame.n == 0)
			continue;
		assert_int_equal(frame_open(rec.frame.p, rec.frame.n, &frame), BX_OK);
		while (frame_next(&frame, &ev)) {
			struct cursor c;
			struct mp_token t;
			cursor_init(&c, ev.map.p, ev.map.n);
			mp_next(&c, &t), mp_next(&c, &t), mp_next(&c, &t);
			assert_true(count < cap);
			out[count++] = (uint32_t)t.u;
		}
	}
	reader_fini(&reader);
	return count;
}

static void
assert_numbers(struct bench *b, uint32_t upto)
{
	uint32_t seen[20000];
	unsigned count = numbers(b, seen, COUNT_OF(seen));
	assert_int_equal(count, upto);
	for (uint32_t i = 0; i < upto; i++)
		assert_int_equal(seen[i], i);
}

static void
wait_gone(const struct ring *r)
{
	assert_true(comes_true(access(r->path, F_OK) != 0, 10));
}

/* Hints were given: for a fifth of a second nothing is taken out of the directory. */
static void
assert_stays(struct bench *b, const struct ring *r)
{
	char dir[200];
	snprintf(dir, sizeof dir, "%s/rings", b->w.dir);
	struct pollfd removed = {.fd = inotify_init1(IN_CLOEXEC), .events = POLLIN};
	assert_true(inotify_add_watch(removed.fd, dir, IN_DELETE | IN_MOVED_FROM) >= 0);
	assert_int_equal(access(r->path, F_OK), 0);
	assert_int_equal(poll(&removed, 1, 200), 0);
	close(removed.fd);
}

static uint64_t
counted(struct bench *b, enum counter which)
{
	return stats_get(&b->w.stats, which);
}

static void
events_come_out_whole_and_in_order_across_many_wraps(void **state)
{
	(void)state;
	struct bench b;
	struct ring r;
	bench_init(&b);
	ring_make(&b, &r, 1);
	bench_start(&b);
	uint32_t n = 0;
	for (int round = 0; round < 60; round++) {
		while (r.h->head + 400 - r.h->tail <= CAPACITY)
			ring_put(&r, n++);
		bench_flush(&b);
		assert_int_equal(r.h->tail, r.h->head);
		assert_int_equal(r.h->tail_check, ~r.h->head);
	}
	assert_true(r.h->head > 50 * CAPACITY);
	assert_numbers(&b, n);
	ring_unmap(&r);
	wait_gone(&r);
	assert_int_equal(counted(&b, STAT_rings_reclaimed), 1);
	bench_fini(&b);
}

static void
a_mapped_ring_stays_and_one_that_nobody_maps_is_drained_and_goes(void **state)
{
	(void)state;
	struct bench b;
	struct ring r;
	bench_init(&b);
	ring_make(&b, &r, 1);
	ring_put(&r, 0);
	bench_start(&b);
	bench_flush(&b);
	for (int i = 0; i < 20; i++) /* hints without cause must not take a live one away */
		close(open(r.path, O_RDWR | O_CLOEXEC));
	bench_flush(&b);
	assert_stays(&b, &r);
	ring_put(&r, 1);
	ring_unmap(&r); /* with one event still in it */
	wait_gone(&r);
	bench_flush(&b);
	assert_numbers(&b, 2);
	assert_int_equal(b.w.positions.table == NULL, true);
	bench_fini(&b);
}

/* A ring of another user, to an oxd without CAP_LEASE: a close by somebody proves nothing, a dead process does. */
static void
where_the_lease_is_refused_only_a_process_that_is_gone_frees_a_ring(void **state)
{
	(void)state;
	struct bench b;
	struct ring r;
	struct stat ns;
	bench_init(&b);
	lease_errno = EACCES;
	assert_int_equal(stat("/proc/self/ns/pid", &ns), 0);
	pid_t pid = fork();
	if (pid == 0) {
		alarm((unsigned)(60 * wait_patience()));
		pause();
		_exit(0);
	}
	ring_make(&b, &r, 1);
	r.h->pid = (uint32_t)pid;
	r.h->pidns = ns.st_ino;
	ring_put(&r, 0);
	bench_start(&b);
	bench_flush(&b);
	for (int i = 0; i < 20; i++)
		close(open(r.path, O_RDWR | O_CLOEXEC));
	bench_flush(&b);
	assert_stays(&b, &r);
	ring_put(&r, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ring_unmap(&r); /* the close is the hint to look */
	wait_gone(&r);
	bench_flush(&b);
	assert_numbers(&b, 2);
	lease_errno = 0;
	bench_fini(&b);
}

static void
after_a_restart_it_goes_on_where_the_journal_says_not_where_the_tail_says(void **state)
{
	(void)state;
	struct bench b;
	struct ring r;
	bench_init(&b);
	ring_make(&b, &r, 1);
	for (uint32_t n = 0; n < 20; n++)
		ring_put(&r, n);
	bench_start(&b);
	bench_flush(&b);
	bench_stop(&b);
	/* Killed behind the append and before the tails: the ring's own tail is old, or torn. */
	for (int torn = 0; torn < 2; torn++) {
		uint64_t head = r.h->head;
		r.h->tail = CAPACITY;
		r.h->tail_check = torn ? 12345 : ~(uint64_t)CAPACITY;
		bench_restart(&b);
		bench_start(&b);
		bench_flush(&b);
		assert_int_equal(r.h->tail, head);
		ring_put(&r, 20 + (uint32_t)torn);
		bench_flush(&b);
		assert_numbers(&b, 21 + (uint32_t)torn);
	}
	ring_unmap(&r);
	bench_fini(&b);
}

static void
a_bad_map_costs_only_its_own_event(void **state)
{
	(void)state;
	struct bench b;
	struct ring r;
	bench_init(&b);
	ring_make(&b, &r, 1);
	ring_put(&r, 0);
	static const char *const bad[] = {"\xc1", "\x81\xa1\x61", "\x93\x01\x02\x03", "\x80\x80", ""};
	static const uint32_t lengths[] = {1, 3, 4, 2, 0};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		r.h->head += record_write(&r, bad[i], lengths[i]);
	ring_put(&r, 1);
	bench_start(&b);
	bench_flush(&b);
	assert_numbers(&b, 2);
	assert_int_equal(counted(&b, STAT_ring_bad_maps), COUNT_OF(bad));
	assert_int_equal(r.h->tail, r.h->head);
	ring_unmap(&r);
	bench_fini(&b);
}

/* Each damages a ring that holds ten good events behind which the damage lies. */
static void
bad_position_word(struct ring *r)
{
	uint64_t wrong = r->h->head + 8;
	record_write(r, "\x80", 1);
	put_bytes(r, r->h->head, &wrong, 8);
	r->h->head += 32;
}

static void
length_beyond_head(struct ring *r)
{
	struct ring_record rec = {.pos = r->h->head, .map_len = 2000, .type_len = 1};
	put_bytes(r, r->h->head, &rec, sizeof rec);
	r->h->head += 64;
}

static void
length_beyond_a_quarter(struct ring *r)
{
	struct ring_record rec = {.pos = r->h->head, .map_len = UINT32_MAX, .type_len = 1};
	put_bytes(r, r->h->head, &rec, sizeof rec);
	r->h->head += 64;
}

static void
head_far_ahead(struct ring *r)
{
	r->h->head += 2 * CAPACITY;
}

static void
head_gone_back(struct ring *r)
{
	r->h->head = 8;
}

static void
head_unaligned(struct ring *r)
{
	r->h->head += 4;
}

static void
file_cut(struct ring *r)
{
	r->h->head += 64;
	assert_int_equal(truncate(r->path, RING_HEADER_BYTES), 0);
}

static uint64_t
lost_by_the_account(struct bench *b)
{
	pthread_mutex_lock(&b->w.audit.lock);
	const struct audit_entry *e = b->w.audit.entries;
	const struct audit_reason *why = e ? e->reasons : NULL;
	while (why && strcmp(why->reason, "condemned") != 0)
		why = why->next;
	uint64_t lost = why ? why->count : 0;
	pthread_mutex_unlock(&b->w.audit.lock);
	return lost;
}

static void
a_damaged_ring_is_condemned_and_the_others_go_on(void **state)
{
	(void)state;
	static void (*const damages[])(struct ring *) = {bad_position_word, length_beyond_head, length_beyond_a_quarter,
	    head_far_ahead, head_gone_back, head_unaligned, file_cut};
	for (size_t i = 0; i < COUNT_OF(damages); i++) {
		struct bench b;
		struct ring r, other;
		uint32_t seen[64];
		bench_init(&b);
		ring_make(&b, &r, 1);
		ring_make(&b, &other, 2);
		ring_put(&r, 0);
		bench_start(&b);
		bench_flush(&b);
		r.h->events = 1 + 7; /* so much it says, of which the first is found, */
		if (i == 0)
			r.h->events = UINT64_MAX; /* or what cannot be */
		damages[i](&r);
		ring_put(&other, 1);
		wait_gone(&r);
		bench_flush(&b);
		assert_int_equal(lost_by_the_account(&b), i == 0 ? CAPACITY / sizeof(struct ring_record) : 7);
		assert_int_equal(numbers(&b, seen, COUNT_OF(seen)), 2);
		assert_int_equal(counted(&b, STAT_rings_condemned), 1);
		char aside[300];
		snprintf(aside, sizeof aside, "%s/bad/%016x.ring", b.w.dir, 1);
		assert_int_equal(access(aside, F_OK), 0);
		if (damages[i] != file_cut)
			assert_int_equal(r.h->please_leave, 1);
		ring_unmap(&r);
		ring_unmap(&other);
		wait_gone(&other);
		bench_fini(&b);
	}
}

static void
what_is_no_ring_is_set_aside(void **state)
{
	(void)state;
	struct bench b;
	struct ring good;
	char path[300], target[300];
	bench_init(&b);
	ring_make(&b, &good, 1);
	ring_put(&good, 0);
	snprintf(target, sizeof target, "%s/elsewhere", b.w.dir);
	assert_int_equal(link(good.path, target), 0); /* nlink 2 */
	struct ring linked = good;
	const char *kinds[] = {"empty", "short", "link", "fifo", "directory", "garbage"};
	for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
		snprintf(path, sizeof path, "%s/rings/%016x.ring", b.w.dir, 0x10 + i);
		int fd;
		switch (i) {
		case 2:
			assert_int_equal(symlink(target, path), 0);
			continue;
		case 3:
			assert_int_equal(mkfifo(path, 0600), 0);
			continue;
		case 4:
			assert_int_equal(mkdir(path, 0700), 0);
			continue;
		default:
			fd = open(path, O_WRONLY | O_CREAT, 0600);
			assert_int_equal(write(fd, "BLUEOXR", i == 1 ? 8 : 0), i == 1 ? 8 : 0);
			assert_int_equal(i == 5 ? ftruncate(fd, 300000) : 0, 0);
			close(fd);
		}
	}
	bench_start(&b);
	bench_flush(&b);
	assert_int_equal(counted(&b, STAT_rings_set_aside), COUNT_OF(kinds) + 1);
	assert_numbers(&b, 0);
	assert_int_equal(access(target, F_OK), 0);
	/* Names that are none of ours are left alone. */
	snprintf(path, sizeof path, "%s/rings/README", b.w.dir);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	bench_flush(&b);
	assert_int_equal(access(path, F_OK), 0);
	ring_unmap(&linked);
	bench_fini(&b);
}

static void
a_ring_of_another_boot_is_drained_as_far_as_it_holds_and_goes(void **state)
{
	(void)state;
	for (int torn = 0; torn < 2; torn++) {
		struct bench b;
		struct ring r;
		bench_init(&b);
		b.boot_id[0] ^= 1;
		ring_make(&b, &r, 1);
		for (uint32_t n = 0; n < 10; n++)
			ring_put(&r, n);
		if (torn)
			bad_position_word(&r);
		bench_start(&b);
		wait_gone(&r); /* though we have it mapped */
		bench_flush(&b);
		assert_numbers(&b, 10);
		assert_int_equal(counted(&b, STAT_rings_condemned), 0);
		ring_unmap(&r);
		bench_fini(&b);
	}
}

/* Sum of `count` over all blueox.dropped events in the journal. */
static uint64_t
drops_told(struct bench *b)
{
	struct reader reader;
	struct record rec;
	struct frame frame;
	struct frame_event ev;
	uint64_t sum = 0;
	reader_init(&reader, b->w.journal, 1);
	while (reader_next(&reader, &rec) == BX_OK) {
		if (rec.source.kind != SOURCE_OWN || rec.frame.n == 0)
			continue;
		assert_int_equal(frame_open(rec.frame.p, rec.frame.n, &frame), BX_OK);
		while (frame_next(&frame, &ev)) {
			struct event view;
			struct cursor c;
			struct mp_token t;
			assert_int_equal(event_parse(ev.map.p, ev.map.n, &view), BX_OK);
			assert_int_equal(view.type.n, strlen("blueox.dropped"));
			cursor_init(&c, view.body.p, view.body.n);
			mp_next(&c, &t), mp_next(&c, &t), mp_next(&c, &t); /* count comes first */
			sum += t.u;
		}
	}
	reader_fini(&reader);
	return sum;
}

static void
drops_are_reported_once_though_oxd_starts_again(void **state)
{
	(void)state;
	struct bench b;
	struct ring r;
	bench_init(&b);
	ring_make(&b, &r, 1);
	ring_put(&r, 0);
	r.h->dropped_by[DROP_RING_FULL] = 5;
	r.h->dropped_by[DROP_TOO_BIG] = 2;
	r.h->dropped_bytes = 700;
	bench_start(&b);
	bench_flush(&b);
	/* A report is due each minute; here it comes at once. */
	bench_stop(&b);
	bench_restart(&b);
	ring_unmap(&r);
	bench_start(&b);
	wait_gone(&r);
	bench_flush(&b);
	assert_int_equal(drops_told(&b), 7);
	bench_fini(&b);

	/* Killed between the report and the file's end: the next start must not tell it again. */
	bench_init(&b);
	ring_make(&b, &r, 2);
	r.h->dropped_by[DROP_RING_FULL] = 5;
	struct source own = {.kind = SOURCE_OWN};
	struct stat st;
	assert_int_equal(stat(r.path, &st), 0);
	own.own.key = (struct ring_key){.ino = st.st_ino, .uid = st.st_uid};
	memcpy(own.own.key.nonce, r.h->nonce, sizeof own.own.key.nonce);
	own.own.reported.by[DROP_RING_FULL] = 3;
	struct buf frame = {0};
	world_frame(&frame, "x", 1);
	journal_append(b.w.journal, &own, (struct bytes){frame.data, 0});
	assert_int_equal(journal_write(b.w.journal), BX_OK);
	world_sync(&b.w);
	buf_fini(&frame);
	bench_restart(&b);
	bench_start(&b);
	ring_unmap(&r);
	wait_gone(&r);
	bench_flush(&b);
	assert_int_equal(drops_told(&b), 2);
	bench_fini(&b);
}

static void
a_leftover_of_a_dead_creator_goes_after_a_minute_and_not_before(void **state)
{
	(void)state;
	struct bench b;
	char old[300], young[300], held[300];
	bench_init(&b);
	snprintf(old, sizeof old, "%s/rings/.%016x.new", b.w.dir, 1);
	snprintf(young, sizeof young, "%s/rings/.%016x.new", b.w.dir, 2);
	snprintf(held, sizeof held, "%s/rings/.%016x.new", b.w.dir, 3);
	close(open(old, O_RDWR | O_CREAT, 0600));
	close(open(young, O_RDWR | O_CREAT, 0600));
	int fd = open(held, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct timespec past[2] = {{.tv_sec = time(NULL) - 100}, {.tv_sec = time(NULL) - 100}};
	utimensat(AT_FDCWD, old, past, 0);
	utimensat(AT_FDCWD, held, past, 0);
	bench_start(&b);
	bench_flush(&b);
	assert_int_not_equal(access(old, F_OK), 0);
	assert_int_equal(access(young, F_OK), 0);
	assert_int_equal(access(held, F_OK), 0);
	close(fd);
	bench_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(events_come_out_whole_and_in_order_across_many_wraps),
	    cmocka_unit_test(a_mapped_ring_stays_and_one_that_nobody_maps_is_drained_and_goes),
	    cmocka_unit_test(where_the_lease_is_refused_only_a_process_that_is_gone_frees_a_ring),
	    cmocka_unit_test(after_a_restart_it_goes_on_where_the_journal_says_not_where_the_tail_says),
	    cmocka_unit_test(a_bad_map_costs_only_its_own_event),
	    cmocka_unit_test(a_damaged_ring_is_condemned_and_the_others_go_on),
	    cmocka_unit_test(what_is_no_ring_is_set_aside),
	    cmocka_unit_test(a_ring_of_another_boot_is_drained_as_far_as_it_holds_and_goes),
	    cmocka_unit_test(drops_are_reported_once_though_oxd_starts_again),
	    cmocka_unit_test(a_leftover_of_a_dead_creator_goes_after_a_minute_and_not_before),
	};
	say_init("oxd", -SAY_WARNING - 1); /* its complaints are what is tested */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
