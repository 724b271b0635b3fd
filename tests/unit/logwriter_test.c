/* SPDX-License-Identifier: ISC */
/*
 * logwriter: killed at every step it takes on the disk, and started again on what that left.
 *
 * A child runs journal and log writer and dies at its nth write, cut, sync or rename, in the middle of a write where it
 * is one.  The next child goes on in the same directories and dies one step later.  At the end every record of the
 * journal must be in the log files once and in order, with nothing torn.
 */
/* LIBS: -Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=pwrite -Wl,--wrap=renameat -Wl,--wrap=ftruncate */
#define WORLD_OWN_PWRITE
#include "tests/unit/oxd_world.h"

#include <sys/wait.h>

#include "oxd/checkpoint.h"
#include "oxd/logwriter.h"
#include "oxd/say.h"

enum { KILLED = 9, DIED_WELL = 0, RECORDS = 24 };

/* ---- death at a step --------------------------------------------------------------------------------------------- */

static _Atomic int steps_left = -1; /* below 0: immortal */

static bool
is_last_step(void)
{
	return atomic_load(&steps_left) >= 0 && atomic_fetch_sub(&steps_left, 1) == 0;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_ftruncate(int fd, off_t n);
int __real_ftruncate(int fd, off_t n);

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (is_last_step()) {
		if (__real_pwrite(fd, p, n / 2, at) < 0)
			_exit(KILLED);
		_exit(KILLED);
	}
	return fault_strikes(&fault_pwrite) ? -1 : __real_pwrite(fd, p, n, at);
}

int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (is_last_step())
		_exit(KILLED);
	return __real_renameat(from_dir, from, to_dir, to);
}

int
__wrap_ftruncate(int fd, off_t n)
{
	if (is_last_step())
		_exit(KILLED);
	return __real_ftruncate(fd, n);
}

/* ---- one life ---------------------------------------------------------------------------------------------------- */

static char log_dir[256];

static struct logwriter *
open_writer(struct world *w, struct seen *seen, bool hourly)
{
	struct logwriter *lw;
	struct logwriter_config config = {.log_path = log_dir, .state_path = w->dir, .hourly = hourly};
	char err[512];
	assert_int_equal(logwriter_open(&lw, &config, w->journal, seen, &w->stats, err, sizeof err), BX_OK);
	return lw;
}

static void
append_some(struct world *w, unsigned count, unsigned life)
{
	for (unsigned i = 0; i < count; i++) {
		char type[32];
		uint64_t n = journal_last(w->journal) + 1;
		/* A few types that go on, and one that each life makes anew. */
		snprintf(type, sizeof type, n % 4 == 3 ? "life.%u" : "type.%u", n % 4 == 3 ? life : (unsigned)(n % 4));
		assert_true(comes_true(world_append(w, &world_push, type, n) != BX_EFULL, 20));
	}
}

static void
wait_saved(struct world *w, struct logwriter *lw)
{
	world_sync(w);
	logwriter_hurry(lw, journal_last(w->journal));
	assert_true(comes_true(logwriter_checkpointed(lw) >= journal_last(w->journal), 10));
}

/* Opens, writes in two goes, closes; returns log_replaced.  Dies on the way when the steps say so. */
static uint64_t
live(struct world *w, unsigned life, unsigned count, bool hourly)
{
	struct seen seen;
	seen_init(&seen, &w->stats);
	assert_int_equal(world_try_open(w, logwriter_covered(w->dir)), BX_OK);
	struct logwriter *lw = open_writer(w, &seen, hourly);
	assert_true(logwriter_start(lw));
	append_some(w, count / 2, life);
	wait_saved(w, lw);
	append_some(w, count - count / 2, life);
	world_sync(w);
	logwriter_stop(lw);
	uint64_t replaced = stats_get(&w->stats, STAT_log_replaced);
	logwriter_close(&lw);
	seen_fini(&seen);
	world_close(w);
	return replaced;
}

static int
live_and_die(struct world *w, unsigned life, int steps)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		atomic_store(&steps_left, steps);
		_exit(live(w, life, RECORDS, false) == 0 ? DIED_WELL : 3);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- what must be there ------------------------------------------------------------------------------------------ */

static uint8_t *found;
static uint64_t found_cap;

static void
read_log_file(const char *name)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", log_dir, name);
	int fd = open(path, O_RDONLY);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	uint8_t *data = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	close(fd);
	uint64_t before = 0;
	for (size_t at = 0; at < (size_t)st.st_size;) {
		size_t n = event_length(data + at, (size_t)st.st_size - at, NULL);
		if (n == 0)
			fail_msg("%s: offset %zu: no whole event", name, at);
		struct cursor c;
		struct mp_token t;
		cursor_init(&c, data + at, n);
		for (int i = 0; i < 5; i++)
			mp_next(&c, &t);
		if (t.u <= before || t.u >= found_cap || found[t.u])
			fail_msg("%s: record %llu stands behind %llu, or twice", name, (unsigned long long)t.u,
			    (unsigned long long)before);
		found[t.u] = 1;
		before = t.u;
		at += n;
	}
	free(data);
}

