/* SPDX-License-Identifier: ISC */
/* plan: one pass over the entries; neighbours that are wanted become one range. */
#include "oxview/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/indexing.h"
#include "libbx/core/logdir.h"
#include "libbx/core/logseek.h"

/* Opens the directory that the path lies in, and gives the log's name there without what a pack put behind it. */
static int
open_directory(const char *path, char name[LOGNAME_MAX])
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	size_t dir_n = slash ? (size_t)(slash - path) : 0, n = strlen(slash ? slash + 1 : path);
	if (dir_n >= sizeof dir || n >= LOGNAME_MAX)
		return -1;
	memcpy(name, slash ? slash + 1 : path, n + 1);
	for (int pack = LOGDIR_PLAIN + 1; pack < LOGDIR_PACKS; pack++) {
		const char *suffix = logdir_suffix((enum logdir_pack)pack);
		size_t k = strlen(suffix);
		if (n > k && strcmp(name + n - k, suffix) == 0) {
			name[n - k] = '\0';
			break;
		}
	}
	memcpy(dir, path, dir_n);
	dir[dir_n] = '\0';
	return open(dir_n ? dir : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool
add(struct plan *p, uint64_t from, uint64_t to)
{
	if (p->count > 0 && p->ranges[p->count - 1].to == from) {
		p->ranges[p->count - 1].to = to;
		return true;
	}
	if (p->count == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct plan_range *grown = realloc(p->ranges, cap * sizeof *grown);
		if (!grown)
			return false;
		p->ranges = grown;
		p->cap = cap;
	}
	p->ranges[p->count++] = (struct plan_range){from, to};
	return true;
}

/* The n bytes at this offset of the log, read by a reader of their own. */
static bool
read_piece(int fd, const struct logseek *seek, uint64_t at, void *to, size_t n, size_t *got)
{
	struct logread r;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return false;
	bool ok = lseek(own, 0, SEEK_SET) == 0;
	logread_open(&r, own);
	ok = ok && logseek_go(seek, &r, 0, at) == BX_OK && logread_full(&r, to, n, got) == BX_OK;
	logread_close(&r);
	return ok;
}

/* The last block stands for all: what lies before it was there when it was written. */
static bool
last_holds(int fd, const struct logseek *seek, const struct index_entry *last)
{
	size_t got = 0;
	uint8_t *block = malloc(last->length);
	bool holds = block && read_piece(fd, seek, last->offset, block, last->length, &got) && got == last->length &&
		     index_block_holds(last, block);
	free(block);
	return holds;
}

/* Walks the index.  False: out of memory. */
static bool
walk(struct plan *p, struct index_walk *w, const struct select *select, struct index_entry *last)
{
	struct index_entry e;
	p->index_bytes = INDEX_HEADER;
	while (index_walk_next(w, &e)) {
		p->blocks++;
		p->index_bytes += INDEX_ENTRY + e.filter.n;
		p->covered = w->covered;
		*last = e;
		if (!select_block(select, &e))
			continue;
		p->wanted_blocks++;
		p->wanted_bytes += e.length;
		if (!add(p, e.offset, e.offset + e.length))
			return false;
	}
	return true;
}

/* Why the index cannot be used, or NULL. */
static const char *
try_index(struct plan *p, int dir_fd, const char *name, int fd, const struct logseek *seek, const struct select *select,
    bool *memory)
{
	uint8_t head[INDEX_HEAD_MAX];
	size_t got = 0;
	struct index_walk w;
	struct index_entry last = {0};
	const char *wrong = NULL;
	if (index_walk_open(&w, dir_fd, name) != BX_OK)
		return "no index";
	if (!read_piece(fd, seek, 0, head, sizeof head, &got) || !index_is_of(&w.header, head, got))
		wrong = "the index is of another file";
	else if (!walk(p, &w, select, &last))
		*memory = false;
	else if (last.length > 0 && !last_holds(fd, seek, &last))
		wrong = "the index does not hold";
	index_walk_close(&w);
	return wrong;
}

bool
plan_make(struct plan *p, const char *path, const struct select *select)
{
	char name[LOGNAME_MAX];
	struct logseek seek = {0};
	bool memory = true, sized = false;
	*p = (struct plan){.why_not = "the query needs every event"};
	int dir_fd = open_directory(path, name);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		logseek_open(&seek, fd);
		sized = logseek_size(&seek, fd, &p->size);
		if (!sized)
			p->size = 0;
	}
	if (select_uses_index(select))
		p->why_not = dir_fd < 0 || fd < 0 ? "it cannot be opened"
						  : try_index(p, dir_fd, name, fd, &seek, select, &memory);
	p->indexed = memory && !p->why_not;
	if (!p->indexed)
		p->count = p->blocks = p->wanted_blocks = p->covered = p->wanted_bytes = 0;
	if (memory && (!sized || p->size > p->covered)) {
		memory = add(p, p->covered, UINT64_MAX);
		p->wanted_bytes += sized ? p->size - p->covered : 0;
	}
	logseek_close(&seek);
	if (fd >= 0)
		close(fd);
	if (dir_fd >= 0)
		close(dir_fd);
	if (!memory)
		plan_fini(p);
	return memory;
}

bool
plan_add_what_comes(struct plan *p)
{
	if (p->count > 0 && p->ranges[p->count - 1].to == UINT64_MAX)
		return true;
	return add(p, p->size > p->covered ? p->size : p->covered, UINT64_MAX);
}

void
plan_fini(struct plan *p)
{
	free(p->ranges);
	*p = (struct plan){0};
}
