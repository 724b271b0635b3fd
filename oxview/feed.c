/* SPDX-License-Identifier: ISC */
/*
 * feed: a window that slides over the stream.
 *
 * Two tests decide what an event is.  At a border, where the last event ended, any map with a type and one more of the
 * known keys is taken, so that odd clients are shown.  While looking for a border only the usual form will do (known
 * keys alone, each once, with type, host, end and body), and a string must not follow it, as it would behind a map that
 * lies inside another event.
 */
#include "oxview/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libbx/core/filter.h"
#include "libbx/core/mp.h"
#include "oxview/progress.h"

bool
feed_open(struct feed *f, int fd, const char *name, size_t window, struct trouble *trouble)
{
	struct stat st;
	*f = (struct feed){.name = name, .trouble = trouble, .cap = window, .stop = UINT64_MAX};
	logread_open(&f->in, fd);
	f->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	f->window = malloc(window);
	return f->window != NULL;
}

bool
feed_open_plan(struct feed *f, int fd, const char *name, size_t window, struct plan *plan, struct trouble *trouble)
{
	if (!feed_open(f, fd, name, window, trouble))
		return false;
	f->plan = *plan;
	*plan = (struct plan){0};
	f->stop = 0;
	logseek_open(&f->seek, fd);
	return true;
}

bool
feed_open_at(struct feed *f, int fd, const char *name, size_t window, uint64_t offset, struct trouble *trouble)
{
	if (!feed_open(f, fd, name, window, trouble))
		return false;
	if (offset == 0)
		return true;
	logseek_open(&f->seek, fd);
	enum bx_err err = logseek_go(&f->seek, &f->in, 0, offset);
	if (err != BX_OK && err != BX_ESHORT)
		trouble_add(trouble, "%s: offset %llu cannot be gone to (%s)", name, (unsigned long long)offset,
		    err == BX_EBAD ? f->in.problem : bx_err_text(err));
	f->base = offset;
	f->eof = err != BX_OK;
	return true;
}

void
feed_close(struct feed *f)
{
	plan_fini(&f->plan);
	logseek_close(&f->seek);
	logread_close(&f->in);
	free(f->window);
	*f = (struct feed){.in = {.fd = -1}};
}

static size_t
left(const struct feed *f)
{
	return f->end - f->at;
}

static uint64_t
offset_of(const struct feed *f, size_t at)
{
	return f->base + at;
}

/* Makes room behind `end`: moves what is left to the front, grows when that is not enough. */
static bool
make_room(struct feed *f)
{
	if (f->at > 0) {
		memmove(f->window, f->window + f->at, left(f));
		f->base += f->at;
		f->end -= f->at;
		f->at = 0;
	}
	if (f->end < f->cap)
		return true;
	size_t cap = f->cap ? f->cap * 2 : FEED_WINDOW;
	uint8_t *grown = realloc(f->window, cap);
	if (!grown)
		return false;
	f->window = grown;
	f->cap = cap;
	return true;
}

/* Reads on behind what is left.  Sets eof when there is no more, or no more can be had. */
static void
fill(struct feed *f)
{
	if (!make_room(f)) {
		trouble_add(
		    f->trouble, "%s: offset %llu: out of memory", f->name, (unsigned long long)offset_of(f, f->at));
		f->eof = true;
		return;
	}
	if (!f->regular && f->before_wait)
		f->before_wait(f->context);
	size_t n, room = f->cap - f->end;
	if (offset_of(f, f->end) == f->stop) { /* an event across the end of a block: the index is wrong, read on */
		f->stop = UINT64_MAX;
		f->next_range = f->plan.count;
	}
	if (f->stop - offset_of(f, f->end) < room)
		room = (size_t)(f->stop - offset_of(f, f->end));
	enum bx_err err = logread_read(&f->in, f->window + f->end, room, &n);
	if (err == BX_EBAD)
		trouble_add(f->trouble, "%s: offset %llu: the rest cannot be unpacked (%s: %s)", f->name,
		    (unsigned long long)offset_of(f, f->end), logread_pack_text(f->in.pack), f->in.problem);
	else if (err != BX_OK)
		trouble_add(f->trouble, "%s: offset %llu: %s", f->name, (unsigned long long)offset_of(f, f->end),
		    err == BX_EIO ? strerror(errno) : bx_err_text(err));
	f->end += n;
	progress_count(n);
	f->waiting = n == 0 && err == BX_OK && f->follows && f->in.pack == LOGREAD_PLAIN;
	f->eof = n == 0 && !f->waiting;
}

