/* SPDX-License-Identifier: ISC */
/* indexing: walk the events, close a block when it is large enough, append its entry. */
#include "libbx/core/indexing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/logdir.h"
#include "libbx/core/logread.h"

enum { WALK_WINDOW = 64 * 1024, STEP = 64 * 1024, NAME_CAP = LOGNAME_MAX + 8 };

static bool
index_name(const char *log_name, char out[NAME_CAP])
{
	return snprintf(out, NAME_CAP, "%s" INDEX_SUFFIX, log_name) < NAME_CAP;
}

/* ---- reading an index -------------------------------------------------------------------------------------------- */

static bool
walk_fill(struct index_walk *w)
{
	buf_drop_front(&w->window, w->at);
	w->at = 0;
	uint8_t *to = buf_reserve(&w->window, WALK_WINDOW);
	ssize_t n;
	if (!to)
		return false;
	do
		n = pread(w->fd, to, WALK_WINDOW, (off_t)w->read_at);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	w->window.len += (size_t)n;
	w->read_at += (uint64_t)n;
	return true;
}

enum bx_err
index_walk_open(struct index_walk *w, int dir_fd, const char *log_name)
{
	char name[NAME_CAP];
	struct stat st;
	*w = (struct index_walk){.fd = -1};
	if (!index_name(log_name, name))
		return BX_ESHORT;
	w->fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (w->fd < 0)
		return errno == ENOENT || errno == ELOOP ? BX_ESHORT : BX_EIO;
	enum bx_err err = fstat(w->fd, &st) == 0 && S_ISREG(st.st_mode) ? BX_OK : BX_EBAD;
	if (err == BX_OK) {
		walk_fill(w);
		err = index_read_header(w->window.data, w->window.len, &w->header);
	}
	if (err == BX_OK)
		w->at = INDEX_HEADER;
	else
		index_walk_close(w);
	return err;
}

bool
index_walk_next(struct index_walk *w, struct index_entry *e)
{
	for (;;) {
		size_t used;
		enum bx_err err = index_read_entry(
		    w->window.data + w->at, w->window.len - w->at, &w->header, w->number, w->covered, e, &used);
		if (err == BX_ESHORT && walk_fill(w))
			continue;
		if (err != BX_OK)
			return false;
		w->at += used;
		w->number++;
		w->covered += e->length;
		return true;
	}
}

void
index_walk_close(struct index_walk *w)
{
	if (w->fd >= 0)
		close(w->fd);
	buf_fini(&w->window);
	*w = (struct index_walk){.fd = -1};
}

/* ---- reading the log --------------------------------------------------------------------------------------------- */

static enum bx_err
open_log(int dir_fd, const char *name, struct logread *r)
{
	int fd = logdir_open(dir_fd, name);
	if (fd < 0)
		return BX_EIO;
	logread_open(r, fd);
	return BX_OK;
}

static enum bx_err
read_head(int dir_fd, const char *name, uint8_t head[INDEX_HEAD_MAX], size_t *n)
{
	struct logread r;
	*n = 0;
	enum bx_err err = open_log(dir_fd, name, &r);
	if (err != BX_OK)
		return err;
	err = logread_full(&r, head, INDEX_HEAD_MAX, n);
	logread_close(&r);
	return err == BX_EBAD ? BX_OK : err; /* damage is for whoever reads on */
}

/* The last block stands for all: what lies before it was there when it was written. */
static bool
last_block_holds(int dir_fd, const char *name, const struct index_entry *last)
{
	struct logread r;
	size_t got = 0;
	uint8_t *block = malloc(last->length);
	bool holds = block && open_log(dir_fd, name, &r) == BX_OK;
	if (holds) {
		holds = logread_skip(&r, last->offset) == BX_OK &&
			logread_full(&r, block, last->length, &got) == BX_OK && got == last->length &&
			index_block_holds(last, block);
		logread_close(&r);
	}
	free(block);
	return holds;
}

