/* SPDX-License-Identifier: ISC */
/*
 * oxd_world: what the tests of oxd's modules share: a directory of their own, a journal in it, a disk that can say no.
 *
 * The program links with --wrap=fsync,fdatasync,pwrite: syncs cost nothing, and a chosen one of them fails.
 */
#ifndef BLUEOX_TESTS_OXD_WORLD_H
#define BLUEOX_TESTS_OXD_WORLD_H

#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/mp.h"
#include "oxd/audit.h"
#include "oxd/journal.h"
#include "oxd/positions.h"
#include "oxd/reader.h"
#include "tests/wait.h"

/* ---- a disk that can say no -------------------------------------------------------------------------------------- */

struct fault {
	_Atomic int left;  /* calls until the first that fails; below 0: none fails */
	_Atomic int times; /* how many fail then */
	int error;
};
static inline bool
fault_strikes(struct fault *f)
{
	if (atomic_load(&f->left) < 0)
		return false;
	if (atomic_load(&f->left) > 0) {
		atomic_fetch_sub(&f->left, 1);
		return false;
	}
	if (atomic_fetch_sub(&f->times, 1) <= 1)
		atomic_store(&f->left, -1);
	errno = f->error;
	return true;
}

static inline void
fault_set(struct fault *f, int after, int times, int error)
{
	f->error = error;
	atomic_store(&f->times, times);
	atomic_store(&f->left, after);
}

#ifndef WORLD_OWN_DISK
static struct fault fault_fdatasync = {-1, 0, EIO}, fault_pwrite = {-1, 0, EIO};
static _Atomic int syncs_done;

int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);

int
__wrap_fsync(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int
__wrap_fdatasync(int fd)
{
	atomic_fetch_add(&syncs_done, 1);
	return fault_strikes(&fault_fdatasync) || fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

#ifndef WORLD_OWN_PWRITE
ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fault_strikes(&fault_pwrite) ? -1 : __real_pwrite(fd, p, n, at);
}
#endif
#endif

/* ---- directories ------------------------------------------------------------------------------------------------- */

static inline int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline void
world_remove(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void
world_make(char dir[128])
{
	const char *tmp = getenv("TEST_TMP");
	snprintf(dir, 128, "%.100s/oxd-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
}

/* ---- a journal --------------------------------------------------------------------------------------------------- */

struct world {
	char dir[128];
	struct stats stats;
	struct positions positions;
	struct audit audit;
	struct journal_config config;
	struct journal *journal;
	uint64_t replayed; /* records that the last open told of */
};

static inline enum bx_err
world_snapshot(void *arg, const struct buf *content, uint64_t *covers)
{
	struct world *w = arg;
	positions_fini(&w->positions);
	enum bx_err err = positions_decode(&w->positions, content, covers);
	if (err == BX_OK)
		audit_decode_state(&w->audit, content);
	return err;
}

static inline void
world_record(void *arg, const struct record *record)
{
	struct world *w = arg;
	w->replayed++;
	audit_apply(&w->audit, record->number, &record->source, record->frame, &w->positions);
	positions_apply(&w->positions, &record->source, record->frame);
}

static inline void
world_init(struct world *w, uint64_t segment_bytes)
{
	memset(w, 0, sizeof *w);
	world_make(w->dir);
	w->config = (struct journal_config){
	    .state_path = w->dir,
	    .segment_bytes = segment_bytes,
	    .max_bytes = 1000 * segment_bytes,
	    .sync = JOURNAL_SYNC_INTERVAL,
	    .stats = &w->stats,
	};
}

static inline enum bx_err
world_try_open(struct world *w, uint64_t floor)
{
	struct journal_replay replay = {.snapshot = world_snapshot, .record = world_record, .arg = w};
	char err[512] = "";
	memset(&w->stats, 0, sizeof w->stats);
	positions_fini(&w->positions);
	audit_fini(&w->audit);
	audit_init(&w->audit);
	w->replayed = 0;
	return journal_open(&w->journal, &w->config, floor, &replay, err, sizeof err);
}

static inline void
world_open(struct world *w)
{
	assert_int_equal(world_try_open(w, 0), BX_OK);
}

static inline void
world_close(struct world *w)
{
	journal_close(&w->journal);
}

static inline void
world_fini(struct world *w)
{
	if (w->journal)
		world_close(w);
	positions_fini(&w->positions);
	audit_fini(&w->audit);
	world_remove(w->dir);
}

/* A frame with one event of this type and number. */
static inline void
world_frame(struct buf *frame, const char *type, uint64_t n)
{
	static const uint8_t origin[FRAME_ORIGIN] = "origin";
	uint8_t map[64], *p = map;
	p = mp_put_map_header(p, 2);
	p = mp_put_str(p, "type", 4);
	p = mp_put_str(p, type, (uint32_t)strlen(type));
	p = mp_put_str(p, "n", 1);
	p = mp_put_uint(p, n);
	buf_clear(frame);
	frame_start(frame);
	frame_add(frame, 0, (struct bytes){(const uint8_t *)type, strlen(type)}, (double)n,
	    (struct bytes){map, (size_t)(p - map)});
	assert_int_equal(frame_seal(frame, 0, origin, n), BX_OK);
}

/* Appends one record and hands it to the kernel.  BX_EFULL: no room; BX_EIO: appended, and the disk does not take it. */
static inline enum bx_err
world_append(struct world *w, const struct source *source, const char *type, uint64_t n)
{
	struct buf frame = {0};
	world_frame(&frame, type, n);
	enum bx_err err = BX_OK;
	if (!journal_has_room(w->journal, frame.len))
		err = journal_roll(w->journal, frame.len);
	if (err == BX_OK) {
		journal_append(w->journal, source, (struct bytes){frame.data, frame.len});
		positions_apply(&w->positions, source, (struct bytes){frame.data, frame.len});
		for (int tries = 0; tries < 20 && (err = journal_write(w->journal)) != BX_OK; tries++)
			if (journal_state(w->journal) == JOURNAL_FAILED)
				break;
		if (err != BX_OK)
			err = BX_EIO;
	}
	buf_fini(&frame);
	return err;
}

static inline void
world_sync(struct world *w)
{
	journal_sync_soon(w->journal);
	for (int i = 0; i < 1000; i++)
		if (journal_wait(w->journal, journal_last(w->journal), 10))
			return;
	fail_msg("record %llu was not synced within ten seconds", (unsigned long long)journal_last(w->journal));
}

/* As if somebody had read up to here for good. */
static inline void
world_pass(struct world *w, uint64_t upto)
{
	unsigned cursor = journal_cursor_add(w->journal, upto, upto);
	journal_cursor_move(w->journal, cursor, upto, upto);
	journal_cursor_remove(w->journal, cursor);
}

static inline void
world_snapshot_now(struct world *w)
{
	struct buf snapshot = {0};
	uint64_t last = journal_last(w->journal);
	world_sync(w);
	positions_encode(&w->positions, last, &snapshot);
	journal_offer_snapshot(w->journal, last, &snapshot);
	for (int i = 0; i < 1000 && journal_snapshot_covers(w->journal) < last; i++)
		journal_wait(w->journal, last + 1, 1);
	assert_int_equal(journal_snapshot_covers(w->journal), last);
}

static const struct source world_push = {.kind = SOURCE_PUSH};

/* The number that world_frame() put in. */
static inline uint64_t
world_number_of(const struct record *rec)
{
	struct frame frame;
	assert_int_equal(frame_open(rec->frame.p, rec->frame.n, &frame), BX_OK);
	return frame.seq;
}

#endif