static void
assert_log_has(uint64_t upto)
{
	found_cap = upto + 1;
	found = calloc(1, found_cap);
	DIR *d = opendir(log_dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			read_log_file(e->d_name);
	closedir(d);
	for (uint64_t n = 1; n <= upto; n++)
		if (!found[n])
			fail_msg("record %llu is not in the log", (unsigned long long)n);
	free(found);
}

static void
begin(struct world *w)
{
	world_init(w, 16384);
	snprintf(log_dir, sizeof log_dir, "%.120s/log", w->dir);
	assert_int_equal(mkdir(log_dir, 0755), 0);
}

static uint64_t
last_number(struct world *w)
{
	assert_int_equal(world_try_open(w, 0), BX_OK);
	uint64_t last = journal_last(w->journal);
	world_close(w);
	return last;
}

/* What a power cut may do to bytes that no checkpoint covers: gone, zeroed, or something else. */
static void
spoil_what_is_not_covered(struct world *w, unsigned seed)
{
	struct checkpoint c;
	int fd = open(w->dir, O_RDONLY | O_DIRECTORY);
	if (checkpoint_read(fd, false, &c) != BX_OK && checkpoint_read(fd, true, &c) != BX_OK)
		c = (struct checkpoint){0};
	close(fd);
	for (size_t i = 0; i < c.count; i++) {
		char path[600];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", log_dir, c.files[i].name);
		fd = open(path, O_RDWR);
		assert_int_equal(fstat(fd, &st), 0);
		uint64_t loose = (uint64_t)st.st_size - c.files[i].len;
		if (loose > 0 && seed % 3 == 0)
			assert_int_equal(__real_ftruncate(fd, (off_t)(c.files[i].len + loose / 2)), 0);
		for (uint64_t at = loose / 3; loose > 0 && seed % 3 != 0 && at < loose; at++)
			assert_int_equal(
			    __real_pwrite(fd, seed % 3 == 1 ? "\0" : "\x81", 1, (off_t)(c.files[i].len + at)), 1);
		close(fd);
	}
	checkpoint_fini(&c);
}

static void
die_at_every_step(bool power)
{
	struct world w;
	begin(&w);
	unsigned life = 0, calm = 0;
	/* Steps grow until a whole life passes; twice over, since what is left behind differs. */
	for (int steps = 0; calm < 2 && life < 1000; steps++, life++) {
		int how = live_and_die(&w, life, steps);
		assert_true(how == KILLED || how == DIED_WELL);
		if (how == DIED_WELL) {
			calm++;
			steps = 0;
		}
		if (power)
			spoil_what_is_not_covered(&w, life);
	}
	assert_true(life > 40);
	assert_int_equal(live(&w, life, 4, false), 0);
	assert_log_has(last_number(&w));
	world_fini(&w);
}

static void
killed_at_every_step_it_loses_and_doubles_nothing(void **state)
{
	(void)state;
	die_at_every_step(false);
}

static void
without_power_at_every_step_it_loses_and_doubles_nothing(void **state)
{
	(void)state;
	die_at_every_step(true);
}

static void
names_change_with_the_settings_only_where_nothing_is_replayed(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	for (unsigned life = 0; life < 6; life++) {
		/* Killed with records behind the checkpoint that were routed by the names of before. */
		pid_t pid = fork();
		if (pid == 0) {
			struct seen seen;
			seen_init(&seen, &w.stats);
			world_try_open(&w, logwriter_covered(w.dir));
			struct logwriter *lw = open_writer(&w, &seen, life % 2);
			logwriter_start(lw);
			append_some(&w, 10, 7);
			wait_saved(&w, lw);
			append_some(&w, 10, 7);
			world_sync(&w);
			_exit(comes_true(logwriter_written(lw) >= journal_last(w.journal), 10) ? 0 : 3);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_int_equal(live(&w, 7, 4, false), 0);
	assert_log_has(last_number(&w));
	world_fini(&w);
}

static void
a_log_write_that_fails_is_tried_again_until_it_works(void **state)
{
	(void)state;
	struct world w;
	struct seen seen;
	begin(&w);
	seen_init(&seen, &w.stats);
	assert_int_equal(world_try_open(&w, 0), BX_OK);
	struct logwriter *lw = open_writer(&w, &seen, false);
	append_some(&w, 10, 1);
	world_sync(&w);
	fault_set(&fault_pwrite, 1, 1, ENOSPC);
	assert_true(logwriter_start(lw));
	wait_saved(&w, lw);
	assert_true(stats_get(&w.stats, STAT_log_write_errors) + stats_get(&w.stats, STAT_checkpoint_failures) > 0);
	fault_set(&fault_fdatasync, 1, 1, EIO);
	append_some(&w, 40, 1);
	wait_saved(&w, lw);
	logwriter_stop(lw);
	logwriter_close(&lw);
	world_close(&w);
	seen_fini(&seen);
	world_fini(&w);
}

static void
a_damaged_checkpoint_gives_way_to_the_one_before(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	live(&w, 0, RECORDS, false);
	live(&w, 1, RECORDS, false);
	char path[300];
	snprintf(path, sizeof path, "%s/checkpoint", w.dir);
	assert_int_equal(truncate(path, 40), 0);
	live(&w, 2, RECORDS, false);
	assert_log_has(last_number(&w));
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(killed_at_every_step_it_loses_and_doubles_nothing),
	    cmocka_unit_test(without_power_at_every_step_it_loses_and_doubles_nothing),
	    cmocka_unit_test(names_change_with_the_settings_only_where_nothing_is_replayed),
	    cmocka_unit_test(a_log_write_that_fails_is_tried_again_until_it_works),
	    cmocka_unit_test(a_damaged_checkpoint_gives_way_to_the_one_before),
	};
	say_init("oxd", -SAY_WARNING - 1); /* its complaints are what is tested */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
