/* SPDX-License-Identifier: ISC */
/*
 * keeper: killed at every step it takes on the disk; and which days go.
 *
 * A child runs a keeper over a directory and dies at its nth write, sync, rename or removal.  After each death every
 * file's events must be there as readers look for them, and a life without death must finish the work.
 */
/* LIBS: -Wl,--wrap=fsync -Wl,--wrap=write -Wl,--wrap=pwrite -Wl,--wrap=renameat2 -Wl,--wrap=renameat -Wl,--wrap=unlinkat */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libbx/core/compress.h"
#include "libbx/core/indexing.h"
#include "libbx/core/logread.h"
#include "libbx/core/mp.h"
#include "oxd/brake.h"
#include "oxd/keeper.h"
#include "oxd/say.h"
#include "oxd/store.h"
#include "tests/unit/unit.h"
#include "tests/wait.h"

enum { KILLED = 9, FILES = 2, EVENTS = 900, FIRST_STEPS = 14 };

/* ---- death at a step --------------------------------------------------------------------------------------------- */

static _Atomic int steps_left = -1; /* below 0: immortal */

static bool
is_last_step(void)
{
	return atomic_load(&steps_left) >= 0 && atomic_fetch_sub(&steps_left, 1) == 0;
}

int __wrap_fsync(int fd);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __real_unlinkat(int dir, const char *name, int flags);

int
__wrap_fsync(int fd)
{
	if (is_last_step())
		_exit(KILLED);
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	if (fd > STDERR_FILENO && is_last_step()) {
		if (__real_write(fd, p, n / 2) < 0)
			_exit(KILLED);
		_exit(KILLED);
	}
	return __real_write(fd, p, n);
}

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (is_last_step()) {
		if (__real_pwrite(fd, p, n / 2, at) < 0)
			_exit(KILLED);
		_exit(KILLED);
	}
	return __real_pwrite(fd, p, n, at);
}

int
__wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	if (is_last_step())
		_exit(KILLED);
	return __real_renameat2(from_dir, from, to_dir, to, flags);
}

int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (is_last_step())
		_exit(KILLED);
	return __real_renameat(from_dir, from, to_dir, to);
}

int
__wrap_unlinkat(int dir, const char *name, int flags)
{
	if (is_last_step())
		_exit(KILLED);
	return __real_unlinkat(dir, name, flags);
}

/* ---- a directory ------------------------------------------------------------------------------------------------- */

struct place {
	char dir[128], log[160], state[160];
	int fd;
	struct buf content[FILES];
	char names[FILES][LOGNAME_MAX];
};

