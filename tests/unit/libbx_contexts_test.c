/* SPDX-License-Identifier: ISC */
/*
 * libbx_contexts_test: names as a program meets them, finding and clearing, and every way out of a context.
 */
#include "tests/unit/libbx_world.h"

static struct bx_counters
counters(void)
{
	struct bx_counters c;
	bx_stats(&c);
	return c;
}

/* ---- names: every row of the table in doc/SEMANTICS.md ---- */

struct row {
	const char *open[4]; /* outermost first, as they are called when resolved */
	const char *given;
	const char *is;
	const char *parent; /* NULL: a top */
};

static const struct row rows[] = {
    {{NULL}, "request", "request", NULL},
    {{NULL}, ".sql", "sql", NULL},
    {{NULL}, "^.sql", "sql", NULL},
    {{NULL}, "a.b.c", "a.b.c", NULL},
    {{"request"}, ".sql", "request.sql", "request"},
    {{"request"}, "request", "request", "request"},
    {{"a"}, "a.b", "a.b", "a"},
    {{"a"}, "ab", "ab", NULL},
    {{"a"}, "b", "b", NULL},
    {{"a", "a.b.c"}, "a.b.d", "a.b.d", "a"},
    {{"a", "a.b", "x"}, "a.b.c", "a.b.c", "a.b"},
    {{"a", "a.b", "x"}, ".c", "x.c", "x"},
    {{"a", "a.b", "x"}, "^.c", "a.c", "a"},
    {{"a", "x", "a.b"}, "a.b.c.d", "a.b.c.d", "a.b"},
    {{"a.b"}, "a.bc", "a.bc", NULL},
    {{"a.b"}, ".b.c", "a.b.c", "a.b"},
    {{"a.b"}, ".b", "a.b", "a.b"},
    {{"a.b"}, ".x.b", "a.b.x.b", "a.b"},
    {{"a.b"}, "^.b.c", "a.b.c", "a.b"},
    {{"a.b.c"}, ".b.d", "a.b.d", "a.b.c"},
    {{"a.b.c"}, ".a.d", "a.d", "a.b.c"},
    {{"a.b.b"}, ".b.d", "a.b.b.d", "a.b.b"},
    {{"a"}, ".a", "a", "a"},
    {{"a"}, ".a.b", "a.b", "a"},
    {{"ab"}, ".a", "ab.a", "ab"},
};

static void
check_row(const struct row *row)
{
	char given[64]; /* not known to the compiler, and gone afterwards */
	int depth = 0;
	for (; depth < 4 && row->open[depth]; depth++)
		bx_begin(row->open[depth]);
	strcpy(given, row->given);
	bx_begin(given);
	memset(given, '!', sizeof given);
	assert_int_equal(bx_end(), 1);
	while (depth-- > 0)
		assert_int_equal(bx_end(), 1);
	assert_null(bx_current());
	const struct seen *seen = look();
	const struct event *made = &seen->events[0];
	if (made->type.n != strlen(row->is) || memcmp(made->type.p, row->is, made->type.n) != 0)
		fail_msg("'%s' is %.*s, not %s", row->given, (int)made->type.n, (const char *)made->type.p, row->is);
	if (!row->parent) {
		assert_null(made->parent.p);
		for (int i = 1; i < seen->count; i++)
			assert_false(bytes_equal(seen->events[i].id, made->id));
		return;
	}
	const struct event *parent = NULL;
	for (int i = 1; i < seen->count; i++)
		if (bytes_equal(seen->events[i].span, made->parent))
			parent = &seen->events[i];
	if (!parent || parent->type.n != strlen(row->parent) ||
	    memcmp(parent->type.p, row->parent, parent->type.n) != 0)
		fail_msg("'%s' does not lie under %s", row->given, row->parent);
	else
		assert_true(bytes_equal(parent->id, made->id));
}

static const struct row *row_now;

static void
check_row_body(void)
{
	configure();
	check_row(row_now);
}

static void
every_row_of_the_table_of_names(void **state)
{
	(void)state;
	for (row_now = rows; row_now < rows + sizeof rows / sizeof *rows; row_now++)
		in_child(check_row_body);
}