/* How many keys the map at p says that it has; p is known to be a map. */
static uint32_t
pairs_of(const uint8_t *p)
{
	return *p == 0xde ? get_u16be(p + 1) : *p == 0xdf ? get_u32be(p + 1) : *p & 15U;
}

/* Known keys alone, each once, and those that every client sends are there. */
static bool
usual_form(const struct event *ev)
{
	uint32_t known = (ev->id_raw.p != NULL) + (ev->type.p != NULL) + (ev->host.p != NULL) + ev->has_pid +
			 ev->has_start + ev->has_end + (ev->body.p != NULL) + (ev->span.p != NULL) +
			 (ev->parent.p != NULL);
	return ev->type.n > 0 && ev->host.p && ev->has_end && ev->body.p && (ev->body_is_map || *ev->body.p == 0xc0) &&
	       known == pairs_of(ev->raw.p);
}

/* Keys are text or numbers: a map or array for a key is what a damaged count makes of the next event. */
static bool
keys_are_plain(const struct event *ev)
{
	struct cursor c;
	struct mp_token top, key;
	cursor_init(&c, ev->raw.p, ev->raw.n);
	mp_next(&c, &top);
	for (uint32_t i = 0; i < top.len; i++) {
		if (!mp_next(&c, &key) || key.kind == MP_MAP || key.kind == MP_ARRAY || key.kind == MP_EXT ||
		    !mp_skip(&c))
			return false;
	}
	return true;
}

static bool
odd_form(const struct event *ev)
{
	return ev->type.n > 0 && (ev->id_raw.p || ev->has_start || ev->has_end || ev->body.p) && keys_are_plain(ev);
}

static bool
string_follows(const uint8_t *p, const uint8_t *end)
{
	struct cursor c;
	struct mp_token t;
	cursor_init(&c, p, (size_t)(end - p));
	return p < end && mp_next(&c, &t) && t.kind == MP_STR;
}

/* Most bytes are no start of an event: a map of few keys, the first of them one of ours. */
static bool
may_start_event(const uint8_t *p, const uint8_t *end)
{
	static const char first_letters[] = "ithpsebc";
	if ((*p & 0xf0) == 0x80) {
		if ((*p & 15) < 4 || end - p < 3)
			return (*p & 15) >= 4;
		return p[1] >= 0xa2 && p[1] <= 0xa6 && memchr(first_letters, p[2], sizeof first_letters - 1) != NULL;
	}
	return *p == 0xde && (end - p < 2 || p[1] == 0);
}

enum found { FOUND, NOT_HERE, INCOMPLETE };

static enum found
event_here(const uint8_t *p, const uint8_t *end, size_t *len)
{
	struct event ev;
	if (!may_start_event(p, end))
		return NOT_HERE;
	enum bx_err err = event_read(p, (size_t)(end - p), &ev, len);
	if (err == BX_ESHORT)
		return INCOMPLETE;
	if (err != BX_OK || !usual_form(&ev) || string_follows(p + *len, end))
		return NOT_HERE;
	return FOUND;
}

/*
 * FOUND when the event at `at` has swallowed the start of the next: what follows it does not look like an event, and an
 * event of the usual form starts inside it and ends behind it.
 */
static enum found
swallowed(const struct feed *f, size_t used)
{
	const uint8_t *start = f->window + f->at, *border = start + used, *end = f->window + f->end;
	enum found all = NOT_HERE;
	if (border == end || may_start_event(border, end))
		return NOT_HERE;
	for (const uint8_t *p = start + 1; p < border; p++) {
		size_t len;
		enum found found = event_here(p, end, &len);
		if (found == FOUND && p + len > border)
			return FOUND;
		if (found == INCOMPLETE)
			all = INCOMPLETE;
	}
	return all;
}

static void
tell_damage(struct feed *f, uint64_t from, const char *what, bool to_the_end)
{
	unsigned long long bytes = offset_of(f, f->at) - from;
	if (++f->damages <= FEED_DAMAGES_TOLD)
		trouble_add(f->trouble, "%s: offset %llu: %s, %llu bytes skipped%s", f->name, (unsigned long long)from,
		    what, bytes, to_the_end ? ", to the end" : "");
	else
		f->untold_bytes += bytes;
}

/* True when waiting for more bytes may help: an event longer than the limit is none. */
static bool
more_may_come(const struct feed *f, size_t pos)
{
	return !f->eof && f->end - pos < FEED_EVENT_MAX;
}

/* Moves *pos to where an event starts, or may start when more has been read, or to the end of the window. */
static enum found
look(const struct feed *f, size_t *pos)
{
	for (; *pos < f->end; (*pos)++) {
		size_t len;
		enum found found = event_here(f->window + *pos, f->window + f->end, &len);
		if (found == FOUND || (found == INCOMPLETE && more_may_come(f, *pos)))
			return found;
	}
	return NOT_HERE;
}

