/* SPDX-License-Identifier: ISC */
/*
 * reader: a window that slides over the stream.
 *
 * Two tests decide what an event is.  At a border, where the last event ended, any map with a type and one more of the
 * known keys is taken, so that odd clients are shown.  While looking for a border only the usual form will do (known
 * keys alone, each once, with type, host, end and body), and a string must not follow it, as it would behind a map that
 * lies inside another event.
 */
#include "oxview/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/mp.h"

bool
reader_open(struct reader *r, int fd, const char *name, size_t window, struct trouble *trouble)
{
	struct stat st;
	*r = (struct reader){.fd = fd, .name = name, .trouble = trouble, .cap = window};
	r->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	r->window = malloc(window);
	return r->window != NULL;
}

void
reader_close(struct reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->window);
	*r = (struct reader){.fd = -1};
}

static size_t
left(const struct reader *r)
{
	return r->end - r->at;
}

static uint64_t
offset_of(const struct reader *r, size_t at)
{
	return r->base + at;
}

/* Makes room behind `end`: moves what is left to the front, grows when that is not enough. */
static bool
make_room(struct reader *r)
{
	if (r->at > 0) {
		memmove(r->window, r->window + r->at, left(r));
		r->base += r->at;
		r->end -= r->at;
		r->at = 0;
	}
	if (r->end < r->cap)
		return true;
	uint8_t *grown = realloc(r->window, r->cap * 2);
	if (!grown)
		return false;
	r->window = grown;
	r->cap *= 2;
	return true;
}

/* Reads on behind what is left.  Sets eof when there is no more, or no more can be had. */
static void
fill(struct reader *r)
{
	if (!make_room(r)) {
		trouble_add(
		    r->trouble, "%s: offset %llu: out of memory", r->name, (unsigned long long)offset_of(r, r->at));
		r->eof = true;
		return;
	}
	if (!r->regular && r->before_wait)
		r->before_wait(r->context);
	ssize_t n;
	do
		n = read(r->fd, r->window + r->end, r->cap - r->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		trouble_add(r->trouble, "%s: offset %llu: %s", r->name, (unsigned long long)offset_of(r, r->end),
		    strerror(errno));
	if (n <= 0)
		r->eof = true;
	else
		r->end += (size_t)n;
}

static bool
starts_map(uint8_t byte)
{
	return (byte & 0xf0) == 0x80 || byte == 0xde || byte == 0xdf;
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
 * FOUND when the event at `at` has swallowed the start of the next: something else than a map follows it, and an event
 * of the usual form starts inside it and ends behind it.
 */
static enum found
swallowed(const struct reader *r, size_t used)
{
	const uint8_t *start = r->window + r->at, *border = start + used, *end = r->window + r->end;
	enum found all = NOT_HERE;
	if (border == end || starts_map(*border))
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
tell_damage(struct reader *r, uint64_t from, const char *what, bool to_the_end)
{
	unsigned long long bytes = offset_of(r, r->at) - from;
	if (++r->damages <= READER_DAMAGES_TOLD)
		trouble_add(r->trouble, "%s: offset %llu: %s, %llu bytes skipped%s", r->name, (unsigned long long)from,
		    what, bytes, to_the_end ? ", to the end" : "");
	else
		r->untold_bytes += bytes;
}

/* True when waiting for more bytes may help: an event longer than the limit is none. */
static bool
more_may_come(const struct reader *r, size_t pos)
{
	return !r->eof && r->end - pos < READER_EVENT_MAX;
}

/* Moves *pos to where an event starts, or may start when more has been read, or to the end of the window. */
static enum found
look(const struct reader *r, size_t *pos)
{
	for (; *pos < r->end; (*pos)++) {
		size_t len;
		enum found found = event_here(r->window + *pos, r->window + r->end, &len);
		if (found == FOUND || (found == INCOMPLETE && more_may_come(r, *pos)))
			return found;
	}
	return NOT_HERE;
}

/* Gives up the bytes at `at` and moves to the next event of the usual form, or to the end. */
static void
resync(struct reader *r, const char *what)
{
	uint64_t from = offset_of(r, r->at);
	size_t pos = r->at + 1;
	while (look(r, &pos) != FOUND) {
		r->at = pos;
		if (r->eof) {
			tell_damage(r, from, what, true);
			return;
		}
		fill(r);
		pos = r->at;
	}
	r->at = pos;
	tell_damage(r, from, what, false);
}

/* The stream ends before the event at `at` does.  Either it is torn, or a damaged length reaches too far. */
static void
end_inside(struct reader *r)
{
	size_t pos = r->at + 1;
	if (look(r, &pos) == FOUND) {
		resync(r, "no event here");
		return;
	}
	trouble_add(r->trouble, "%s: offset %llu: ends inside an event (%zu bytes)", r->name,
	    (unsigned long long)offset_of(r, r->at), left(r));
	r->at = r->end;
}

static void
tell_end(struct reader *r)
{
	if (r->damages > READER_DAMAGES_TOLD)
		trouble_add(r->trouble, "%s: %lu more places without an event, %llu bytes skipped", r->name,
		    r->damages - READER_DAMAGES_TOLD, (unsigned long long)r->untold_bytes);
	r->damages = 0;
}

bool
reader_next(struct reader *r, struct event *ev)
{
	for (;;) {
		if (left(r) == 0 && r->eof) {
			tell_end(r);
			return false;
		}
		size_t used = 0;
		enum bx_err err = event_read(r->window + r->at, left(r), ev, &used);
		if (err == BX_OK && (usual_form(ev) || odd_form(ev))) {
			enum found next = swallowed(r, used);
			if (next == NOT_HERE || (next == INCOMPLETE && !more_may_come(r, r->at))) {
				r->at += used;
				return true;
			}
			if (next == INCOMPLETE) {
				fill(r);
				continue;
			}
		}
		if (err == BX_ESHORT && more_may_come(r, r->at))
			fill(r);
		else if (err == BX_ESHORT && r->eof)
			end_inside(r);
		else
			resync(r, err == BX_ESHORT ? "an event longer than 16 MiB, or damage" : "no event here");
	}
}
