/* SPDX-License-Identifier: ISC */
/* complete: bounded in all it reads, since somebody waits with a finger on the key. */
#include "oxview/complete.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "libbx/core/logdir.h"
#include "libbx/core/mp.h"
#include "oxview/feed.h"

enum { TYPES_READ = 64, TAIL_BYTES = 64 * 1024, EVENTS_READ = 100, WORDS = 2000, WORD_MAX = 200, DEPTH = 6 };

struct word {
	UT_hash_handle hh;
	char text[]; /* NUL-terminated */
};

/* Those that need no quotes in a shell or a filter. */
static bool
is_plain(const void *s, size_t n)
{
	const unsigned char *p = s;
	for (size_t i = 0; i < n; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-", p[i]) || !p[i])
			return false;
	return n > 0;
}

static void
add(struct word **words, const char *text, size_t n)
{
	struct word *w;
	HASH_FIND(hh, *words, text, n, w);
	if (w || n > WORD_MAX || HASH_COUNT(*words) >= WORDS)
		return;
	w = malloc(sizeof *w + n + 1);
	if (!w)
		return;
	memcpy(w->text, text, n);
	w->text[n] = '\0';
	HASH_ADD_KEYPTR(hh, *words, w->text, n, w);
}

/* The paths of a map, behind what path has already. */
static void
add_paths(struct word **words, struct cursor *c, char path[WORD_MAX], size_t n, int depth)
{
	struct mp_token map, key, value;
	if (!mp_next(c, &map) || map.kind != MP_MAP)
		return;
	for (uint32_t i = 0; i < map.len && c->err == BX_OK; i++) {
		struct cursor at;
		mp_next(c, &key);
		at = *c;
		mp_skip(c);
		bool text = c->err == BX_OK && key.kind == MP_STR && is_plain(key.data, key.len);
		if (!text || n + 1 + key.len >= WORD_MAX)
			continue;
		size_t end = n;
		if (n > 0)
			path[end++] = '.';
		memcpy(path + end, key.data, key.len);
		end += key.len;
		struct cursor look = at;
		mp_next(&look, &value);
		if (value.kind == MP_MAP && depth < DEPTH)
			add_paths(words, &at, path, end, depth + 1);
		else
			add(words, path, end);
	}
}

/* The last events of a file, or the first of one that is packed. */
static void
add_fields(struct word **words, const char *path, bool packed)
{
	struct buf unseen = {0};
	struct trouble trouble = {.lines = &unseen};
	struct feed feed;
	struct stat st;
	struct event ev;
	char field[WORD_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	uint64_t from =
	    !packed && fstat(fd, &st) == 0 && st.st_size > TAIL_BYTES ? (uint64_t)st.st_size - TAIL_BYTES : 0;
	bool open = feed_open_at(&feed, fd, path, FEED_WINDOW, from, &trouble);
	if (open && (from == 0 || feed_find(&feed, UINT64_MAX)))
		for (int i = 0; i < EVENTS_READ && feed_next(&feed, &ev); i++) {
			struct cursor c;
			cursor_init(&c, ev.body.p, ev.body.p && ev.body_is_map ? ev.body.n : 0);
			if (cursor_left(&c))
				add_paths(words, &c, field, 0, 0);
		}
	if (open)
		feed_close(&feed);
	buf_fini(&unseen);
}

/* The newest file of each type that is asked for. */
static void
add_all_fields(struct word **words, const struct conf *c, const struct logdir_list *list)
{
	static const char *const top[] = {"duration", "end", "host", "id", "parent", "pid", "span", "start", "type"};
	struct select select = {.types = c->type_names};
	int left = TYPES_READ;
	for (size_t i = 0; i < sizeof top / sizeof *top; i++)
		add(words, top[i], strlen(top[i]));
	for (size_t i = 0; i < list->count && left > 0; i++) {
		const struct logdir_file *f = &list->files[i];
		bool last = i + 1 == list->count || strcmp(f->name.type, list->files[i + 1].name.type) != 0;
		char *path;
		if (!last || !select_file(&select, &f->name) || asprintf(&path, "%s/%s", c->log_path, f->path) < 0)
			continue;
		add_fields(words, path, f->pack != LOGDIR_PLAIN);
		free(path);
		left--;
	}
}

static int
by_text(const struct word *a, const struct word *b)
{
	return strcmp(a->text, b->text);
}

void
complete(const struct conf *c, struct out *out)
{
	struct logdir_list list;
	struct word *words = NULL, *w, *next;
	if (!c->log_path || logdir_read(c->log_path, &list) != BX_OK)
		return;
	if (strcmp(c->complete, "types") == 0)
		for (size_t i = 0; i < list.count; i++)
			if (is_plain(list.files[i].name.type, list.files[i].name.type_len))
				add(&words, list.files[i].name.type, list.files[i].name.type_len);
	if (strcmp(c->complete, "fields") == 0)
		add_all_fields(&words, c, &list);
	logdir_list_fini(&list);
	HASH_SORT(words, by_text);
	w = words;
	HASH_CLEAR(hh, words);
	for (; w; w = next) {
		next = w->hh.next;
		buf_printf(&out->buf, "%s\n", w->text);
		free(w);
	}
}
