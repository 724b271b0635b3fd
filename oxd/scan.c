/* SPDX-License-Identifier: ISC */
/* scan: a window that is refilled from the offset asked for. */
#include "oxd/scan.h"

#include <errno.h>
#include <unistd.h>

#include "libbx/core/bytes.h"

enum { WINDOW_BYTES = 256 * 1024 };

void
scan_init(struct scan *s, const struct scan_lender *lender)
{
	*s = (struct scan){.fd = -1};
	if (lender)
		s->lender = *lender;
}

static void
drop_window(struct scan *s)
{
	s->window = (struct bytes){NULL, 0};
	if (s->loan)
		s->lender.over(s->lender.arg, &s->loan);
}

void
scan_fini(struct scan *s)
{
	drop_window(s);
	buf_fini(&s->own);
}

void
scan_start(struct scan *s, int fd, uint64_t seed, uint64_t at, uint64_t end)
{
	s->fd = fd;
	s->seed = seed;
	s->at = at;
	s->end = end;
	s->window_at = 0;
	drop_window(s);
}

static size_t
available(const struct scan *s)
{
	if (s->at < s->window_at || s->at - s->window_at >= s->window.n)
		return 0;
	return s->window.n - (size_t)(s->at - s->window_at);
}

static bool
borrow(struct scan *s, size_t least)
{
	if (!s->lender.lend)
		return false;
	s->window = s->lender.lend(s->lender.arg, s->seed, s->at, &s->loan);
	s->window_at = s->at;
	if (s->window.n >= least)
		return true;
	drop_window(s);
	return false;
}

static enum bx_err
read_window(struct scan *s, size_t least)
{
	uint64_t left = s->end - s->at;
	size_t want = least > WINDOW_BYTES ? least : WINDOW_BYTES;
	if (want > left)
		want = (size_t)left;
	drop_window(s);
	buf_clear(&s->own);
	uint8_t *to = buf_reserve(&s->own, want);
	if (!to)
		return BX_ENOMEM;
	while (s->own.len < want) {
		ssize_t n = pread(s->fd, to + s->own.len, want - s->own.len, (off_t)(s->at + s->own.len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return BX_EIO;
		if (n == 0)
			break;
		s->own.len += (size_t)n;
	}
	s->window = (struct bytes){s->own.data, s->own.len};
	s->window_at = s->at;
	return BX_OK;
}

/* Makes n bytes at the offset readable; NULL when the file does not have them. */
static const uint8_t *
look(struct scan *s, size_t n, enum bx_err *err)
{
	*err = BX_ESHORT;
	if (s->at > s->end || n > s->end - s->at)
		return NULL;
	if (available(s) < n) {
		drop_window(s);
		*err = borrow(s, n) ? BX_OK : read_window(s, n);
		if (*err != BX_OK)
			return NULL;
		if (available(s) < n) {
			*err = BX_ESHORT;
			return NULL;
		}
	}
	*err = BX_OK;
	return s->window.p + (s->at - s->window_at);
}

static enum bx_err
read_here(struct scan *s, struct record *rec)
{
	enum bx_err err;
	const uint8_t *p = look(s, RECORD_HEADER, &err);
	if (!p)
		return err;
	if (get_u32le(p) == 0)
		return BX_ESHORT;
	uint32_t len = record_length(p);
	if (len == 0)
		return BX_EBAD;
	p = look(s, len, &err);
	if (!p)
		return err == BX_ESHORT ? BX_EBAD : err;
	err = s->loan ? record_read_summed(p, len, rec) : record_read(p, len, s->seed, rec);
	return err == BX_OK ? BX_OK : BX_EBAD;
}

enum bx_err
scan_next(struct scan *s, uint64_t number, struct record *rec)
{
	enum bx_err err = read_here(s, rec);
	if (err == BX_OK && rec->number != number)
		err = BX_EBAD;
	if (err != BX_OK && err != BX_EIO && s->at <= s->end) {
		err = read_window(s, RECORD_HEADER);
		if (err == BX_OK)
			err = read_here(s, rec);
		if (err == BX_OK && rec->number != number)
			err = BX_EBAD;
	}
	if (err == BX_OK)
		s->at += rec->size;
	return err;
}

/* Cheap test before a checksum is spent: numbers grow by one a record, so the far ones cannot be here. */
static bool
worth_reading(const uint8_t *p, uint64_t min_number, uint64_t left)
{
	uint32_t len = record_length(p);
	uint64_t number = get_u64le(p + 16);
	return len != 0 && len <= left && number >= min_number && number - min_number <= left / RECORD_HEADER;
}

enum bx_err
scan_find(struct scan *s, uint64_t min_number, struct record *rec)
{
	uint64_t first = s->at;
	for (s->at = (s->at + 7) & ~(uint64_t)7;; s->at += 8) {
		enum bx_err err;
		const uint8_t *p = look(s, RECORD_HEADER, &err);
		if (!p) {
			s->at = first;
			return err;
		}
		/* A lost record is at least a header long, so numbers may grow by more than the bytes left show. */
		if (!worth_reading(p, min_number, s->end - first))
			continue;
		err = read_here(s, rec);
		if (err == BX_OK && rec->number >= min_number) {
			s->at += rec->size;
			return BX_OK;
		}
		if (err == BX_EIO)
			return err;
	}
}
