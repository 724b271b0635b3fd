/* SPDX-License-Identifier: ISC */
/*
 * powerloss: what journal and log writer do to the disk is recorded in order; then the power is cut behind every step.
 *
 * A cut leaves of each file what its last sync covered, and of everything later whatever the disk pleases: nothing, all,
 * or some pages of some writes; of a directory what its last sync covered, and of later names whichever.  From every such
 * disk the real recovery has to come to a log in which every record that had been synced stands once, and none twice.
 * A sync that failed covers nothing, nor does a later one of the same file.
 */
/* LIBS: -Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=pwrite -Wl,--wrap=renameat -Wl,--wrap=ftruncate */
/* LIBS: -Wl,--wrap=openat -Wl,--wrap=unlinkat -Wl,--wrap=linkat -Wl,--wrap=fallocate -Wl,--wrap=posix_fallocate */
#define WORLD_OWN_DISK
#include "tests/unit/oxd_world.h"

#include <pthread.h>
#include <stdarg.h>

#include "libbx/core/id.h"
#include "oxd/checkpoint.h"
#include "oxd/logwriter.h"
#include "oxd/say.h"

enum { PAGE = 4096, INODES = 4096, OPS = 20000, DIRS = 3, NAMES = 512, SEGMENT = 16384 };
enum { STATE_DIR, JOURNAL_DIR, LOG_DIR };
static const char *const dir_names[DIRS] = {"", "/journal", "/log"};

/* ---- the recording ----------------------------------------------------------------------------------------------- */

enum op_kind { OP_CREATE, OP_WRITE, OP_SIZE, OP_RENAME, OP_UNLINK, OP_LINK, OP_SYNC, OP_SYNC_DIR, OP_ACK };

struct op {
	enum op_kind kind;
	int dir, inode;
	char name[64], to[64];
	uint8_t *data;
	size_t n;
	off_t at;
	uint64_t ack;
	bool failed;      /* a write under a sync that failed: no later sync covers it */
	unsigned sync_at; /* the op that makes it durable, OPS when none does */
};

static struct {
	pthread_mutex_t lock;
	bool on;
	struct op ops[OPS];
	unsigned count;
	ino_t dirs[DIRS];
	ino_t inodes[INODES]; /* real inode of each of ours; numbers are used again, the newest counts */
	int inode_count;
	int names_count[DIRS];
	struct {
		char name[64];
		int inode;
	} names[DIRS][NAMES];
} tape = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What is left out on purpose, to see that the test notices. */
static enum { NOTHING_MISSING, NO_DIR_SYNC, NO_LOG_SYNC, NO_STATE_SYNC } missing;
static _Atomic int fail_sync_in = -1;

int __real_fsync(int fd);
int __real_fdatasync(int fd);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_ftruncate(int fd, off_t n);
int __real_openat(int dir, const char *name, int flags, ...);
int __real_unlinkat(int dir, const char *name, int flags);
int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __real_fallocate(int fd, int mode, off_t at, off_t n);
int __real_posix_fallocate(int fd, off_t at, off_t n);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_ftruncate(int fd, off_t n);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_fallocate(int fd, int mode, off_t at, off_t n);
int __wrap_posix_fallocate(int fd, off_t at, off_t n);

static ino_t
ino_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static int
dir_of(int fd)
{
	ino_t ino = ino_of(fd);
	for (int d = 0; d < DIRS; d++)
		if (tape.dirs[d] == ino)
			return d;
	return -1;
}

static int
inode_of(int fd)
{
	ino_t ino = ino_of(fd);
	for (int i = tape.inode_count - 1; i >= 0; i--)
		if (tape.inodes[i] == ino)
			return i;
	return -1;
}

static int
find_name(int dir, const char *name)
{
	for (int i = 0; i < tape.names_count[dir]; i++)
		if (strcmp(tape.names[dir][i].name, name) == 0)
			return i;
	return -1;
}

static int
inode_named(int dir, const char *name)
{
	int i = find_name(dir, name);
	return i < 0 ? -1 : tape.names[dir][i].inode;
}

