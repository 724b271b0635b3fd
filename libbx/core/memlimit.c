/* SPDX-License-Identifier: ISC */
/* memlimit: one line of /proc/self/cgroup, then a file at each level from there up to the root. */
#include "libbx/core/memlimit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { LEVELS_MAX = 32 };

/* Zero-terminated; no bytes when it cannot be read. */
static size_t
read_start(const char *path, char *out, size_t cap)
{
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0) {
		ssize_t n;
		while (len < cap - 1 && ((n = read(fd, out + len, cap - 1 - len)) > 0 || (n < 0 && errno == EINTR)))
			len += n > 0 ? (size_t)n : 0;
		close(fd);
	}
	out[len] = '\0';
	return len;
}

/* "max", and anything that is no number, is no limit. */
static uint64_t
limit_in(const char *path, char *number, size_t cap)
{
	uint64_t limit = 0;
	const char *p = number;
	if (read_start(path, number, cap) == 0 || *p < '0' || *p > '9')
		return UINT64_MAX;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(limit, 10, &limit) || __builtin_add_overflow(limit, *p - '0', &limit))
			return UINT64_MAX;
	return limit;
}

/* Is `word` one of the names between commas? */
static bool
has_name(const char *names, const char *end, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = names; p <= end - len; p++) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		if ((size_t)(stop - p) == len && memcmp(p, word, len) == 0)
			return true;
		p = stop;
	}
	return false;
}

/* The group's name in a line NUMBER:CONTROLLERS:NAME, and the file that holds its limit; NULL for another line. */
static const char *
group_in(const char *line, const char *end, const char **mount, const char **file)
{
	const char *names = memchr(line, ':', (size_t)(end - line));
	const char *group = names ? memchr(names + 1, ':', (size_t)(end - names - 1)) : NULL;
	if (!group || group + 1 == end || group[1] != '/')
		return NULL;
	if (group == names + 1) { /* version 2 */
		*mount = "";
		*file = "/memory.max";
	} else if (has_name(names + 1, group, "memory")) {
		*mount = "/memory";
		*file = "/memory.limit_in_bytes";
	} else {
		return NULL;
	}
	return group + 1;
}

/* The least limit of a group and those above it. */
static uint64_t
limit_above(const char *root, const char *line, const char *end, struct memlimit_scratch *scratch)
{
	const char *mount, *file, *group = group_in(line, end, &mount, &file);
	uint64_t least = UINT64_MAX;
	if (!group || strlen(root) + (size_t)(end - group) > sizeof scratch->path - 64)
		return least;
	char *base = stpcpy(stpcpy(scratch->path, root), mount), *tail = base + (end - group);
	memcpy(base, group, (size_t)(end - group));
	for (int level = 0; level < LEVELS_MAX; level++) {
		while (tail > base && tail[-1] == '/')
			tail--;
		strcpy(tail, file);
		uint64_t limit = limit_in(scratch->path, scratch->number, sizeof scratch->number);
		least = limit < least ? limit : least;
		if (tail == base)
			break;
		while (tail > base && tail[-1] != '/')
			tail--;
	}
	return least;
}

uint64_t
memory_limit(const char *groups, const char *root, struct memlimit_scratch *scratch)
{
	int kept = errno;
	uint64_t least = UINT64_MAX;
	read_start(groups, scratch->groups, sizeof scratch->groups);
	for (const char *line = scratch->groups, *end; (end = strchr(line, '\n')); line = end + 1) {
		uint64_t limit = limit_above(root, line, end, scratch);
		least = limit < least ? limit : least;
	}
	errno = kept;
	return least;
}
