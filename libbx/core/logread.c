/* SPDX-License-Identifier: ISC */
/* logread: one small function a pack, chosen by the first bytes. */
#include "libbx/core/logread.h"

#include <bzlib.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "libbx/core/bytes.h"

enum { INPUT = 128 * 1024, MARK = 4 };

/* ---- input ------------------------------------------------------------------------------------------------------- */

static enum bx_err
read_fd(int fd, void *to, size_t cap, size_t *got)
{
	ssize_t n;
	do
		n = read(fd, to, cap);
	while (n < 0 && errno == EINTR);
	*got = n > 0 ? (size_t)n : 0;
	return n < 0 ? BX_EIO : BX_OK;
}

/* Reads on behind what is left of the input. */
static enum bx_err
fill(struct logread *r)
{
	size_t got;
	if (r->at > 0) {
		memmove(r->input, r->input + r->at, r->end - r->at);
		r->end -= r->at;
		r->at = 0;
	}
	enum bx_err err = read_fd(r->fd, r->input + r->end, INPUT - r->end, &got);
	if (err != BX_OK)
		return err;
	r->end += got;
	r->eof = got == 0;
	return BX_OK;
}

/* ---- packs: each takes input and gives output; false when the bytes are damaged ---------------------------------- */

static bool
read_on_zstd(struct logread *r, uint8_t *to, size_t cap, size_t *got)
{
	ZSTD_inBuffer in = {r->input, r->end, r->at};
	ZSTD_outBuffer out = {to, cap, 0};
	size_t left = ZSTD_decompressStream(r->unpacker, &out, &in);
	r->at = in.pos;
	*got = out.pos;
	if (ZSTD_isError(left)) {
		r->problem = ZSTD_getErrorName(left);
		return false;
	}
	r->inside = left != 0;
	return true;
}

static bool
read_on_gzip(struct logread *r, uint8_t *to, size_t cap, size_t *got)
{
	z_stream *z = r->unpacker;
	if (!r->inside && inflateReset(z) != Z_OK)
		return false;
	z->next_in = r->input + r->at;
	z->avail_in = (uInt)(r->end - r->at);
	z->next_out = to;
	z->avail_out = (uInt)(cap < INPUT ? cap : INPUT);
	r->inside = true;
	int status = inflate(z, Z_NO_FLUSH);
	r->at = r->end - z->avail_in;
	*got = (size_t)(z->next_out - to);
	if (status == Z_STREAM_END)
		r->inside = false;
	else if (status != Z_OK && status != Z_BUF_ERROR)
		r->problem = z->msg ? z->msg : "damaged";
	return status == Z_OK || status == Z_BUF_ERROR || status == Z_STREAM_END;
}

static bool
read_on_bzip2(struct logread *r, uint8_t *to, size_t cap, size_t *got)
{
	bz_stream *z = r->unpacker;
	if (!r->inside) {
		BZ2_bzDecompressEnd(z);
		*z = (bz_stream){0};
		if (BZ2_bzDecompressInit(z, 0, 0) != BZ_OK) {
			r->problem = "out of memory";
			return false;
		}
	}
	z->next_in = (char *)r->input + r->at;
	z->avail_in = (unsigned)(r->end - r->at);
	z->next_out = (char *)to;
	z->avail_out = (unsigned)(cap < INPUT ? cap : INPUT);
	r->inside = true;
	int status = BZ2_bzDecompress(z);
	r->at = r->end - z->avail_in;
	*got = (size_t)((uint8_t *)z->next_out - to);
	if (status == BZ_STREAM_END)
		r->inside = false;
	else if (status != BZ_OK)
		r->problem = "damaged";
	return status == BZ_OK || status == BZ_STREAM_END;
}

/* ---- which it is ------------------------------------------------------------------------------------------------- */