static void
set_name(int dir, const char *name, int inode)
{
	int i = find_name(dir, name);
	if (i < 0) {
		assert_true(tape.names_count[dir] < NAMES && strlen(name) < sizeof tape.names[0][0].name);
		i = tape.names_count[dir]++;
		memcpy(tape.names[dir][i].name, name, strlen(name) + 1);
	}
	tape.names[dir][i].inode = inode;
}

static void
unset_name(int dir, const char *name)
{
	int i = find_name(dir, name);
	if (i >= 0)
		tape.names[dir][i] = tape.names[dir][--tape.names_count[dir]];
}

static struct op *
record(enum op_kind kind, int dir, int inode)
{
	assert_true(tape.count < OPS);
	struct op *op = &tape.ops[tape.count++];
	*op = (struct op){.kind = kind, .dir = dir, .inode = inode, .sync_at = OPS};
	return op;
}

static struct op *
record_name(enum op_kind kind, int dir, int inode, const char *name)
{
	struct op *op = record(kind, dir, inode);
	snprintf(op->name, sizeof op->name, "%s", name);
	return op;
}

static void
record_data(int fd, const void *p, size_t n, off_t at)
{
	int inode = tape.on ? inode_of(fd) : -1;
	if (inode < 0)
		return;
	struct op *op = record(OP_WRITE, -1, inode);
	op->data = malloc(n);
	assert_non_null(op->data);
	memcpy(op->data, p, n);
	op->n = n;
	op->at = at;
}

static void
record_size(int fd, off_t size, bool grow_only)
{
	int inode = tape.on ? inode_of(fd) : -1;
	if (inode < 0)
		return;
	struct op *op = record(OP_SIZE, -1, inode);
	op->at = size;
	op->ack = grow_only;
}

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	pthread_mutex_lock(&tape.lock);
	ssize_t done = __real_pwrite(fd, p, n, at);
	if (done > 0)
		record_data(fd, p, (size_t)done, at);
	pthread_mutex_unlock(&tape.lock);
	return done;
}

int
__wrap_ftruncate(int fd, off_t n)
{
	pthread_mutex_lock(&tape.lock);
	int r = __real_ftruncate(fd, n);
	record_size(fd, n, false);
	pthread_mutex_unlock(&tape.lock);
	return r;
}

int
__wrap_posix_fallocate(int fd, off_t at, off_t n)
{
	pthread_mutex_lock(&tape.lock);
	int r = __real_posix_fallocate(fd, at, n);
	record_size(fd, at + n, true);
	pthread_mutex_unlock(&tape.lock);
	return r;
}

/* Only for making zeroes: done, and recorded, as a write of them. */
int
__wrap_fallocate(int fd, int mode, off_t at, off_t n)
{
	(void)mode;
	uint8_t *zeroes = calloc(1, (size_t)n);
	assert_non_null(zeroes);
	bool ok = __wrap_pwrite(fd, zeroes, (size_t)n, at) == (ssize_t)n;
	free(zeroes);
	return ok ? 0 : -1;
}

int
__wrap_openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = (mode_t)va_arg(ap, unsigned);
	va_end(ap);
	pthread_mutex_lock(&tape.lock);
	int d = tape.on && (flags & O_CREAT) ? dir_of(dir) : -1;
	int fd = __real_openat(dir, name, flags, mode);
	if (fd >= 0 && d >= 0 && inode_named(d, name) < 0) {
		assert_true(tape.inode_count < INODES);
		tape.inodes[tape.inode_count] = ino_of(fd);
		set_name(d, name, tape.inode_count);
		record_name(OP_CREATE, d, tape.inode_count++, name);
	} else if (fd >= 0 && d >= 0 && (flags & O_TRUNC)) {
		record_size(fd, 0, false);
	}
	pthread_mutex_unlock(&tape.lock);
	return fd;
}

