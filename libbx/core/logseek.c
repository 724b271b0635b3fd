/* SPDX-License-Identifier: ISC */
/* logseek: the table is summed up once, then searched by halves. */
#include "libbx/core/logseek.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/bytes.h"
#include "libbx/core/compress.h"

enum { HEADER = 8, ENTRY = 8, FOOTER = 9, FRAMES_MAX = 1 << 24 };

static bool
read_at(int fd, void *to, size_t n, uint64_t at)
{
	return pread(fd, to, n, (off_t)at) == (ssize_t)n;
}

/* The sums of the table's entries.  False when they do not come to the size of the file. */
static bool
sum_up(struct logseek *s, const uint8_t *entries, uint64_t file_bytes)
{
	uint64_t packed = 0, plain = 0;
	for (uint32_t i = 0; i <= s->frames; i++) {
		s->starts[2 * (size_t)i] = packed;
		s->starts[2 * (size_t)i + 1] = plain;
		if (i == s->frames)
			break;
		packed += get_u32le(entries + ENTRY * (size_t)i);
		plain += get_u32le(entries + ENTRY * (size_t)i + 4);
	}
	return packed == file_bytes;
}

void
logseek_open(struct logseek *s, int fd)
{
	uint8_t footer[FOOTER];
	struct stat st;
	*s = (struct logseek){0};
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < HEADER + FOOTER ||
	    !read_at(fd, footer, FOOTER, (uint64_t)st.st_size - FOOTER))
		return;
	uint32_t frames = get_u32le(footer);
	uint64_t len = HEADER + (uint64_t)frames * ENTRY + FOOTER;
	if (frames == 0 || frames > FRAMES_MAX || len > (uint64_t)st.st_size)
		return;
	uint8_t *table = malloc(len);
	s->starts = calloc(2 * ((size_t)frames + 1), sizeof *s->starts);
	s->frames = frames;
	if (!table || !s->starts || !read_at(fd, table, len, (uint64_t)st.st_size - len) ||
	    compress_read_table(table, len) != frames || !sum_up(s, table + HEADER, (uint64_t)st.st_size - len))
		logseek_close(s);
	free(table);
}

void
logseek_close(struct logseek *s)
{
	free(s->starts);
	*s = (struct logseek){0};
}

bool
logseek_size(const struct logseek *s, int fd, uint64_t *size)
{
	uint8_t first[4];
	struct stat st;
	if (s->frames > 0) {
		*size = s->starts[2 * (size_t)s->frames + 1];
		return true;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	*size = (uint64_t)st.st_size;
	return st.st_size < 4 || (read_at(fd, first, 4, 0) && logread_pack_of(first, 4) == LOGREAD_PLAIN);
}

/* The frame in which the offset lies; it lies before the end. */
static uint32_t
frame_at(const struct logseek *s, uint64_t offset)
{
	uint32_t low = 0, high = s->frames;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (s->starts[2 * (size_t)middle + 1] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

enum bx_err
logseek_go(const struct logseek *s, struct logread *r, uint64_t at, uint64_t to)
{
	if (s->frames > 0 && to < s->starts[2 * (size_t)s->frames + 1]) {
		uint32_t frame = frame_at(s, to);
		uint64_t start = s->starts[2 * (size_t)frame + 1];
		if (start > at) {
			enum bx_err err = logread_jump(r, s->starts[2 * (size_t)frame]);
			if (err != BX_OK)
				return err;
			at = start;
		}
	}
	return logread_skip(r, to - at);
}
