/* SPDX-License-Identifier: ISC */
/* libbx_test: the client library as a program meets it, checked by reading its ring files back. */
#include "tests/unit/libbx_world.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include "libbx/thread.h"

TEST(unconfigured_calls_do_nothing)
{
	assert_null(bx_begin("request"));
	bx_set("a", 1);
	assert_int_equal(bx_end(), 0);
	assert_null(bx_new("x"));
	assert_int_equal(bx_done(NULL), 0);
	BX_CONTEXT("request")
	BX_TIMEIT("t")
	bx_error("class", "code", "message");
	assert_false(bx_configured());
	assert_int_equal(look()->rings, 0);
}

TEST(configuring_makes_no_file_before_the_first_event)
{
	configure();
	assert_true(bx_configured());
	bx_begin("request");
	assert_int_equal(look()->rings, 0);
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->rings, 1);
}

TEST(every_type_of_value_is_kept)
{
	configure();
	bx_begin("t");
	bx_set("bool", (_Bool)1);
	bx_set("char", (char)'A');
	bx_set("schar", (signed char)-5);
	bx_set("short", (short)-300);
	bx_set("int", -70000);
	bx_set("long", -5000000000L);
	bx_set("llong", INT64_MIN);
	bx_set("uchar", (unsigned char)200);
	bx_set("ushort", (unsigned short)60000);
	bx_set("uint", 4000000000U);
	bx_set("ulong", 5000000000UL);
	bx_set("ullong", UINT64_MAX);
	bx_set("float", 1.5F);
	bx_set("double", -2.25);
	bx_set("text", "hello");
	bx_set("null", (const char *)NULL);
	bx_set("bytes", bx_bytes("\x00\xff", 2));
	bx_set("strn", bx_strn("hello", 2));
	bx_set("latin1", "caf\xe9");
	bx_set("empty", "");
	assert_int_equal(bx_end(), 1);
	assert_body(event_of(look(), "t"),
	    "{\"bool\":true,\"char\":65,\"schar\":-5,\"short\":-300,\"int\":-70000,\"long\":-5000000000,"
	    "\"llong\":-9223372036854775808,\"uchar\":200,\"ushort\":60000,\"uint\":4000000000,\"ulong\":5000000000,"
	    "\"ullong\":18446744073709551615,\"float\":1.5,\"double\":-2.25,\"text\":\"hello\",\"null\":nil,"
	    "\"bytes\":<00ff>,\"strn\":\"he\",\"latin1\":<636166e9>,\"empty\":\"\"}");
}

TEST(dotted_keys_nest_and_setting_again_replaces)
{
	configure();
	bx_begin("t");
	bx_set("response.status", 200);
	bx_set("user", "ada");
	bx_set("response.size", 10);
	bx_set("response.time.total", 1.5);
	bx_set("user", "grace hopper");
	bx_set("response.size", 12);
	assert_int_equal(bx_end(), 1);
	bx_begin("overruled");
	bx_set("a", 1);
	bx_set("a.b", 2);
	bx_set("c.d", 3);
	bx_set("c.e", 4);
	bx_set("c", 5);
	assert_int_equal(bx_end(), 1);
	bx_begin("flat");
	bx_set("a", 1);
	bx_set("b", "x");
	bx_set("a", "longer");
	assert_int_equal(bx_end(), 1);
	const struct seen *seen = look();
	assert_body(event_of(seen, "t"),
	    "{\"response\":{\"status\":200,\"size\":12,\"time\":{\"total\":1.5}},\"user\":\"grace hopper\"}");
	assert_body(event_of(seen, "overruled"), "{\"a\":{\"b\":2},\"c\":5}");
	assert_body(event_of(seen, "flat"), "{\"b\":\"x\",\"a\":\"longer\"}");
}