TEST(a_name_of_255_bytes_is_whole_and_a_longer_one_a_mistake)
{
	char name[400];
	memset(name, 'n', sizeof name);
	name[255] = '\0';
	configure();
	bx_begin(name);
	bx_begin(".x");
	assert_int_equal(bx_end(), 0);
	assert_int_equal(bx_end(), 1);
	event_of(look(), name);
	name[255] = 'n';
	name[256] = '\0';
	bx_begin(name);
	assert_int_equal(bx_end(), 0);
	assert_int_equal(counters().bad_names, 2);
}

TEST(a_literal_and_a_text_resolve_alike)
{
	char request[] = "request", sql[] = ".sql", again[] = ".request";
	configure();
	bx_begin("request");
	bx_begin(".sql");
	bx_end();
	bx_begin(".request");
	bx_end();
	bx_end();
	bx_begin(request);
	bx_begin(sql);
	bx_end();
	bx_begin(again);
	bx_end();
	bx_end();
	const struct seen *seen = look();
	assert_int_equal(seen->count, 6);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(seen->events[i].type.n, seen->events[i + 3].type.n);
		assert_memory_equal(seen->events[i].type.p, seen->events[i + 3].type.p, seen->events[i].type.n);
	}
}

/* ---- finding and clearing ---- */