enum bx_err
indexing_look(int dir_fd, const char *name, uint64_t upto, struct index_end *end)
{
	uint8_t head[INDEX_HEAD_MAX];
	size_t head_n;
	struct index_walk w;
	struct index_entry e, last = {0};
	*end = (struct index_end){0};
	enum bx_err err = index_walk_open(&w, dir_fd, name);
	if (err != BX_OK)
		return err == BX_EIO ? err : BX_OK;
	err = read_head(dir_fd, name, head, &head_n);
	if (err == BX_OK && index_is_of(&w.header, head, head_n)) {
		end->header = w.header;
		end->at = INDEX_HEADER;
		while (index_walk_next(&w, &e) && e.offset + e.length <= upto) {
			end->at += INDEX_ENTRY + e.filter.n;
			end->covered = w.covered;
			end->entries = w.number;
			last = e;
		}
		if (last.length > 0 && !last_block_holds(dir_fd, name, &last))
			*end = (struct index_end){0};
	}
	index_walk_close(&w);
	return err;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

struct indexing {
	int fd; /* of the index */
	struct logread log;
	uint64_t upto;
	bool eof;
	struct index_end *end;
	struct index_block block;
	struct buf window; /* 0 .. at is the block so far; what lies behind it is not yet walked */
	size_t at;
	struct buf out;
};

static enum bx_err
write_out(struct indexing *x)
{
	size_t done = 0;
	if (x->out.err != BX_OK)
		return x->out.err;
	while (done < x->out.len) {
		ssize_t n = pwrite(x->fd, x->out.data + done, x->out.len - done, (off_t)(x->end->at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int why = n < 0 ? errno : EIO;
			if (ftruncate(x->fd, (off_t)x->end->at) != 0)
				why = errno; /* a torn entry does not hold */
			errno = why;
			return BX_EIO;
		}
		done += (size_t)n;
	}
	x->end->at += done;
	buf_clear(&x->out);
	return BX_OK;
}

static enum bx_err
close_block(struct indexing *x)
{
	enum bx_err err = BX_OK;
	struct index_end *end = x->end;
	if (end->at == 0) {
		index_put_header(&x->out, x->window.data, x->at, &end->header);
		err = write_out(x);
	}
	if (err == BX_OK) {
		index_put_entry(&x->out, &end->header, &x->block, end->entries, end->covered, x->window.data, x->at);
		err = write_out(x);
	}
	if (err != BX_OK)
		return err;
	end->covered += x->at;
	end->entries++;
	buf_drop_front(&x->window, x->at);
	x->at = 0;
	index_block_clear(&x->block);
	return BX_OK;
}

/* Reads on, not beyond `upto`. */
static enum bx_err
read_more(struct indexing *x)
{
	uint64_t have = x->end->covered + x->window.len;
	size_t want = x->upto - have < STEP ? (size_t)(x->upto - have) : STEP, got = 0;
	uint8_t *to = buf_reserve(&x->window, STEP);
	if (!to)
		return BX_ENOMEM;
	enum bx_err err = want > 0 ? logread_full(&x->log, to, want, &got) : BX_OK;
	x->window.len += got;
	x->eof = got < want || want == 0;
	if (err == BX_EBAD) { /* as far as it can be unpacked */
		x->eof = true;
		err = BX_OK;
	}
	return err;
}

static enum bx_err
walk_events(struct indexing *x, bool seal, const _Atomic bool *stop)
{
	enum bx_err err = BX_OK;
	while (err == BX_OK) {
		struct event ev;
		size_t used = 0;
		enum bx_err found = event_glance(x->window.data + x->at, x->window.len - x->at, &ev, &used);
		if (found == BX_ESHORT && !x->eof && x->window.len < INDEX_BLOCK_MAX) {
			err = read_more(x);
			continue;
		}
		if (found != BX_OK)
			break;
		index_block_add(&x->block, &ev);
		x->at += used;
		if (x->at < INDEX_BLOCK)
			continue;
		err = close_block(x);
		if (stop && atomic_load(stop))
			return err;
	}
	return err == BX_OK && seal && x->at > 0 ? close_block(x) : err;
}

static enum bx_err
open_index(int dir_fd, const char *name, const struct index_end *end, int *out)
{
	struct stat st;
	char file[NAME_CAP];
	errno = ENAMETOOLONG;
	if (!index_name(name, file))
		return BX_EIO;
	int fd = openat(dir_fd, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd < 0)
		return BX_EIO;
	/* What lies behind the end does not hold, and must not come to hold by what is written before it. */
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || ftruncate(fd, (off_t)end->at) != 0) {
		close(fd);
		return BX_EIO;
	}
	*out = fd;
	return BX_OK;
}

enum bx_err
indexing_extend(int dir_fd, const char *name, uint64_t upto, bool seal, const _Atomic bool *stop, struct index_end *end)
{
	enum bx_err err = end->at == 0 ? indexing_look(dir_fd, name, upto, end) : BX_OK;
	if (err != BX_OK || end->covered >= upto)
		return err;
	struct indexing x = {.fd = -1, .upto = upto, .end = end};
	err = open_log(dir_fd, name, &x.log);
	if (err != BX_OK)
		return err;
	err = logread_skip(&x.log, end->covered);
	if (err == BX_OK)
		err = open_index(dir_fd, name, end, &x.fd);
	index_block_clear(&x.block);
	if (err == BX_OK)
		err = walk_events(&x, seal, stop);
	index_block_fini(&x.block);
	buf_fini(&x.window);
	buf_fini(&x.out);
	logread_close(&x.log);
	if (x.fd >= 0)
		close(x.fd);
	return err == BX_ESHORT || err == BX_EBAD ? BX_OK : err; /* the log is shorter than it was: for the next look */
}

enum bx_err
indexing_append(
    int dir_fd, const char *name, const struct index_entry *const *blocks, size_t count, struct index_end *end)
{
	uint8_t head[INDEX_HEAD_MAX];
	size_t head_n;
	struct indexing x = {.fd = -1, .end = end};
	enum bx_err err = open_index(dir_fd, name, end, &x.fd);
	if (err == BX_OK && end->at == 0) {
		err = read_head(dir_fd, name, head, &head_n);
		if (err == BX_OK)
			index_put_header(&x.out, head, head_n, &end->header);
	}
	uint64_t covered = end->covered;
	uint32_t number = end->entries;
	for (size_t i = 0; err == BX_OK && i < count; i++) {
		struct index_entry e = *blocks[i];
		e.number = number++;
		covered += e.length;
		index_put(&x.out, &end->header, &e);
	}
	if (err == BX_OK)
		err = write_out(&x);
	if (err == BX_OK) {
		end->covered = covered;
		end->entries = number;
	}
	buf_fini(&x.out);
	if (x.fd >= 0)
		close(x.fd);
	return err;
}

enum bx_err
indexing_forget(int dir_fd, const char *log_name)
{
	int fd = -1;
	struct index_end none = {0};
	enum bx_err err = open_index(dir_fd, log_name, &none, &fd);
	if (fd >= 0)
		close(fd);
	return err;
}

bool
indexing_is_index(int dir_fd, const char *file)
{
	struct stat st;
	uint8_t header[INDEX_HEADER];
	struct index_header h;
	int fd = openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? pread(fd, header, sizeof header, 0) : -1;
	close(fd);
	return n == 0 || (n > 0 && index_read_header(header, (size_t)n, &h) == BX_OK);
}