TEST(sub_events_share_the_id_and_name_their_parent)
{
	configure();
	bx_begin("request");
	bx_begin(".sql");
	assert_int_equal(bx_end(), 1);
	bx_begin("^.cache");
	bx_begin(".get");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(bx_end(), 1);
	assert_int_equal(bx_end(), 1);
	bx_begin("other");
	assert_int_equal(bx_end(), 1);
	const struct seen *seen = look();
	const struct event *request = event_of(seen, "request"), *sql = event_of(seen, "request.sql");
	const struct event *cache = event_of(seen, "request.cache"), *get = event_of(seen, "request.cache.get");
	assert_int_equal(seen->count, 5);
	assert_int_equal(request->id.n, 32);
	assert_true(bytes_equal(request->id, sql->id) && bytes_equal(request->id, get->id));
	assert_null(request->parent.p);
	assert_true(bytes_equal(sql->parent, request->span) && bytes_equal(cache->parent, request->span));
	assert_true(bytes_equal(get->parent, cache->span));
	assert_false(bytes_equal(event_of(seen, "other")->id, request->id));
	assert_true(request->start <= sql->start && sql->end <= request->end && sql->end >= sql->start);
	assert_int_equal(request->pid, getpid());
}

TEST(an_id_that_is_given_goes_to_all_below)
{
	configure();
	BX_CONTEXT("job", .id = "order-7")
	BX_CONTEXT(".step")
	bx_set("n", 1);
	const struct event *step = event_of(look(), "job.step");
	assert_int_equal(step->id.n, 7);
	assert_memory_equal(step->id.p, "order-7", 7);
}

static int
leave_early(void)
{
	BX_CONTEXT("early")
	{
		BX_CONTEXT(".inner")
		return 7;
	}
	return 0;
}

TEST(a_context_ends_on_every_way_out)
{
	configure();
	assert_int_equal(leave_early(), 7);
	for (int i = 0; i < 3; i++) {
		BX_CONTEXT("broken")
		{
			if (i == 1)
				break;
		}
	}
	BX_CONTEXT("gone")
	goto out;
out:
	assert_null(bx_current());
	const struct seen *seen = look();
	event_of(seen, "early");
	event_of(seen, "early.inner");
	event_of(seen, "gone");
	assert_int_equal(seen->count, 6);
}

TEST(mistaken_names_are_inert_and_silence_what_is_below)
{
	static const char *const wrong[] = {"", ".", "..x", "^", "^x", "a..b", "a."};
	struct bx_counters c;
	configure();
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		bx_begin(wrong[i]);
		bx_set("a", 1);
		bx_begin(".below");
		assert_int_equal(bx_end(), 0);
		assert_int_equal(bx_end(), 0);
	}
	bx_stats(&c);
	assert_int_equal(c.bad_names, sizeof wrong / sizeof *wrong);
	bx_begin("fine");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->count, 1);
}

TEST(a_stale_handle_is_recognised)
{
	struct bx_counters c;
	configure();
	bx_ctx *a = bx_new("a");
	assert_int_equal(bx_done(a), 1);
	assert_int_equal(bx_done(a), 0);
	bx_ctx *b = bx_new("b"); /* the same memory */
	bx_ctx_set(a, "x", 1);
	bx_start(a);
	assert_null(bx_current());
	assert_int_equal(bx_done(b), 1);
	bx_error("class", NULL, "on no context");
	bx_stack("on.none");
	bx_stats(&c);
	assert_int_equal(c.fields_ignored, 3);
	assert_body(event_of(look(), "b"), "{}");
}

TEST(contexts_end_out_of_order_and_move_between_stacks)
{
	configure();
	bx_ctx *outer = bx_begin("outer"), *inner = bx_begin(".inner");
	bx_stop(outer);
	assert_ptr_equal(bx_current(), inner);
	assert_int_equal(bx_end(), 1);
	assert_null(bx_current());
	bx_start(outer);
	assert_ptr_equal(bx_current(), outer);
	assert_int_equal(bx_done(outer), 1);
	assert_null(bx_current());
	assert_int_equal(look()->count, 2);
}

TEST(fields_past_the_limit_are_left_out_and_counted)
{
	static char big[20000];
	struct bx_counters c;
	setenv("BLUEOX_EVENT_MAX", "16k", 1);
	configure();
	memset(big, 'x', sizeof big - 1);
	bx_begin("t");
	bx_set("a", 1);
	bx_set("big", big);
	bx_set("b", 2);
	assert_int_equal(bx_end(), 1);
	assert_body(event_of(look(), "t"), "{\"a\":1,\"b\":2,\"truncated\":1}");
	bx_stats(&c);
	assert_int_equal(c.fields_left_out, 1);
}