TEST(contexts_are_found_by_place_and_by_name)
{
	configure();
	assert_null(bx_find("."));
	assert_null(bx_find("^"));
	assert_null(bx_find(".."));
	assert_null(bx_find("request"));
	assert_null(bx_find(NULL));
	bx_ctx *request = bx_begin("request");
	assert_ptr_equal(bx_find("."), request);
	assert_ptr_equal(bx_find("^"), request);
	assert_null(bx_find(".."));
	bx_ctx *sql = bx_begin(".sql"), *row = bx_begin(".row");
	assert_ptr_equal(bx_find("."), row);
	assert_ptr_equal(bx_find(".."), sql);
	assert_ptr_equal(bx_find("^"), request);
	assert_ptr_equal(bx_find("request.sql"), sql);
	assert_ptr_equal(bx_find("request"), request);
	assert_null(bx_find(".sql"));
	assert_null(bx_find("sql"));
	assert_null(bx_find(""));
	bx_ctx *again = bx_begin("request"); /* the innermost of that name */
	assert_ptr_equal(bx_find("request"), again);
	bx_ctx_set(bx_find("^"), "found", 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(bx_end(), 1);
	assert_body(&look()->events[3], "{\"found\":1}");
}

TEST(clearing_empties_the_stack_and_emits_nothing)
{
	configure();
	bx_ctx *a = bx_begin("a"), *b = bx_new(".b");
	bx_start(b);
	bx_begin(".c");
	bx_clear();
	assert_null(bx_current());
	assert_int_equal(look()->rings, 0);
	assert_int_equal(bx_done(a), 0); /* over */
	assert_int_equal(counters().bad_handles, 1);
	bx_clear();
	bx_start(b); /* whoever made it still has it */
	assert_ptr_equal(bx_current(), b);
	assert_int_equal(bx_done(b), 1);
	assert_int_equal(bx_end(), 0);
	assert_int_equal(look()->count, 1);
	event_of(look(), "a.b");
}

/* ---- start, stop, done ---- */

TEST(done_emits_once_even_after_another_start)
{
	configure();
	bx_ctx *c = bx_new("a");
	bx_start(c);
	bx_stop(c);
	bx_stop(c); /* stopped twice is stopped; counted, since it was nowhere */
	bx_start(c);
	bx_start(c); /* already here */
	assert_int_equal(counters().bad_handles, 0);
	assert_int_equal(bx_done(c), 1);
	assert_null(bx_current());
	bx_start(c);
	assert_null(bx_current());
	bx_stop(c);
	assert_int_equal(bx_done(c), 0);
	assert_int_equal(counters().bad_handles, 3);
	assert_int_equal(look()->count, 1);
}

TEST(null_is_allowed_everywhere_and_is_no_mistake)
{
	configure();
	bx_start(NULL);
	bx_stop(NULL);
	assert_int_equal(bx_done(NULL), 0);
	bx_ctx_set(NULL, "a", 1);
	assert_int_equal(counters().bad_handles, 0);
	assert_int_equal(look()->rings, 0);
}

static bx_ctx *shared;
static pthread_barrier_t both;

static void *
hold_it(void *arg)
{
	(void)arg;
	bx_start(shared);
	pthread_barrier_wait(&both); /* it is on our stack */
	pthread_barrier_wait(&both); /* the other has tried */
	bx_ctx_set(shared, "thread", 2);
	bx_stop(shared);
	return NULL;
}

TEST(another_threads_context_cannot_be_taken_off_its_stack)
{
	pthread_t thread;
	configure();
	pthread_barrier_init(&both, NULL, 2);
	shared = bx_new("a");
	bx_ctx_set(shared, "thread", 1);
	assert_int_equal(pthread_create(&thread, NULL, hold_it, NULL), 0);
	pthread_barrier_wait(&both);
	bx_start(shared);
	assert_null(bx_current());
	bx_stop(shared);
	assert_int_equal(bx_done(shared), 0);
	assert_int_equal(counters().bad_handles, 3);
	pthread_barrier_wait(&both);
	pthread_join(thread, NULL);
	assert_int_equal(bx_done(shared), 1);
	assert_body(event_of(look(), "a"), "{\"thread\":2}");
}

static void *
new_thread(void *arg)
{
	(void)arg;
	assert_null(bx_current());
	bx_begin(".alone");
	assert_int_equal(bx_end(), 1);
	return NULL;
}

TEST(a_new_thread_has_no_parent)
{
	pthread_t thread;
	configure();
	bx_begin("request");
	assert_int_equal(pthread_create(&thread, NULL, new_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(bx_end(), 1);
	assert_null(event_of(look(), "alone")->parent.p);
}

/* ---- ways out ---- */

static jmp_buf back;

static __attribute__((noinline)) void
jump_out(void)
{
	BX_CONTEXT(".inner")
	longjmp(back, 1);
}

TEST(longjmp_out_of_a_context_leaves_it_open_until_it_is_cleared)
{
	configure();
	bx_ctx *outer = bx_begin("outer");
	if (setjmp(back) == 0)
		jump_out();
	assert_ptr_not_equal(bx_current(), outer);
	assert_int_equal(bx_done(outer), 1); /* its handle still ends it */
	bx_clear();
	bx_begin(".top");
	assert_int_equal(bx_end(), 1);
	const struct seen *seen = look();
	assert_int_equal(seen->count, 2);
	event_of(seen, "outer");
	event_of(seen, "top");
}

TEST(a_stale_handle_is_recognised_after_many_reuses_of_its_memory)
{
	configure();
	bx_ctx *stale = bx_begin("stale");
	assert_int_equal(bx_end(), 1);
	for (int i = 0; i < 70000; i++) {
		assert_ptr_not_equal(bx_begin("other"), stale);
		bx_clear();
	}
}

static void *
emit_large_and_stay(void *arg)
{
	static char text[20000];
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&one);
	bx_begin("large");
	bx_set("text", bx_bytes(text, sizeof text));
	bool kept = bx_end();
	pthread_mutex_unlock(&one);
	pthread_barrier_wait(arg);
	return kept ? arg : NULL;
}

TEST(where_rings_are_small_fields_are_left_out_and_no_event_is_lost)
{
	pthread_t threads[24];
	pthread_barrier_t all;
	pthread_barrier_init(&all, NULL, 24);
	configure();
	for (int i = 0; i < 24; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, emit_large_and_stay, &all), 0);
	for (int i = 0; i < 24; i++) {
		void *kept;
		pthread_join(threads[i], &kept);
		assert_non_null(kept);
	}
	struct bx_counters c;
	bx_stats(&c);
	assert_int_equal(c.dropped_too_big, 0);
	assert_int_equal(c.fields_left_out, 8);
}

static sigjmp_buf out_of_libbx;

static void
jump_out_of_libbx(int sig)
{
	(void)sig;
	siglongjmp(out_of_libbx, 1);
}

/* An address that libbx cannot read, so that a handler certainly finds it at work. */
static const char *
unreadable(void)
{
	signal(SIGSEGV, jump_out_of_libbx);
	signal(SIGALRM, jump_out_of_libbx);
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	return page;
}

TEST(a_jump_out_of_libbx_itself_is_mended_by_clear)
{
	const char *nowhere = unreadable();
	configure();
	bx_begin("before");
	if (!sigsetjmp(out_of_libbx, 1))
		bx_set("text", bx_bytes(nowhere, 100));
	bx_begin("muted");
	assert_int_equal(bx_end(), 0);
	bx_clear();
	for (int i = 0; i < 10; i++) {
		bx_begin(".after");
		assert_int_equal(bx_end(), 1);
	}
	assert_int_equal(look()->count, 10);
	event_of(look(), "after");
}

TEST(a_context_that_a_jump_left_half_written_is_not_emitted)
{
	const char *nowhere = unreadable();
	configure();
	bx_ctx *worked_on = bx_new("worked_on"), *other = bx_new("other");
	bx_start(other);
	if (!sigsetjmp(out_of_libbx, 1))
		bx_ctx_set(worked_on, "text", bx_bytes(nowhere, 100));
	bx_clear();
	assert_int_equal(bx_done(worked_on), 0);
	bx_begin("after");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->count, 1);
}