static void
begin(struct place *p)
{
	const char *tmp = getenv("TEST_TMP");
	memset(p, 0, sizeof *p);
	snprintf(p->dir, sizeof p->dir, "%.100s/keeper-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->log, sizeof p->log, "%s/log", p->dir);
	snprintf(p->state, sizeof p->state, "%s/state", p->dir);
	assert_int_equal(mkdir(p->log, 0755) | mkdir(p->state, 0755), 0);
	p->fd = open(p->log, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < FILES; i++) {
		snprintf(p->names[i], LOGNAME_MAX, "type%d.20010%d.log", i, i + 1);
		for (unsigned n = 0; n < EVENTS; n++) {
			uint8_t waste[400] = {(uint8_t)n};
			mp_add_map(&p->content[i], 3);
			mp_add_strz(&p->content[i], "id");
			mp_add_strz(&p->content[i], "some id");
			mp_add_strz(&p->content[i], "end");
			mp_add_double(&p->content[i], n);
			mp_add_strz(&p->content[i], "body");
			mp_add_bin(&p->content[i], waste, sizeof waste);
		}
		int fd = openat(p->fd, p->names[i], O_WRONLY | O_CREAT | O_EXCL, 0644);
		assert_int_equal(__real_write(fd, p->content[i].data, p->content[i].len), p->content[i].len);
		close(fd);
	}
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void
finish(struct place *p)
{
	close(p->fd);
	for (int i = 0; i < FILES; i++)
		buf_fini(&p->content[i]);
	nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* As readers look: the plain file, and the packed one where that is gone. */
static void
assert_readable(struct place *p, int steps)
{
	for (int i = 0; i < FILES; i++) {
		struct logread r;
		size_t got;
		int fd = logdir_open(p->fd, p->names[i]);
		if (fd < 0)
			fail_msg("killed at step %d: %s is gone", steps, p->names[i]);
		uint8_t *all = malloc(p->content[i].len + 1);
		assert_non_null(all);
		logread_open(&r, fd);
		enum bx_err err = logread_full(&r, all, p->content[i].len + 1, &got);
		if (err != BX_OK || got != p->content[i].len || memcmp(all, p->content[i].data, got) != 0)
			fail_msg("killed at step %d: %s holds other bytes", steps, p->names[i]);
		logread_close(&r);
		free(all);
	}
}

/* True when each is packed, indexed, and nothing else is there. */
static bool
is_done(struct place *p)
{
	struct logdir_list d;
	assert_int_equal(logdir_read(p->log, &d), BX_OK);
	bool done = d.count == FILES && d.others == 0;
	for (size_t i = 0; i < d.count; i++)
		done &= d.files[i].pack == LOGDIR_ZST && d.files[i].has_index;
	logdir_list_fini(&d);
	return done;
}

static struct keeper *
open_keeper(struct place *p, struct stats *stats, int64_t compress_after_ns)
{
	struct keeper *k;
	char err[256];
	struct checkpoint none = {0};
	struct keeper_config config = {.log_path = p->log,
	    .state_path = p->state,
	    .limits = {.compress_after_ns = compress_after_ns, .prune_pause_ns = 3600000000000}};
	assert_int_equal(keeper_open(&k, &config, stats, err, sizeof err), BX_OK);
	keeper_listed(k, &none, 0);
	return k;
}

/* In a child, which may die: until the work is done. */
static void
live(struct place *p, bool prune)
{
	struct stats stats = {0};
	struct keeper *k = open_keeper(p, &stats, prune ? -1 : 0);
	struct keeper_report report;
	struct keeper_job job = {.task = prune ? KEEPER_PRUNE : KEEPER_COMPRESS, .before_ns = INT64_MAX};
	assert_true(keeper_ask(k, &job));
	assert_true(keeper_start(k));
	bool done = comes_true((keeper_tell(k, &report), !report.running), 15);
	keeper_stop(k);
	keeper_close(&k);
	_exit(!done || report.failed ? 3 : 0);
}

static int
live_and_die(struct place *p, int steps, bool prune)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		atomic_store(&steps_left, steps);
		live(p, prune);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void
killed_at_every_step_of_packing_every_event_is_there_once(void **state)
{
	(void)state;
	struct place p;
	int deaths = 0;
	begin(&p);
	/* Each life goes a step further on what the ones before have left. */
	for (int steps = 0; steps < 200; steps++) {
		int how = live_and_die(&p, steps, false);
		assert_readable(&p, steps);
		if (how == 0)
			break;
		assert_int_equal(how, KILLED);
		deaths++;
	}
	assert_true(deaths > 8);
	assert_true(is_done(&p));
	printf("%d deaths\n", deaths);
	finish(&p);
}

/* From the beginning each time, as far as it takes until the first file is packed. */
static void
killed_at_every_step_of_the_first_file_it_is_there_once(void **state)
{
	(void)state;
	for (int steps = 0; steps < FIRST_STEPS; steps++) {
		struct place p;
		begin(&p);
		assert_int_equal(live_and_die(&p, steps, false), KILLED);
		assert_readable(&p, steps);
		finish(&p);
	}
}

static void
killed_at_every_step_of_removing_nothing_is_left_behind_for_good(void **state)
{
	(void)state;
	struct place p;
	begin(&p);
	assert_int_equal(live_and_die(&p, -1, false), 0);
	for (int steps = 0; steps < 50; steps++) {
		int how = live_and_die(&p, steps, true);
		if (how == 0)
			break;
		assert_int_equal(how, KILLED);
	}
	struct logdir_list d;
	assert_int_equal(logdir_read(p.log, &d), BX_OK);
	assert_int_equal(d.count + d.others + d.lost_index_count, 0);
	logdir_list_fini(&d);
	finish(&p);
}

static void
what_a_checkpoint_lists_is_neither_packed_nor_removed(void **state)
{
	(void)state;
	struct place p;
	struct stats stats = {0};
	begin(&p);
	struct keeper *k = open_keeper(&p, &stats, 0);
	struct checkpoint c = {.number = 5};
	struct checkpoint_file *f = checkpoint_add(&c);
	struct stat st;
	assert_int_equal(fstatat(p.fd, p.names[0], &st, 0), 0);
	memcpy(f->name, p.names[0], sizeof f->name);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->len = 300000;
	keeper_listed(k, &c, 0);
	struct checkpoint later = {.number = 6}; /* lists it no more, but the one before still does */
	keeper_listed(k, &later, 0);
	assert_true(keeper_start(k));
	for (int task = KEEPER_COMPRESS; task <= KEEPER_REINDEX; task++) {
		struct keeper_job job = {.task = (enum keeper_task)task, .type = "type0", .before_ns = INT64_MAX};
		struct keeper_report report;
		assert_true(keeper_ask(k, &job));
		assert_false(keeper_ask(k, &job)); /* one at a time */
		assert_true(comes_true((keeper_tell(k, &report), !report.running), 10));
		assert_int_equal(report.failed, 0);
		assert_int_equal(faccessat(p.fd, p.names[0], F_OK, 0), 0);
		assert_int_equal(fstatat(p.fd, "type0.200101.log.zst", &st, 0), -1);
	}
	struct index_end end;
	assert_int_equal(indexing_look(p.fd, p.names[0], UINT64_MAX, &end), BX_OK);
	assert_true(end.covered > 0 && end.covered <= 300000); /* not beyond what is durable */
	keeper_stop(k);
	keeper_close(&k);
	finish(&p);
}

/* Types a, b; days 1 to 4; one letter an item: g goes, - stays. */
static void
the_choice_of_days_by_table(void **state)
{
	(void)state;
	enum { DAYS = 4 };
	static const struct {
		const char *why;
		int before_day; /* days up to this one are over by then; 0: none */
		uint64_t bytes;
		bool one_day, a_braked, b_braked;
		int a_live_day;
		const char *goes; /* a1 a2 a3 a4 b1 b2 b3 b4, 10 bytes each */
		enum store_choice choice;
	} table[] = {
	    {"no limits", 0, 0, true, false, false, 0, "--------", STORE_ALL_CHOSEN},
	    {"by age, all at once", 2, 0, false, false, false, 0, "gg--gg--", STORE_ALL_CHOSEN},
	    {"by age, a day of each", 2, 0, true, false, false, 0, "g---g---", STORE_BRAKED},
	    {"by age, a was pruned a moment ago", 2, 0, true, true, false, 0, "----g---", STORE_BRAKED},
	    {"by age, but a day that is written stays", 2, 0, false, false, false, 1, "-g--gg--", STORE_ALL_CHOSEN},
	    {"by size, all at once, oldest first", 0, 50, false, false, false, 0, "gg--g---", STORE_ALL_CHOSEN},
	    {"by size, within it", 0, 80, true, false, false, 0, "--------", STORE_ALL_CHOSEN},
	    {"by size, a day of each", 0, 10, true, false, false, 0, "g---g---", STORE_BRAKED},
	    {"by size, a held: b loses no day younger than a's", 0, 10, true, true, false, 0, "----g---", STORE_BRAKED},
	    {"by size, both held", 0, 10, true, true, true, 0, "--------", STORE_BRAKED},
	    {"by size, down to nothing but what is written", 0, 1, false, false, false, 4, "ggg-gggg",
		STORE_ALL_CHOSEN},
	};
	for (size_t t = 0; t < COUNT_OF(table); t++) {
		struct logdir_file files[2 * DAYS];
		struct store_item items[2 * DAYS];
		char goes[2 * DAYS + 1] = "";
		for (int i = 0; i < 2 * DAYS; i++) {
			bool a = i < DAYS;
			int day = i % DAYS + 1;
			files[i] = (struct logdir_file){.size = 10};
			files[i].name = (struct logname){.type_len = 1, .day_start = (int64_t)day * 86400};
			files[i].name.type[0] = a ? 'a' : 'b';
			items[i] = (struct store_item){.file = &files[i],
			    .bytes = 10,
			    .live = a && day == table[t].a_live_day,
			    .braked = a ? table[t].a_braked : table[t].b_braked};
		}
		struct store_limits limits = {.bytes = table[t].bytes,
		    .before_ns =
			table[t].before_day ? (int64_t)(table[t].before_day + 1) * 86400 * 1000000000 : INT64_MIN};
		enum store_choice choice = store_choose(items, COUNT_OF(items), &limits, table[t].one_day);
		for (int i = 0; i < 2 * DAYS; i++)
			goes[i] = items[i].goes ? 'g' : '-';
		if (strcmp(goes, table[t].goes) != 0 || choice != table[t].choice)
			fail_msg("%s: %s goes, not %s; choice %d", table[t].why, goes, table[t].goes, choice);
	}
}

static void
the_brake_holds_over_starts_and_boots(void **state)
{
	(void)state;
	static const int64_t pause = 1000;
	struct place p;
	struct brake b;
	const struct bytes a = {(const uint8_t *)"a\0b", 3}, other = {(const uint8_t *)"other", 5};
	begin(&p);
	assert_int_equal(brake_open(&b, p.state, pause), BX_OK);
	assert_true(brake_allows(&b, a, 5000));
	assert_true(brake_note(&b, a, 5000));
	assert_false(brake_allows(&b, a, 5999));
	assert_true(brake_allows(&b, a, 6000) && brake_allows(&b, other, 5000));
	brake_close(&b);
	assert_int_equal(brake_open(&b, p.state, pause), BX_OK); /* started again */
	assert_false(brake_allows(&b, a, 5999));
	assert_true(brake_allows(&b, a, 6000) && brake_allows(&b, other, 5000));
	snprintf(b.boot, sizeof b.boot, "another boot");
	assert_true(brake_note(&b, a, 5000));
	brake_close(&b);
	assert_int_equal(
	    brake_open(&b, p.state, pause), BX_OK); /* what another boot noted counts from the start of this one */
	assert_false(brake_allows(&b, a, 999));
	assert_true(brake_allows(&b, a, 1000));
	brake_close(&b);
	finish(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(killed_at_every_step_of_packing_every_event_is_there_once),
	    cmocka_unit_test(killed_at_every_step_of_the_first_file_it_is_there_once),
	    cmocka_unit_test(killed_at_every_step_of_removing_nothing_is_left_behind_for_good),
	    cmocka_unit_test(what_a_checkpoint_lists_is_neither_packed_nor_removed),
	    cmocka_unit_test(the_choice_of_days_by_table),
	    cmocka_unit_test(the_brake_holds_over_starts_and_boots),
	};
	say_init("oxd", -SAY_WARNING - 1); /* its complaints are what is tested */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