TEST(an_event_filled_to_the_brim_still_fits)
{
	configure();
	bx_begin("t");
	for (int i = 0; i < 20000; i++) {
		char key[32];
		snprintf(key, sizeof key, "group%d.of.key%d", i % 7, i);
		bx_set(key, i);
	}
	assert_int_equal(bx_end(), 1);
	assert_true(mp_is_one_map(event_of(look(), "t")->body.p, event_of(look(), "t")->body.n));
}

TEST(a_full_ring_drops_the_newest_and_counts)
{
	struct bx_counters c;
	int kept = 0, dropped = 0;
	setenv("BLUEOX_RING_SIZE", "16k", 1);
	configure();
	for (int i = 0; i < 1000; i++) {
		bx_begin("t");
		bx_set("i", i);
		if (bx_end())
			kept++;
		else
			dropped++;
		assert_true(kept == i + 1 || dropped > 0);
	}
	bx_stats(&c);
	const struct seen *seen = look();
	assert_true(dropped > 0 && kept > 50);
	assert_int_equal(seen->count, kept);
	assert_int_equal(seen->dropped, dropped);
	assert_int_equal(seen->dropped_by[DROP_RING_FULL], dropped);
	assert_int_equal(c.events, kept);
	assert_int_equal(c.dropped_ring_full, dropped);
	assert_body(&seen->events[0], "{\"i\":0}");
}

TEST(a_drained_ring_takes_events_again_and_wraps)
{
	setenv("BLUEOX_RING_SIZE", "16k", 1);
	configure();
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 20; i++) {
			bx_begin("t");
			bx_set("payload", "0123456789012345678901234567890123456789");
			assert_int_equal(bx_end(), 1);
		}
		drain_all();
	}
}

static void *
emit_one(void *arg)
{
	bx_begin("t");
	*(int *)arg = bx_end();
	return NULL;
}

TEST(threads_that_come_and_go_share_one_ring)
{
	configure();
	for (int i = 0; i < 200; i++) {
		pthread_t thread;
		int kept = 0;
		assert_int_equal(pthread_create(&thread, NULL, emit_one, &kept), 0);
		pthread_join(thread, NULL);
		assert_int_equal(kept, 1);
	}
	assert_int_equal(look()->rings, 1);
	assert_int_equal(look()->count, 200);
}

static pthread_barrier_t barrier;

static void *
emit_together(void *arg)
{
	pthread_barrier_wait(&barrier);
	emit_one(arg);
	pthread_barrier_wait(&barrier);
	return NULL;
}

TEST(a_process_stays_within_its_bound_of_rings)
{
	enum { THREADS = 120 };
	pthread_t threads[THREADS];
	int kept[THREADS] = {0}, sum = 0;
	struct bx_counters c;
	configure();
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, emit_together, &kept[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += kept[i];
	}
	bx_stats(&c);
	const struct seen *seen = look();
	assert_int_equal(sum, 16 + 64); /* half of the bound in full rings, half in rings of a quarter */
	assert_int_equal(seen->rings, sum);
	assert_in_range(seen->ring_bytes, 0, RING_PROCESS_MAX);
	assert_int_equal(c.dropped_no_ring, THREADS - sum);
}

/* As oxd does when it wants the writer elsewhere. */
static void
ask_to_leave(void)
{
	char path[80];
	uint32_t one = 1;
	snprintf(path, sizeof path, "%s/rings", run_dir);
	DIR *d = opendir(path);
	for (struct dirent *e; (e = readdir(d));) {
		if (!strstr(e->d_name, RING_SUFFIX))
			continue;
		int fd = openat(dirfd(d), e->d_name, O_RDWR);
		assert_int_equal(pwrite(fd, &one, sizeof one, offsetof(struct ring_header, please_leave)), sizeof one);
		close(fd);
	}
	closedir(d);
}

static void *
read_counters(void *arg)
{
	struct bx_counters c;
	uint64_t last = 0;
	while (!atomic_load((atomic_bool *)arg)) {
		bx_stats(&c);
		last = c.events;
	}
	(void)last;
	return NULL;
}