int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	pthread_mutex_lock(&tape.lock);
	int d = tape.on ? dir_of(from_dir) : -1, inode = d < 0 ? -1 : inode_named(d, from);
	int r = __real_renameat(from_dir, from, to_dir, to);
	if (r == 0 && inode >= 0) {
		struct op *op = record_name(OP_RENAME, d, inode, from);
		snprintf(op->to, sizeof op->to, "%s", to);
		unset_name(d, from);
		set_name(d, to, inode);
	}
	pthread_mutex_unlock(&tape.lock);
	return r;
}

int
__wrap_unlinkat(int dir, const char *name, int flags)
{
	pthread_mutex_lock(&tape.lock);
	int d = tape.on ? dir_of(dir) : -1, inode = d < 0 ? -1 : inode_named(d, name);
	int r = __real_unlinkat(dir, name, flags);
	if (r == 0 && inode >= 0) {
		record_name(OP_UNLINK, d, inode, name);
		unset_name(d, name);
	}
	pthread_mutex_unlock(&tape.lock);
	return r;
}

int
__wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	pthread_mutex_lock(&tape.lock);
	int d = tape.on ? dir_of(from_dir) : -1, inode = d < 0 ? -1 : inode_named(d, from);
	int r = __real_linkat(from_dir, from, to_dir, to, flags);
	if (r == 0 && inode >= 0) {
		record_name(OP_LINK, d, inode, to);
		set_name(d, to, inode);
	}
	pthread_mutex_unlock(&tape.lock);
	return r;
}

static bool
is_left_out(int dir, int fd)
{
	struct stat st;
	if (dir >= 0)
		return missing == NO_DIR_SYNC && dir == JOURNAL_DIR;
	int inode = inode_of(fd);
	for (int d = 0; inode >= 0 && d < DIRS; d++)
		for (int i = 0; i < tape.names_count[d]; i++)
			if (tape.names[d][i].inode == inode)
				return (d == LOG_DIR && missing == NO_LOG_SYNC) ||
				       (d == STATE_DIR && missing == NO_STATE_SYNC);
	return fstat(fd, &st) != 0;
}

/* Nothing is really synced: what a sync covers is worked out afterwards. */
static int
sync_any(int fd, bool may_fail)
{
	int r = 0;
	pthread_mutex_lock(&tape.lock);
	if (tape.on) {
		int dir = dir_of(fd), inode = dir < 0 ? inode_of(fd) : -1;
		bool fails = may_fail && inode >= 0 && atomic_load(&fail_sync_in) >= 0 &&
			     atomic_fetch_sub(&fail_sync_in, 1) == 0;
		if (fails) {
			for (unsigned i = 0; i < tape.count; i++)
				if (tape.ops[i].inode == inode && tape.ops[i].sync_at == OPS)
					tape.ops[i].failed = true;
			errno = EIO;
			r = -1;
		} else if ((dir >= 0 || inode >= 0) && !is_left_out(dir, fd)) {
			unsigned at = tape.count;
			record(dir >= 0 ? OP_SYNC_DIR : OP_SYNC, dir, inode);
			for (unsigned i = 0; i < at; i++) {
				struct op *op = &tape.ops[i];
				bool covered = dir >= 0 ? op->dir == dir : op->dir < 0 && op->inode == inode;
				if (covered && !op->failed && op->sync_at == OPS)
					op->sync_at = at;
			}
		}
	}
	pthread_mutex_unlock(&tape.lock);
	return r;
}

int
__wrap_fsync(int fd)
{
	return sync_any(fd, false);
}

int
__wrap_fdatasync(int fd)
{
	return sync_any(fd, true);
}

/* ---- journal and log writer at work ------------------------------------------------------------------------------ */

static struct logwriter *
open_writer(struct world *w, struct seen *seen)
{
	char err[512], log[200];
	struct logwriter *lw = NULL;
	snprintf(log, sizeof log, "%s/log", w->dir);
	struct logwriter_config config = {.log_path = log, .state_path = w->dir};
	enum bx_err result = logwriter_open(&lw, &config, w->journal, seen, &w->stats, err, sizeof err);
	if (result != BX_OK)
		fail_msg("%s", err);
	return lw;
}