TEST(jumps_at_any_moment_leave_rings_that_can_be_read)
{
	unreadable();
	configure();
	struct itimerval every = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	static volatile int jumps;
	bx_begin("before"); /* the ring is there: a jump out of its making would cost its place for good */
	assert_int_equal(bx_end(), 1);
	setitimer(ITIMER_REAL, &every, NULL);
	if (sigsetjmp(out_of_libbx, 1)) {
		jumps++;
		bx_clear();
	}
	while (jumps < 200) {
		bx_begin("j");
		bx_set("long", "0123456789012345678901234567890123456789");
		bx_set("a.b", 1);
		bx_end();
	}
	setitimer(ITIMER_REAL, &never, NULL);
	drain_all();
	bx_clear();
	bx_begin("after");
	assert_int_equal(bx_end(), 1);
}

TEST(contexts_that_are_never_ended_are_bounded)
{
	configure();
	for (volatile int i = 0; i < 3000; i++)
		if (setjmp(back) == 0)
			jump_out();
	assert_int_equal(counters().dropped_inert, 3000 - 1024);
	bx_clear();
	bx_begin("t");
	assert_int_equal(bx_end(), 1);
}

TEST(beyond_the_bound_pairs_still_hold)
{
	enum { DEPTH = 1100, KEPT = 1024 };
	int kept = 0;
	setenv("BLUEOX_RING_SIZE", "1m", 1);
	configure();
	for (int i = 0; i < DEPTH; i++)
		bx_begin("t");
	for (int i = 0; i < DEPTH; i++)
		kept += bx_end();
	assert_int_equal(kept, KEPT);
	assert_null(bx_current());
}

static void *
end_with_open_contexts(void *arg)
{
	bx_begin("begun");
	bx_start(arg);
	bx_begin("inner");
	if (bx_end() != 1)
		return arg;
	return NULL;
}

TEST(what_a_thread_leaves_open_is_not_emitted)
{
	configure();
	for (int i = 0; i < 100; i++) {
		pthread_t thread;
		void *wrong;
		bx_ctx *mine = bx_new("mine");
		assert_int_equal(pthread_create(&thread, NULL, end_with_open_contexts, mine), 0);
		pthread_join(thread, &wrong);
		assert_null(wrong);
		assert_int_equal(bx_done(mine), 1); /* it was stopped when the thread ended */
	}
	const struct seen *seen = look();
	assert_int_equal(seen->count, 200);
	assert_in_range(seen->rings, 1, 2);
}

static pthread_barrier_t gone;

static void *
detached(void *arg)
{
	(void)arg;
	BX_CONTEXT("detached")
	bx_set("a", 1);
	pthread_barrier_wait(&gone);
	return NULL;
}

TEST(a_detached_thread_loses_nothing)
{
	pthread_attr_t attr;
	pthread_t thread;
	configure();
	pthread_barrier_init(&gone, NULL, 2);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pthread_create(&thread, &attr, detached, NULL), 0);
		pthread_barrier_wait(&gone);
	}
	assert_int_equal(look()->count, 20);
}

static pthread_key_t late_key;

static void *
leave_by_pthread_exit(void *arg)
{
	BX_CONTEXT("left")
	{
		bx_set("a", 1);
		if (arg)
			pthread_exit(NULL);
	}
	return NULL;
}