TEST(a_ring_is_left_when_oxd_asks_while_others_read_its_counters)
{
	struct bx_counters c;
	atomic_bool stop = false;
	pthread_t reader;
	uint64_t kept = 0;
	setenv("BLUEOX_RING_SIZE", "16k", 1);
	configure();
	assert_int_equal(pthread_create(&reader, NULL, read_counters, &stop), 0);
	bx_begin("t");
	kept += (uint64_t)bx_end();
	for (int round = 1; round <= 20; round++) {
		ask_to_leave();
		for (int i = 0; look()->rings <= round && i < 1000; i++) {
			bx_begin("t");
			kept += (uint64_t)bx_end();
		}
		assert_int_equal(look()->rings, round + 1);
	}
	atomic_store(&stop, true);
	pthread_join(reader, NULL);
	bx_stats(&c);
	assert_int_equal(c.events, kept);
	assert_int_equal(c.rings, 1);
}

TEST(drops_without_a_ring_reach_the_next_one)
{
	char rings[80], aside[80];
	struct bx_counters c;
	configure();
	snprintf(rings, sizeof rings, "%s/rings", run_dir);
	snprintf(aside, sizeof aside, "%s/doorbell", run_dir);
	assert_int_equal(rename(rings, aside), 0);
	bx_begin("t");
	assert_int_equal(bx_end(), 0);
	bx_begin("t");
	assert_int_equal(bx_end(), 0);
	bx_stats(&c);
	assert_int_equal(c.dropped_no_ring, 2);
	assert_int_equal(rename(aside, rings), 0);
	int more = 0;
	for (int64_t start = clock_mono_ns(); clock_mono_ns() - start < 5000000000;) { /* tried again within a second */
		bx_begin("t");
		if (bx_end())
			break;
		more++;
	}
	assert_int_equal(look()->dropped_by[DROP_NO_RING], 2 + more);
	assert_int_equal(look()->count, 1);
}

static _Atomic uint32_t *bell;
static atomic_int woken;

/* As a sleeping oxd does, for short whiles. */
static void *
sleep_on_the_bell(void *arg)
{
	struct timespec while_ = {0, 20000000};
	while (!atomic_load((atomic_bool *)arg))
		if (syscall(SYS_futex, bell, FUTEX_WAIT, 1, &while_, NULL, 0) == 0)
			atomic_fetch_add(&woken, 1);
	return NULL;
}

static bool
emit_after_quiet(void)
{
	bx_thread.ring.busy_ns = clock_mono_ns() - 2 * RING_QUIET_NS;
	bx_begin("t");
	return bx_end() == 1;
}

TEST(the_first_event_after_a_quiet_time_wakes_oxd)
{
	char path[80];
	pthread_t sleeper;
	atomic_bool stop = false;
	snprintf(path, sizeof path, "%s/doorbell", run_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 4096), 0);
	bell = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(bell != MAP_FAILED);
	atomic_store(bell, 1);
	assert_int_equal(pthread_create(&sleeper, NULL, sleep_on_the_bell, &stop), 0);
	configure();
	for (int i = 0; i < 2; i++) {
		int before = atomic_load(&woken);
		/* Few enough that the ring is never half full, which rings the bell too. */
		for (int tries = 0; tries < 100 && atomic_load(&woken) == before; tries++) {
			assert_true(emit_after_quiet());
			pace_us(20000);
		}
		assert_true(atomic_load(&woken) > before);
	}
	atomic_store(&stop, true);
	pthread_join(sleeper, NULL);
	close(fd);
}

TEST(a_file_size_limit_below_a_ring_kills_nobody)
{
	struct rlimit limit = {100000, 100000};
	struct bx_counters c;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	configure();
	bx_begin("t");
	assert_int_equal(bx_end(), 0);
	bx_stats(&c);
	assert_int_equal(c.dropped_no_ring, 1);
	assert_int_equal(look()->rings, 0);
}

TEST(no_descriptor_stays_open)
{
	configure();
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
	for (int fd = 3; fd < 1024; fd++) {
		char path[64], target[512];
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		assert_null(strstr(target, run_dir));
	}
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
}

TEST(errno_is_kept)
{
	configure();
	errno = 4711;
	bx_begin("t");
	bx_set("a", 1);
	bx_error("class", "code", "message");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(errno, 4711);
	setenv("BLUEOX_RUN_DIR", "/nonexistent", 1);
	assert_int_equal(errno, 4711);
}