static void
append_some(struct world *w, unsigned count, unsigned life)
{
	for (unsigned i = 0; i < count; i++) {
		char type[32];
		uint64_t n = journal_last(w->journal) + 1;
		snprintf(
		    type, sizeof type, n % 16 == 3 ? "life.%u" : "type.%u", n % 16 == 3 ? life : (unsigned)(n % 3));
		assert_true(comes_true(world_append(w, &world_push, type, n) != BX_EFULL, 20));
	}
}

/* From here on everything appended so far was promised. */
static void
acknowledge(struct world *w)
{
	world_sync(w);
	pthread_mutex_lock(&tape.lock);
	if (tape.on)
		record(OP_ACK, -1, -1)->ack = journal_last(w->journal);
	pthread_mutex_unlock(&tape.lock);
}

static void
wait_saved(struct world *w, struct logwriter *lw)
{
	logwriter_hurry(lw, journal_last(w->journal));
	assert_true(comes_true(logwriter_checkpointed(lw) >= journal_last(w->journal), 10));
}

static void
live(struct world *w, unsigned life, unsigned goes, unsigned count)
{
	struct seen seen;
	seen_init(&seen, &w->stats);
	assert_int_equal(world_try_open(w, logwriter_covered(w->dir)), BX_OK);
	struct logwriter *lw = open_writer(w, &seen);
	assert_true(logwriter_start(lw));
	for (unsigned i = 0; i < goes; i++) {
		append_some(w, count, life);
		acknowledge(w);
		if (i % 2)
			world_snapshot_now(w);
		if (i % 3)
			wait_saved(w, lw);
	}
	logwriter_stop(lw);
	logwriter_close(&lw);
	seen_fini(&seen);
	world_close(w);
}

static void
start_tape(struct world *w)
{
	char path[256];
	tape.count = 0;
	tape.inode_count = 0;
	for (int d = 0; d < DIRS; d++) {
		struct stat st;
		snprintf(path, sizeof path, "%s%s", w->dir, dir_names[d]);
		mkdir(path, 0700);
		assert_int_equal(stat(path, &st), 0);
		tape.dirs[d] = st.st_ino;
		tape.names_count[d] = 0;
	}
	tape.on = true;
}

static void
stop_tape(void)
{
	tape.on = false;
}

static void
wipe_tape(void)
{
	for (unsigned i = 0; i < tape.count; i++)
		free(tape.ops[i].data);
	tape.count = 0;
}

/* ---- the cut ----------------------------------------------------------------------------------------------------- */

enum mercy { LOSE_ALL, KEEP_ALL, KEEP_SOME, MERCIES };

struct inode {
	uint8_t *data;
	size_t size;
};

static void
resize(struct inode *f, size_t size)
{
	uint8_t *data = realloc(f->data, size ? size : 1);
	assert_non_null(data);
	if (size > f->size)
		memset(data + f->size, 0, size - f->size);
	f->data = data;
	f->size = size;
}

static void
apply_write(struct inode *f, const struct op *op, bool sure, enum mercy mercy, struct rand *r)
{
	for (size_t done = 0; done < op->n;) {
		size_t at = (size_t)op->at + done, step = PAGE - at % PAGE;
		if (step > op->n - done)
			step = op->n - done;
		if (sure || mercy == KEEP_ALL || rand_u64(r) % 2) {
			if (at + step > f->size)
				resize(f, at + step);
			if (!f->data)
				abort(); /* resize() made room */
			memcpy(f->data + at, op->data + done, step);
		}
		done += step;
	}
}

static void
apply_name(const struct op *op)
{
	if (op->kind == OP_UNLINK) {
		if (inode_named(op->dir, op->name) == op->inode)
			unset_name(op->dir, op->name);
		return;
	}
	/* A file that is renamed has only its new name, whichever of the earlier renames came to the disk. */
	for (int i = 0; op->kind == OP_RENAME && i < tape.names_count[op->dir]; i++)
		if (tape.names[op->dir][i].inode == op->inode && !strstr(tape.names[op->dir][i].name, ".damaged"))
			tape.names[op->dir][i--] = tape.names[op->dir][--tape.names_count[op->dir]];
	set_name(op->dir, op->kind == OP_RENAME ? op->to : op->name, op->inode);
}