enum logread_pack
logread_pack_of(const void *start, size_t n)
{
	const uint8_t *p = start;
	if (n >= MARK && (get_u32le(p) == 0xfd2fb528 || (get_u32le(p) & 0xfffffff0) == 0x184d2a50))
		return LOGREAD_ZSTD;
	if (n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8)
		return LOGREAD_GZIP;
	if (n >= MARK && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9')
		return LOGREAD_BZIP2;
	return LOGREAD_PLAIN;
}

/* Most files are plain: their first byte tells, and they are never waited for to have four. */
static bool
may_be_packed(uint8_t first)
{
	return first == 0x28 || (first & 0xf0) == 0x50 || first == 0x1f || first == 'B';
}

static bool
make_unpacker(struct logread *r)
{
	switch (r->pack) {
	case LOGREAD_ZSTD:
		r->unpacker = ZSTD_createDCtx();
		r->read_on = read_on_zstd;
		break;
	case LOGREAD_GZIP:
		r->unpacker = calloc(1, sizeof(z_stream));
		r->read_on = read_on_gzip;
		if (r->unpacker && inflateInit2(r->unpacker, 16 + MAX_WBITS) != Z_OK) {
			free(r->unpacker);
			r->unpacker = NULL;
		}
		break;
	case LOGREAD_BZIP2:
		r->unpacker = calloc(1, sizeof(bz_stream));
		r->read_on = read_on_bzip2;
		break;
	default:
		return true;
	}
	return r->unpacker != NULL;
}

static enum bx_err
look(struct logread *r)
{
	r->input = malloc(INPUT);
	if (!r->input)
		return BX_ENOMEM;
	do {
		enum bx_err err = fill(r);
		if (err != BX_OK)
			return err;
	} while (!r->eof && r->end < MARK && may_be_packed(r->input[0]));
	r->pack = logread_pack_of(r->input, r->end);
	return make_unpacker(r) ? BX_OK : BX_ENOMEM;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

void
logread_open(struct logread *r, int fd)
{
	*r = (struct logread){.fd = fd};
}

void
logread_close(struct logread *r)
{
	if (r->unpacker && r->pack == LOGREAD_ZSTD) {
		ZSTD_freeDCtx(r->unpacker);
	} else if (r->unpacker && r->pack == LOGREAD_GZIP) {
		inflateEnd(r->unpacker);
		free(r->unpacker);
	} else if (r->unpacker) {
		BZ2_bzDecompressEnd(r->unpacker);
		free(r->unpacker);
	}
	if (r->fd >= 0)
		close(r->fd);
	free(r->input);
	*r = (struct logread){.fd = -1};
}

/* What was read to find out what it is comes first, then the file itself. */
static enum bx_err
read_plain(struct logread *r, void *to, size_t cap, size_t *got)
{
	if (!r->input)
		return read_fd(r->fd, to, cap, got);
	size_t left = r->end - r->at;
	*got = left < cap ? left : cap;
	memcpy(to, r->input + r->at, *got);
	r->at += *got;
	if (r->at == r->end && (*got > 0 || !r->eof)) {
		free(r->input);
		r->input = NULL;
	}
	return BX_OK;
}

static enum bx_err
read_packed(struct logread *r, uint8_t *to, size_t cap, size_t *got)
{
	*got = 0;
	if (r->problem)
		return BX_EBAD;
	for (;;) {
		if (r->at == r->end && !r->eof) {
			enum bx_err err = fill(r);
			if (err != BX_OK)
				return err;
		}
		if (r->at == r->end && !r->inside)
			return BX_OK;
		size_t before = r->at;
		if (!r->read_on(r, to, cap, got)) {
			if (!r->problem)
				r->problem = "damaged";
			return *got > 0 ? BX_OK : BX_EBAD; /* the next call tells */
		}
		if (*got > 0)
			return BX_OK;
		if (r->at == before && r->at == r->end && r->eof && r->inside) {
			r->problem = "ends too early";
			return BX_EBAD;
		}
	}
}

enum bx_err
logread_read(struct logread *r, void *to, size_t cap, size_t *got)
{
	*got = 0;
	if (r->pack == LOGREAD_UNKNOWN) {
		enum bx_err err = look(r);
		if (err != BX_OK) {
			free(r->input);
			r->input = NULL;
			r->pack = LOGREAD_UNKNOWN;
			return err;
		}
	}
	return r->pack == LOGREAD_PLAIN ? read_plain(r, to, cap, got) : read_packed(r, to, cap, got);
}

enum bx_err
logread_full(struct logread *r, void *to, size_t n, size_t *got)
{
	*got = 0;
	while (*got < n) {
		size_t step;
		enum bx_err err = logread_read(r, (uint8_t *)to + *got, n - *got, &step);
		if (err != BX_OK)
			return err;
		if (step == 0)
			break;
		*got += step;
	}
	return BX_OK;
}

enum bx_err
logread_skip(struct logread *r, uint64_t n)
{
	uint8_t waste[16384];
	struct stat st;
	if (n == 0)
		return BX_OK;
	size_t got, first = n < sizeof waste ? (size_t)n : sizeof waste;
	enum bx_err err = logread_full(r, waste, first, &got);
	n -= got;
	/* A plain file by now known as such, and nothing of it read ahead. */
	if (err == BX_OK && n > 0 && r->pack == LOGREAD_PLAIN && r->input) {
		size_t left = r->end - r->at, step = n < left ? (size_t)n : left;
		r->at += step;
		n -= step;
		if (r->at == r->end) {
			free(r->input);
			r->input = NULL;
		}
	}
	if (err == BX_OK && n > 0 && r->pack == LOGREAD_PLAIN && !r->input && fstat(r->fd, &st) == 0 &&
	    S_ISREG(st.st_mode)) {
		off_t at = lseek(r->fd, 0, SEEK_CUR);
		if (at < 0 || n > (uint64_t)(st.st_size - at))
			return BX_ESHORT;
		return lseek(r->fd, (off_t)n, SEEK_CUR) < 0 ? BX_EIO : BX_OK;
	}
	while (err == BX_OK && n > 0) {
		err = logread_full(r, waste, n < sizeof waste ? (size_t)n : sizeof waste, &got);
		n -= got;
		if (err == BX_OK && got == 0)
			return BX_ESHORT;
	}
	return err;
}

enum bx_err
logread_jump(struct logread *r, uint64_t packed_offset)
{
	enum bx_err err = r->pack == LOGREAD_UNKNOWN ? look(r) : BX_OK;
	if (err != BX_OK)
		return err;
	if (r->pack != LOGREAD_ZSTD) {
		r->problem = "no frame of zstd";
		return BX_EBAD;
	}
	if (lseek(r->fd, (off_t)packed_offset, SEEK_SET) < 0)
		return BX_EIO;
	ZSTD_DCtx_reset(r->unpacker, ZSTD_reset_session_only);
	r->at = r->end = 0;
	r->eof = r->inside = false;
	return BX_OK;
}

const char *
logread_pack_text(enum logread_pack pack)
{
	static const char *const names[] = {"unknown", "plain", "zstd", "gzip", "bzip2"};
	return names[pack];
}