TEST(pthread_exit_out_of_a_context_drops_it_and_harms_nothing)
{
	configure();
	for (int i = 0; i < 20; i++) {
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, leave_by_pthread_exit, &late_key), 0);
		pthread_join(thread, NULL);
	}
	bx_begin("after");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->rings, 1);
}

/* AddressSanitizer does not see a cancelled frame go: what it marked on the stack would meet the thread's own end. */
__attribute__((no_sanitize("address"))) static void *
wait_in_a_context(void *arg)
{
	(void)arg;
	BX_CONTEXT("cancelled")
	{
		pthread_barrier_wait(&gone);
		for (;;)
			pause();
	}
	return NULL;
}

TEST(a_cancelled_thread_gives_its_ring_back)
{
	configure();
	pthread_barrier_init(&gone, NULL, 2);
	for (int i = 0; i < 20; i++) {
		pthread_t thread;
		void *how;
		assert_int_equal(pthread_create(&thread, NULL, wait_in_a_context, NULL), 0);
		pthread_barrier_wait(&gone);
		pthread_cancel(thread);
		pthread_join(thread, &how);
		assert_ptr_equal(how, PTHREAD_CANCELED);
	}
	bx_begin("after");
	assert_int_equal(bx_end(), 1);
	assert_int_equal(look()->rings, 1);
}

/* A destructor of the program's, that runs after libbx's own: keys are gone through in the order of their making. */
static void
emit_late(void *arg)
{
	(void)arg;
	bx_begin("late");
	if (bx_end() != 1)
		abort();
}

static void *
set_late_key(void *arg)
{
	pthread_setspecific(late_key, arg);
	bx_begin("t");
	bx_end();
	return NULL;
}

TEST(a_thread_local_destructor_may_emit)
{
	configure();
	assert_int_equal(pthread_key_create(&late_key, emit_late), 0);
	for (int i = 0; i < 50; i++) {
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, set_late_key, &late_key), 0);
		pthread_join(thread, NULL);
	}
	const struct seen *seen = look();
	assert_int_equal(seen->count, 100);
	assert_int_equal(seen->rings, 1);
}

static void
emit_at_exit(void)
{
	bx_begin(".at_exit");
	if (bx_end() != 1)
		_exit(3);
}

TEST(exit_in_a_context_drops_it_and_its_sub_events_are_kept)
{
	configure();
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		atexit(emit_at_exit);
		BX_CONTEXT("request")
		{
			BX_CONTEXT(".sql")
			bx_set("a", 1);
			exit(0);
		}
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	const struct seen *seen = look();
	assert_int_equal(seen->count, 2);
	event_of(seen, "request.sql");
	event_of(seen, "request.at_exit"); /* the context is still open while the handlers run */
}

TEST(ending_by_handle_and_by_scope_is_ending_once)
{
	configure();
	BX_CONTEXT("a")
	assert_int_equal(bx_done(bx_current()), 1);
	assert_int_equal(look()->count, 1);
	assert_int_equal(counters().bad_handles, 1); /* the scope found it gone */
}

TEST(a_continue_ends_the_context)
{
	configure();
	for (int i = 0; i < 3; i++) {
		BX_CONTEXT("a")
		{
			if (i == 1)
				continue;
			bx_set("i", i);
		}
	}
	assert_null(bx_current());
	assert_int_equal(look()->count, 3);
}

/* ---- joining ---- */