/* The disk as it is when the power comes back; returns what had been promised. */
static uint64_t
replay(unsigned upto, enum mercy mercy, struct rand *r, struct inode *files)
{
	uint64_t promised = 0;
	memset(tape.names_count, 0, sizeof tape.names_count);
	for (unsigned i = 0; i < upto; i++) {
		const struct op *op = &tape.ops[i];
		bool sure = op->sync_at < upto;
		if (op->kind == OP_ACK)
			promised = op->ack;
		if (op->kind >= OP_SYNC || (!sure && mercy == LOSE_ALL))
			continue;
		if (op->kind == OP_WRITE)
			apply_write(&files[op->inode], op, sure, mercy, r);
		else if (!sure && mercy == KEEP_SOME && rand_u64(r) % 2)
			continue;
		else if (op->kind == OP_SIZE && (!op->ack || (size_t)op->at > files[op->inode].size))
			resize(&files[op->inode], (size_t)op->at);
		else if (op->kind != OP_SIZE)
			apply_name(op);
	}
	return promised;
}

static void
put_file(const char *path, const struct inode *f)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	if (f->size)
		assert_int_equal(__real_pwrite(fd, f->data, f->size, 0), f->size);
	close(fd);
}

/* A copy has other inodes than what the checkpoint was written about. */
static void
renumber(const char *dir, bool prev)
{
	char path[400], scratch[300];
	struct checkpoint c;
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	enum bx_err err = checkpoint_read(fd, prev, &c);
	close(fd);
	if (err != BX_OK)
		return;
	for (size_t i = 0; i < c.count; i++) {
		struct stat st;
		int inode = inode_named(LOG_DIR, c.files[i].name);
		snprintf(path, sizeof path, "%s/log/%s", dir, c.files[i].name);
		bool same = inode >= 0 && tape.inodes[inode] == c.files[i].ino && stat(path, &st) == 0;
		c.files[i].ino = same ? st.st_ino : 0;
	}
	snprintf(scratch, sizeof scratch, "%s/scratch", dir);
	mkdir(scratch, 0700);
	fd = open(scratch, O_RDONLY | O_DIRECTORY);
	assert_int_equal(checkpoint_write(fd, &c), BX_OK);
	close(fd);
	checkpoint_fini(&c);
	snprintf(path, sizeof path, "%s/checkpoint%s", dir, prev ? ".prev" : "");
	snprintf(scratch, sizeof scratch, "%s/scratch/checkpoint", dir);
	assert_int_equal(rename(scratch, path), 0);
}

static void
put_disk(const char *dir, const struct inode *files)
{
	char path[400];
	for (int d = 0; d < DIRS; d++) {
		snprintf(path, sizeof path, "%s%s", dir, dir_names[d]);
		mkdir(path, 0700);
		for (int i = 0; i < tape.names_count[d]; i++) {
			snprintf(path, sizeof path, "%s%s/%s", dir, dir_names[d], tape.names[d][i].name);
			put_file(path, &files[tape.names[d][i].inode]);
		}
	}
	renumber(dir, false);
	renumber(dir, true);
}

/* ---- what must be there ------------------------------------------------------------------------------------------ */

static uint8_t *times;
static uint64_t times_cap;

static const char *
read_log_file(const char *path)
{
	struct stat st;
	const char *wrong = NULL;
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size + 1);
	assert_int_equal(read(fd, data, size), size);
	close(fd);
	for (size_t at = 0; at < size && !wrong;) {
		struct cursor c;
		struct mp_token t = {0};
		size_t n = event_length(data + at, size - at, NULL);
		if (n == 0) {
			wrong = "holds something that is no event";
			break;
		}
		cursor_init(&c, data + at, n);
		for (int i = 0; i < 5; i++)
			mp_next(&c, &t);
		if (t.u >= times_cap || times[t.u]++)
			wrong = "holds an event twice";
		at += n;
	}
	free(data);
	return wrong;
}