static void
child_part(void)
{
	bx_set("in", "child");
	assert_int_equal(bx_end(), 0); /* the parent's context: the child never emits it */
	bx_begin("own");
	assert_int_equal(bx_end(), 1);
	_exit(0);
}

TEST(a_forked_child_has_rings_of_its_own)
{
	configure();
	bx_begin("before");
	assert_int_equal(bx_end(), 1);
	bx_begin("request");
	pid_t pid = fork();
	if (pid == 0) {
		bx_begin(".child");
		if (!bx_end())
			_exit(1);
		child_part();
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	bx_set("in", "parent");
	assert_int_equal(bx_end(), 1);
	const struct seen *seen = look();
	assert_int_equal(seen->rings, 2);
	assert_int_equal(seen->count, 4);
	const struct event *request = event_of(seen, "request"), *child = event_of(seen, "request.child");
	assert_body(request, "{\"in\":\"parent\"}");
	assert_true(bytes_equal(request->id, child->id));
	assert_true(bytes_equal(child->parent, request->span));
	assert_int_equal(child->pid, pid);
	assert_int_equal(request->pid, getpid());
}

TEST(spans_of_parent_and_child_differ_after_a_fork)
{
	configure();
	bx_begin("warm");
	bx_end();
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			bx_begin("t");
			_exit(bx_end() ? 0 : 1);
		}
		int status;
		waitpid(pid, &status, 0);
		assert_int_equal(status, 0);
	}
	bx_begin("t");
	bx_end();
	const struct seen *seen = look();
	assert_int_equal(seen->count, 5);
	for (int i = 0; i < seen->count; i++)
		for (int j = 0; j < i; j++) {
			assert_false(bytes_equal(seen->events[i].span, seen->events[j].span));
			assert_false(bytes_equal(seen->events[i].id, seen->events[j].id));
		}
}

static volatile sig_atomic_t handled, kept_in_handler;

static void
emit_in_handler(int sig)
{
	(void)sig;
	int kept = errno;
	bx_begin("signal");
	bx_set("n", (int)handled);
	kept_in_handler += bx_end();
	handled++;
	errno = kept;
}

TEST(a_signal_handler_may_emit_at_any_moment)
{
	struct bx_counters c;
	struct sigaction sa = {.sa_handler = emit_in_handler};
	configure();
	sigaction(SIGALRM, &sa, NULL);
	struct itimerval often = {{0, 50}, {0, 50}}, never = {0};
	int kept = 0, made = 0;
	bx_begin("warm");
	bx_end();
	drain_all();
	setitimer(ITIMER_REAL, &often, NULL);
	for (; handled < 2000 && made < 20000000; made++) {
		bx_begin("outer");
		bx_set("a", made);
		bx_begin(".inner");
		kept += bx_end();
		kept += bx_end();
		assert_null(bx_current());
		if (made % 50 == 0)
			drain_all();
	}
	setitimer(ITIMER_REAL, &never, NULL);
	bx_stats(&c);
	assert_true(handled >= 2000);
	assert_int_equal(c.events, 1 + kept + kept_in_handler);
}

TEST(an_error_carries_class_code_message_stack_and_print)
{
	configure();
	bx_begin("t");
	bx_error("demo", "E7", "went wrong: %d", 7);
	assert_int_equal(bx_end(), 1);
	struct cursor c;
	const struct event *ev = event_of(look(), "t");
	struct mp_token t;
	cursor_init(&c, ev->body.p, ev->body.n);
	assert_true(mp_next(&c, &t) && t.kind == MP_MAP && t.len == 1);
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "error"));
	assert_true(mp_next(&c, &t) && t.kind == MP_MAP && t.len == 5);
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "class") && mp_next(&c, &t) && mp_str_is(&t, "demo"));
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "code") && mp_next(&c, &t) && mp_str_is(&t, "E7"));
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "message") && mp_next(&c, &t) && mp_str_is(&t, "went wrong: 7"));
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "stack") && mp_skip(&c));
	assert_true(mp_next(&c, &t) && mp_str_is(&t, "print") && mp_next(&c, &t) && t.kind == MP_STR && t.len == 16);
}

