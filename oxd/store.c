/* SPDX-License-Identifier: ISC */
/* store: one file at a time; and the choice, which looks at nothing but what it is given. */
#include "oxd/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/compress.h"
#include "libbx/core/indexing.h"

enum { NAME_CAP = LOGNAME_MAX + 16, DAY_S = 86400, HOUR_S = 3600 };
static const int64_t second_ns = 1000000000;

bool
store_is_ours(const struct logdir_file *f)
{
	return !f->later_layout && !f->link;
}

int64_t
store_period_end_ns(const struct logdir_file *f)
{
	return (f->name.day_start + (f->name.hourly ? HOUR_S : DAY_S)) * second_ns;
}

enum bx_err
store_pack(int dir_fd, const struct logdir_file *f, const _Atomic bool *stop, uint64_t *packed)
{
	struct index_end end = {0};
	*packed = 0;
	if (!store_is_ours(f) || f->pack != LOGDIR_PLAIN) {
		errno = EINVAL;
		return BX_EIO;
	}
	enum bx_err err = indexing_extend(dir_fd, f->path, f->size, true, stop, &end);
	if (err == BX_OK && stop && atomic_load(stop))
		return BX_ELIMIT;
	/* Without an index, on a disk that is full for instance, packing would fail too. */
	return err != BX_OK ? err : compress_pack(dir_fd, f->path, stop, packed);
}

/* Path without what a pack put behind it, and with something else. */
static bool
sibling(const struct logdir_file *f, const char *suffix, char out[NAME_CAP])
{
	int stem = (int)(strlen(f->path) - strlen(logdir_suffix(f->pack)));
	return snprintf(out, NAME_CAP, "%.*s%s", stem, f->path, suffix) < NAME_CAP;
}

static bool
remove_if_there(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT;
}

enum bx_err
store_remove(int dir_fd, const struct logdir_file *f)
{
	struct stat st;
	char name[NAME_CAP];
	if (!store_is_ours(f) || fstatat(dir_fd, f->path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return BX_EIO;
	if (st.st_dev != f->dev || st.st_ino != f->ino || !S_ISREG(st.st_mode))
		return BX_EBAD;
	/* The packed twin first: alone it would be taken for the log that has gone. */
	for (int pack = LOGDIR_PACKS - 1; pack > LOGDIR_PLAIN; pack--)
		if ((f->twins & 1U << pack) &&
		    (!sibling(f, logdir_suffix((enum logdir_pack)pack), name) || !remove_if_there(dir_fd, name)))
			return BX_EIO;
	if (!remove_if_there(dir_fd, f->path))
		return BX_EIO;
	return sibling(f, INDEX_SUFFIX, name) && remove_if_there(dir_fd, name) ? BX_OK : BX_EIO;
}

uint64_t
store_bytes(int dir_fd, const struct logdir_file *f)
{
	static const char *const others[] = {INDEX_SUFFIX, COMPRESS_SUFFIX};
	uint64_t bytes = f->size;
	struct stat st;
	char name[NAME_CAP];
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		bool has = i == 0 ? f->has_index : f->twins & 1U << LOGDIR_ZST;
		if (has && sibling(f, others[i], name) && fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

/* ---- which go ---------------------------------------------------------------------------------------------------- */

static int64_t
day_of(const struct store_item *i)
{
	return i->file->name.day_start / DAY_S;
}

static int
type_order(const struct store_item *a, const struct store_item *b)
{
	size_t an = a->file->name.type_len, bn = b->file->name.type_len;
	int order = memcmp(a->file->name.type, b->file->name.type, an < bn ? an : bn);
	return order ? order : (an > bn) - (an < bn);
}

/* By day, then type: the files of one type and day are one thing. */
static int
by_day(const void *x, const void *y)
{
	const struct store_item *a = *(struct store_item *const *)x, *b = *(struct store_item *const *)y;
	int order = (day_of(a) > day_of(b)) - (day_of(a) < day_of(b));
	return order ? order : type_order(a, b);
}

static bool
same_day(const struct store_item *a, const struct store_item *b)
{
	return day_of(a) == day_of(b) && type_order(a, b) == 0;
}

/* A type of which a day goes is braked for the rest of the choice. */
static void
brake_type(struct store_item **sorted, size_t count, const struct store_item *of)
{
	for (size_t i = 0; i < count; i++)
		if (type_order(sorted[i], of) == 0)
			sorted[i]->braked = true;
}

struct group {
	size_t first, end;
	uint64_t bytes;
	bool live;
};

static struct group
group_at(struct store_item **sorted, size_t count, size_t first)
{
	struct group g = {.first = first, .end = first};
	for (; g.end < count && same_day(sorted[first], sorted[g.end]); g.end++) {
		g.bytes += sorted[g.end]->bytes;
		g.live |= sorted[g.end]->live;
	}
	return g;
}

static enum store_choice
choose(struct store_item **sorted, size_t count, uint64_t total, const struct store_limits *limits, bool one_day)
{
	int64_t held_day = INT64_MAX;
	for (struct group g = {0}; g.end < count;) {
		g = group_at(sorted, count, g.end);
		const struct store_item *first = sorted[g.first];
		int64_t end_ns = (day_of(first) + 1) * DAY_S * second_ns;
		bool old = end_ns <= limits->before_ns;
		bool over = limits->bytes > 0 && total > limits->bytes;
		if (g.live || (!old && !over))
			continue;
		if (first->braked || (!old && day_of(first) > held_day)) {
			if (day_of(first) < held_day)
				held_day = day_of(first);
			continue;
		}
		for (size_t i = g.first; i < g.end; i++)
			sorted[i]->goes = true;
		total -= g.bytes;
		if (one_day)
			brake_type(sorted + g.end, count - g.end, first);
	}
	return held_day == INT64_MAX ? STORE_ALL_CHOSEN : STORE_BRAKED;
}

enum store_choice
store_choose(struct store_item *items, size_t count, const struct store_limits *limits, bool one_day)
{
	uint64_t total = 0;
	struct store_item **sorted = calloc(count + 1, sizeof *sorted);
	if (!sorted)
		return STORE_BRAKED; /* nothing goes for now */
	for (size_t i = 0; i < count; i++) {
		sorted[i] = &items[i];
		items[i].goes = false;
		total += items[i].bytes;
	}
	qsort(sorted, count, sizeof *sorted, by_day);
	enum store_choice choice = choose(sorted, count, total, limits, one_day);
	free(sorted);
	return choice;
}