/* NULL when every record up to `promised` is there once and no other twice. */
static const char *
judge(const char *dir, uint64_t promised, uint64_t last)
{
	char path[600];
	const char *wrong = NULL;
	times_cap = last + 1;
	times = calloc(1, times_cap);
	snprintf(path, sizeof path, "%s/log", dir);
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e; !wrong && (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		if (n < 4 || strcmp(e->d_name + n - 4, ".log") != 0)
			continue;
		snprintf(path, sizeof path, "%s/log/%s", dir, e->d_name);
		wrong = read_log_file(path);
	}
	closedir(d);
	for (uint64_t n = 1; !wrong && n <= promised; n++)
		if (n >= times_cap || !times[n])
			wrong = "does not hold an event that was synced";
	free(times);
	return wrong;
}

static const char *
cut_and_recover(unsigned upto, enum mercy mercy, uint64_t seed)
{
	static struct inode files[INODES];
	struct rand r = {{seed, 2, 3, 4}};
	struct world w;
	memset(files, 0, sizeof files);
	uint64_t promised = replay(upto, mercy, &r, files);
	world_init(&w, SEGMENT);
	put_disk(w.dir, files);
	live(&w, 99, 1, 3);
	assert_int_equal(world_try_open(&w, 0), BX_OK);
	uint64_t last = journal_last(w.journal);
	world_close(&w);
	const char *wrong = judge(w.dir, promised, last);
	if (wrong)
		printf("promised %llu, last %llu, kept as %d\n", (unsigned long long)promised, (unsigned long long)last,
		    mercy);
	world_fini(&w);
	for (int i = 0; i < tape.inode_count; i++)
		free(files[i].data);
	return wrong;
}

static void
work(struct world *w)
{
	world_init(w, SEGMENT);
	start_tape(w);
	for (unsigned life = 0; life < 3; life++) {
		if (life == 1)
			atomic_store(&fail_sync_in, 9);
		live(w, life, 5, 45);
	}
	stop_tape();
	world_fini(w);
}

/* Cuts behind every `step`th op, in every way; the first thing found wrong, or NULL. */
static const char *
cut_everywhere(unsigned step, unsigned *cuts, unsigned *where)
{
	for (unsigned upto = 1; upto <= tape.count; upto += step)
		for (int mercy = 0; mercy < MERCIES; mercy++, ++*cuts) {
			const char *wrong = cut_and_recover(upto, (enum mercy)mercy, upto * 7919 + 1);
			*where = upto;
			if (wrong)
				return wrong;
		}
	return NULL;
}

static void
wherever_the_power_is_cut_what_was_synced_is_in_the_log_once(void **state)
{
	(void)state;
	struct world w;
	unsigned cuts = 0, where = 0, step = getenv("SOAK") ? 1 : 3;
	missing = NOTHING_MISSING;
	work(&w);
	const char *wrong = cut_everywhere(step, &cuts, &where);
	printf("%u operations, %u cuts\n", tape.count, cuts);
	if (wrong)
		fail_msg("cut behind operation %u of %u: the log %s", where, tape.count, wrong);
	wipe_tape();
}

static void
a_sync_that_is_left_out_is_found(void **state)
{
	(void)state;
	static const char *const what[] = {"", "journal's directory", "log files", "snapshot and checkpoint"};
	for (missing = NO_DIR_SYNC; missing <= NO_STATE_SYNC; missing++) {
		struct world w;
		unsigned cuts = 0, where = 0;
		work(&w);
		const char *wrong = cut_everywhere(7, &cuts, &where);
		printf("no sync of the %s: %s after %u cuts\n", what[missing], wrong ? wrong : "nothing found", cuts);
		assert_non_null(wrong);
		wipe_tape();
	}
	missing = NOTHING_MISSING;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wherever_the_power_is_cut_what_was_synced_is_in_the_log_once),
	    cmocka_unit_test(a_sync_that_is_left_out_is_found),
	};
	say_init("powerloss", -8);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