TEST(under_the_shim_the_process_is_the_outermost_context)
{
	setenv("BLUEOX_ID", "deploy-12", 1);
	assert_int_equal(bx__process_begin(&(struct bx__process){.name = "psql"}), 0);
	assert_int_equal(bx__process_begin(&(struct bx__process){.name = "again"}), -1);
	assert_null(bx__process_event()); /* nothing emitted yet */
	assert_int_equal(bx_done(bx_new(".sql")), 1);
	bx_begin("request");
	assert_int_equal(bx_done(bx_new(".sql")), 1);
	assert_int_equal(bx_end(), 1);
	bx_ctx *process = bx__process_event();
	bx_ctx_set(process, "exit_status", 0);
	assert_int_equal(bx_done(process), 1);
	assert_null(bx__process_event());
	const struct seen *seen = look();
	const struct event *top = event_of(seen, "psql"), *sql = event_of(seen, "psql.sql");
	assert_true(bytes_equal(top->id, sql->id));
	assert_memory_equal(top->id.p, "deploy-12", 9);
	assert_true(bytes_equal(sql->parent, top->span));
	event_of(seen, "request.sql");
	assert_body(top, "{\"exit_status\":0}");
}

static void
emit_known(const char *name, uint32_t known, int n)
{
	int64_t start;
	bx_ctx *ctx = bx__ctx_new(name, known, &start);
	bx_ctx_set(ctx, "n", n);
	assert_int_equal(bx_done(ctx), 1);
}

#define EMIT_KNOWN(name, n) emit_known(name, BX__NAME_KNOWN(name), n)

/* All lie right under the process, whatever came between them; each has a span of its own. */
static void
check_under(const struct seen *seen, const char *process, const char *const *types, int count)
{
	const struct event *top = event_of(seen, process);
	for (int i = 0; i < count; i++) {
		const struct event *ev = &seen->events[i];
		assert_int_equal(ev->type.n, strlen(types[i]));
		assert_memory_equal(ev->type.p, types[i], ev->type.n);
		assert_true(bytes_equal(ev->id, top->id));
		assert_true(bytes_equal(ev->parent, top->span));
		assert_true(ev->end >= ev->start && ev->start >= top->start);
		for (int j = 0; j < i; j++)
			assert_false(bytes_equal(ev->span, seen->events[j].span));
	}
}

TEST(what_a_shim_opens_again_and_again_is_what_it_was_each_time)
{
	assert_int_equal(bx__process_begin(&(struct bx__process){.name = "nightly.psql"}), 0);
	for (int i = 0; i < 3; i++)
		EMIT_KNOWN(".sql", i);
	EMIT_KNOWN(".log", 3);
	assert_int_equal(bx_done(bx_new(".mail")), 1);
	for (int i = 5; i < 8; i++)
		EMIT_KNOWN(".sql", i);
	assert_int_equal(bx_done(bx__process_event()), 1);
	static const char *const types[] = {"nightly.psql.sql", "nightly.psql.sql", "nightly.psql.sql",
	    "nightly.psql.log", "nightly.psql.mail", "nightly.psql.sql", "nightly.psql.sql", "nightly.psql.sql"};
	const struct seen *seen = look();
	assert_int_equal(seen->count, 9);
	check_under(seen, "nightly.psql", types, 8);
	assert_body(&seen->events[7], "{\"n\":7}");
}

TEST(what_a_shim_opens_again_lies_under_what_is_open)
{
	assert_int_equal(bx__process_begin(&(struct bx__process){.name = "psql"}), 0);
	bx_ctx *other = bx_new(".other"); /* whose memory is the request's then, so that .sql finds its own again */
	for (int i = 0; i < 3; i++)
		EMIT_KNOWN(".sql", i);
	assert_int_equal(bx_done(other), 1);
	bx_begin("request");
	EMIT_KNOWN(".sql", 3);
	assert_int_equal(bx_end(), 1);
	EMIT_KNOWN(".sql", 4);
	const struct seen *seen = look();
	const struct event *inner = event_of(seen, "request.sql"), *outer = event_of(seen, "request");
	assert_true(bytes_equal(inner->parent, outer->span));
	assert_true(bytes_equal(inner->id, outer->id));
	assert_int_equal(seen->events[6].type.n, strlen("psql.sql"));
	assert_true(bytes_equal(seen->events[6].parent, seen->events[0].parent));
}