bool
feed_find(struct feed *f, uint64_t limit)
{
	for (;;) {
		size_t pos = f->at;
		enum found found = look(f, &pos);
		f->at = pos;
		if (offset_of(f, pos) >= limit)
			return false;
		if (found == FOUND)
			return true;
		if (f->eof)
			return false;
		fill(f);
	}
}

uint64_t
feed_offset(const struct feed *f)
{
	return offset_of(f, f->at);
}

/* Gives up the bytes at `at` and moves to the next event of the usual form, or to the end. */
static void
resync(struct feed *f, const char *what)
{
	uint64_t from = offset_of(f, f->at);
	size_t pos = f->at + 1;
	while (look(f, &pos) != FOUND) {
		f->at = pos;
		if (f->eof) {
			tell_damage(f, from, what, true);
			return;
		}
		fill(f);
		if (f->waiting) {
			tell_damage(f, from, what, false);
			return;
		}
		pos = f->at;
	}
	f->at = pos;
	tell_damage(f, from, what, false);
}

/* The stream ends before the event at `at` does.  Either it is torn, or a damaged length reaches too far. */
static void
end_inside(struct feed *f)
{
	size_t pos = f->at + 1;
	if (look(f, &pos) == FOUND) {
		resync(f, "no event here");
		return;
	}
	trouble_add(f->trouble, "%s: offset %llu: ends inside an event (%zu bytes)", f->name,
	    (unsigned long long)offset_of(f, f->at), left(f));
	f->at = f->end;
}

static void
tell_end(struct feed *f)
{
	if (f->damages > FEED_DAMAGES_TOLD)
		trouble_add(f->trouble, "%s: %lu more places without an event, %llu bytes skipped", f->name,
		    f->damages - FEED_DAMAGES_TOLD, (unsigned long long)f->untold_bytes);
	f->damages = 0;
}

/* Goes to where the next range begins.  False when there is none. */
static bool
next_range(struct feed *f)
{
	if (f->next_range == f->plan.count)
		return false;
	struct plan_range range = f->plan.ranges[f->next_range++];
	uint64_t at = offset_of(f, f->at);
	enum bx_err err = range.from > at ? logseek_go(&f->seek, &f->in, at, range.from) : BX_OK;
	if (err != BX_OK && err != BX_ESHORT) {
		trouble_add(f->trouble, "%s: offset %llu cannot be gone to (%s)", f->name,
		    (unsigned long long)range.from, err == BX_EBAD ? f->in.problem : bx_err_text(err));
		return false;
	}
	f->base = range.from;
	f->at = f->end = 0;
	f->stop = range.to;
	return err == BX_OK; /* else the file is shorter than it was */
}

static enum bx_err
read_here(const struct feed *f, struct event *ev, size_t *used)
{
	if (f->finder)
		return filter_read(f->finder, f->window + f->at, left(f), ev, used);
	return event_read(f->window + f->at, left(f), ev, used);
}

/* As nearly all are: written by libbx, with another one behind it. */
static bool
as_usual(struct feed *f, const struct event *ev, size_t used)
{
	const uint8_t *border = f->window + f->at + used;
	if (!ev->written || (size_t)(f->window + f->end - border) < 3 || (*border & 0xfe) != 0x88 ||
	    border[1] != 0xa2 || border[2] != 'i')
		return false;
	f->at += used;
	return true;
}

bool
feed_next(struct feed *f, struct event *ev)
{
	f->waiting = false;
	while (!f->waiting) {
		if (left(f) == 0 && offset_of(f, f->at) == f->stop && !f->eof && !next_range(f))
			f->eof = true;
		if (left(f) == 0 && f->eof) {
			tell_end(f);
			return false;
		}
		size_t used = 0;
		enum bx_err err = read_here(f, ev, &used);
		if (err == BX_OK && as_usual(f, ev, used))
			return true;
		if (err == BX_OK && (usual_form(ev) || odd_form(ev))) {
			enum found next = swallowed(f, used);
			if (next == NOT_HERE || (next == INCOMPLETE && !more_may_come(f, f->at))) {
				f->at += used;
				return true;
			}
			if (next == INCOMPLETE) {
				fill(f);
				continue;
			}
		}
		if (err == BX_ESHORT && more_may_come(f, f->at))
			fill(f);
		else if (err == BX_ESHORT && f->eof)
			end_inside(f);
		else
			resync(f, err == BX_ESHORT ? "an event longer than 16 MiB, or damage" : "no event here");
	}
	return false;
}