TEST(a_header_joins_a_remote_trace)
{
	static const char header[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
	configure();
	BX_CONTEXT("request", .traceparent = header)
	BX_CONTEXT(".sql")
	bx_set("a", 1);
	const struct event *request = event_of(look(), "request"), *sql = event_of(look(), "request.sql");
	assert_memory_equal(request->id.p, "0af7651916cd43dd8448eb211c80319c", 32);
	assert_memory_equal(request->parent.p, "b7ad6b7169203331", 16);
	assert_true(bytes_equal(sql->id, request->id) && bytes_equal(sql->parent, request->span));
	assert_int_equal(counters().bad_traceparents, 0);
}

TEST(a_malformed_header_is_as_if_it_were_not_there_and_is_counted)
{
	configure();
	BX_CONTEXT("request")
	BX_CONTEXT(".sub", .traceparent = "00-nonsense")
	bx_set("a", 1);
	BX_CONTEXT("other", .traceparent = "")
	bx_set("a", 1);
	const struct event *request = event_of(look(), "request"), *sub = event_of(look(), "request.sub");
	assert_true(bytes_equal(sub->id, request->id) && bytes_equal(sub->parent, request->span));
	assert_null(event_of(look(), "other")->parent.p);
	assert_int_equal(counters().bad_traceparents, 2);
}

TEST(an_id_that_is_given_goes_before_a_header)
{
	configure();
	BX_CONTEXT("request", .id = "order-7", .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	bx_set("a", 1);
	assert_memory_equal(event_of(look(), "request")->id.p, "order-7", 7);
	assert_null(event_of(look(), "request")->parent.p);
}

TEST(the_header_for_others_carries_this_contexts_id_and_span)
{
	char out[BX_TRACEPARENT_BYTES], again[BX_TRACEPARENT_BYTES];
	assert_false(bx_traceparent(out));
	configure();
	assert_false(bx_traceparent(out));
	assert_string_equal(out, "");
	bx_begin("request");
	assert_true(bx_traceparent(out));
	assert_int_equal(bx_end(), 1);
	const struct event *ev = event_of(look(), "request");
	assert_memory_equal(out, "00-", 3);
	assert_memory_equal(out + 3, ev->id.p, 32);
	assert_memory_equal(out + 36, ev->span.p, 16);
	assert_string_equal(out + 52, "-01");
	BX_CONTEXT("named", .id = "order-7")
	assert_false(bx_traceparent(out));
	BX_CONTEXT("silent", .sample = {".", 0})
	{
		assert_true(bx_traceparent(out));
		assert_string_equal(out + 52, "-00");
		assert_true(bx_traceparent(again));
		assert_string_equal(out, again);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_of_the_table_of_names),
	    cmocka_unit_test(a_name_of_255_bytes_is_whole_and_a_longer_one_a_mistake),
	    cmocka_unit_test(a_literal_and_a_text_resolve_alike),
	    cmocka_unit_test(contexts_are_found_by_place_and_by_name),
	    cmocka_unit_test(clearing_empties_the_stack_and_emits_nothing),
	    cmocka_unit_test(done_emits_once_even_after_another_start),
	    cmocka_unit_test(null_is_allowed_everywhere_and_is_no_mistake),
	    cmocka_unit_test(another_threads_context_cannot_be_taken_off_its_stack),
	    cmocka_unit_test(a_new_thread_has_no_parent),
	    cmocka_unit_test(longjmp_out_of_a_context_leaves_it_open_until_it_is_cleared),
	    cmocka_unit_test(a_stale_handle_is_recognised_after_many_reuses_of_its_memory),
	    cmocka_unit_test(where_rings_are_small_fields_are_left_out_and_no_event_is_lost),
	    cmocka_unit_test(a_jump_out_of_libbx_itself_is_mended_by_clear),
	    cmocka_unit_test(a_context_that_a_jump_left_half_written_is_not_emitted),
	    cmocka_unit_test(jumps_at_any_moment_leave_rings_that_can_be_read),
	    cmocka_unit_test(contexts_that_are_never_ended_are_bounded),
	    cmocka_unit_test(beyond_the_bound_pairs_still_hold),
	    cmocka_unit_test(what_a_thread_leaves_open_is_not_emitted),
	    cmocka_unit_test(a_detached_thread_loses_nothing),
	    cmocka_unit_test(pthread_exit_out_of_a_context_drops_it_and_harms_nothing),
	    cmocka_unit_test(a_cancelled_thread_gives_its_ring_back),
	    cmocka_unit_test(a_thread_local_destructor_may_emit),
	    cmocka_unit_test(exit_in_a_context_drops_it_and_its_sub_events_are_kept),
	    cmocka_unit_test(ending_by_handle_and_by_scope_is_ending_once),
	    cmocka_unit_test(a_continue_ends_the_context),
	    cmocka_unit_test(a_header_joins_a_remote_trace),
	    cmocka_unit_test(a_malformed_header_is_as_if_it_were_not_there_and_is_counted),
	    cmocka_unit_test(an_id_that_is_given_goes_before_a_header),
	    cmocka_unit_test(the_header_for_others_carries_this_contexts_id_and_span),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