TEST(what_a_shim_opens_again_in_a_child_is_the_childs)
{
	assert_int_equal(bx__process_begin(&(struct bx__process){.name = "psql"}), 0);
	for (int i = 0; i < 3; i++)
		EMIT_KNOWN(".sql", i);
	struct event parents = look()->events[0];
	char parents_span[16];
	memcpy(parents_span, parents.parent.p, sizeof parents_span);
	pid_t child = fork();
	if (child == 0) {
		for (int i = 0; i < 3; i++)
			EMIT_KNOWN(".sql", 10 + i);
		bx_done(bx__process_event());
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	const struct seen *seen = look();
	const struct event *top = event_of(seen, "psql");
	int theirs = 0;
	for (int i = 0; i < seen->count; i++) {
		const struct event *ev = &seen->events[i];
		assert_true(bytes_equal(ev->id, top->id));
		if (ev == top || memcmp(ev->parent.p, parents_span, sizeof parents_span) == 0)
			continue;
		theirs++;
		assert_true(bytes_equal(ev->parent, top->span));
		assert_int_equal(ev->pid, child);
	}
	assert_int_equal(theirs, 3);
}

static const char *
second_source(const char *variable)
{
	if (strcmp(variable, "BLUEOX_RING_SIZE") == 0)
		return "128k";
	if (strcmp(variable, "BLUEOX_STACKS") == 0)
		return "perhaps";
	return strcmp(variable, "BLUEOX_SAMPLE") == 0 ? "*.log=0" : NULL;
}

static int asked;
static bool declines;

static bool
begin_offered(void)
{
	asked++;
	return declines || bx__process_begin(&(struct bx__process){.name = "psql"}) == 0;
}

TEST(what_the_shim_offers_begins_with_the_first_event)
{
	bx__process_offer(begin_offered);
	assert_true(bx_configured());
	assert_int_equal(asked, 0);
	bx_begin(".request");
	assert_int_equal(asked, 1);
	bx_set("n", 1);
	assert_int_equal(bx_end(), 1);
	const struct seen *seen = look();
	assert_body(event_of(seen, "psql.request"), "{\"n\":1}");
	assert_int_equal(bx_done(bx__process_event()), 1);
	assert_true(bytes_equal(event_of(look(), "psql.request")->parent, event_of(look(), "psql")->span));
}

TEST(what_the_shim_offers_begins_before_the_program_configures)
{
	bx__process_offer(begin_offered);
	configure();
	assert_int_equal(asked, 1);
	assert_int_equal(bx_done(bx_new(".request")), 1);
	assert_int_equal(bx_done(bx__process_event()), 1);
	assert_true(bytes_equal(event_of(look(), "psql.request")->parent, event_of(look(), "psql")->span));
}

TEST(an_offer_that_is_declined_leaves_it_off)
{
	declines = true;
	bx__process_offer(begin_offered);
	assert_int_equal(bx_done(bx_new("request")), 0);
	assert_false(bx_configured());
	assert_int_equal(bx_done(bx_new("request")), 0);
	assert_int_equal(asked, 1);
	configure();
	assert_int_equal(bx_done(bx_new("request")), 1);
	assert_null(event_of(look(), "request")->parent.p);
}

TEST(what_was_offered_and_shut_down_stays_off)
{
	bx__process_offer(begin_offered);
	bx_shutdown();
	assert_int_equal(bx_done(bx_new("request")), 0);
	assert_false(begin_offered());
	assert_int_equal(bx_done(bx_new("request")), 0);
}

TEST(a_second_source_counts_where_the_environment_says_nothing)
{
	setenv("BLUEOX_RING_SIZE", "64k", 1);
	assert_int_equal(bx__process_begin(&(struct bx__process){.name = "psql", .setting = second_source}), 0);
	assert_int_equal(bx_done(bx_new(".sql")), 1);
	assert_int_equal(bx_done(bx_new(".log")), 0); /* by its sampling */
	assert_int_equal(look()->ring_bytes, 65536);
	struct bx_counters n;
	bx_stats(&n);
	assert_int_equal(n.bad_settings, 1);
}

TEST(the_first_top_context_takes_the_id_of_the_environment)
{
	setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 1);
	configure();
	bx_begin("first");
	bx_end();
	bx_begin("second");
	bx_end();
	const struct event *first = event_of(look(), "first"), *second = event_of(look(), "second");
	assert_memory_equal(first->id.p, "0af7651916cd43dd8448eb211c80319c", 32);
	assert_memory_equal(first->parent.p, "b7ad6b7169203331", 16);
	assert_memory_not_equal(second->id.p, first->id.p, 32);
	assert_null(second->parent.p);
}

TEST(a_ring_size_of_zero_turns_it_off)
{
	setenv("BLUEOX_RING_SIZE", "0", 1);
	assert_int_equal(bx_configure_default(), -1);
}

TEST(shutdown_stops_recording_and_may_be_repeated)
{
	configure();
	bx_begin("t");
	bx_shutdown();
	assert_int_equal(bx_end(), 0);
	bx_shutdown();
	assert_int_equal(look()->rings, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unconfigured_calls_do_nothing),
	    cmocka_unit_test(configuring_makes_no_file_before_the_first_event),
	    cmocka_unit_test(every_type_of_value_is_kept),
	    cmocka_unit_test(dotted_keys_nest_and_setting_again_replaces),
	    cmocka_unit_test(sub_events_share_the_id_and_name_their_parent),
	    cmocka_unit_test(an_id_that_is_given_goes_to_all_below),
	    cmocka_unit_test(a_context_ends_on_every_way_out),
	    cmocka_unit_test(mistaken_names_are_inert_and_silence_what_is_below),
	    cmocka_unit_test(a_stale_handle_is_recognised),
	    cmocka_unit_test(contexts_end_out_of_order_and_move_between_stacks),
	    cmocka_unit_test(fields_past_the_limit_are_left_out_and_counted),
	    cmocka_unit_test(an_event_filled_to_the_brim_still_fits),
	    cmocka_unit_test(a_full_ring_drops_the_newest_and_counts),
	    cmocka_unit_test(a_drained_ring_takes_events_again_and_wraps),
	    cmocka_unit_test(threads_that_come_and_go_share_one_ring),
	    cmocka_unit_test(a_process_stays_within_its_bound_of_rings),
	    cmocka_unit_test(a_ring_is_left_when_oxd_asks_while_others_read_its_counters),
	    cmocka_unit_test(drops_without_a_ring_reach_the_next_one),
	    cmocka_unit_test(a_file_size_limit_below_a_ring_kills_nobody),
	    cmocka_unit_test(no_descriptor_stays_open),
	    cmocka_unit_test(errno_is_kept),
	    cmocka_unit_test(a_forked_child_has_rings_of_its_own),
	    cmocka_unit_test(spans_of_parent_and_child_differ_after_a_fork),
	    cmocka_unit_test(a_signal_handler_may_emit_at_any_moment),
	    cmocka_unit_test(an_error_carries_class_code_message_stack_and_print),
	    cmocka_unit_test(under_the_shim_the_process_is_the_outermost_context),
	    cmocka_unit_test(what_a_shim_opens_again_and_again_is_what_it_was_each_time),
	    cmocka_unit_test(what_a_shim_opens_again_lies_under_what_is_open),
	    cmocka_unit_test(what_a_shim_opens_again_in_a_child_is_the_childs),
	    cmocka_unit_test(what_the_shim_offers_begins_with_the_first_event),
	    cmocka_unit_test(what_the_shim_offers_begins_before_the_program_configures),
	    cmocka_unit_test(an_offer_that_is_declined_leaves_it_off),
	    cmocka_unit_test(what_was_offered_and_shut_down_stays_off),
	    cmocka_unit_test(a_second_source_counts_where_the_environment_says_nothing),
	    cmocka_unit_test(the_first_top_context_takes_the_id_of_the_environment),
	    cmocka_unit_test(the_first_event_after_a_quiet_time_wakes_oxd),
	    cmocka_unit_test(a_ring_size_of_zero_turns_it_off),
	    cmocka_unit_test(shutdown_stops_recording_and_may_be_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
