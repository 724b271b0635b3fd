/* SPDX-License-Identifier: ISC */
/* seen: two small hash tables by name. */
#include "oxd/seen.h"

#include <stdlib.h>

#include "libbx/core/clock.h"
#include "libbx/core/mp.h"
#include "oxd/source.h"

enum { NAMES_MAX = 1000 };

struct seen_name {
	double last;
	size_t n;
	UT_hash_handle hh;
	char name[];
};

void
seen_init(struct seen *s, struct stats *stats)
{
	*s = (struct seen){.stats = stats};
	pthread_mutex_init(&s->lock, NULL);
}

static void
free_names(struct seen_name **table)
{
	struct seen_name *e, *next;
	HASH_ITER(hh, *table, e, next)
	{
		HASH_DEL(*table, e);
		free(e);
	}
}

void
seen_fini(struct seen *s)
{
	free_names(&s->types);
	free_names(&s->hosts);
	pthread_mutex_destroy(&s->lock);
}

static void
note(struct seen *s, struct seen_name **table, struct bytes name, double end, enum counter beyond)
{
	struct seen_name *e;
	HASH_FIND(hh, *table, name.p, name.n, e);
	if (!e) {
		e = HASH_COUNT(*table) < NAMES_MAX ? malloc(sizeof *e + name.n) : NULL;
		if (!e) {
			stats_add(s->stats, beyond, 1);
			return;
		}
		memset(e, 0, sizeof *e);
		e->n = name.n;
		e->last = end;
		memcpy(e->name, name.p, name.n);
		HASH_ADD(hh, *table, name, name.n, e);
	}
	if (end > e->last)
		e->last = end;
}

void
seen_note(struct seen *s, struct bytes type, struct bytes host, double end, double arrival)
{
	pthread_mutex_lock(&s->lock);
	note(s, &s->types, type, end, STAT_types_beyond);
	if (host.p)
		note(s, &s->hosts, host, end, STAT_hosts_beyond);
	s->any = true;
	s->last = arrival;
	s->lag = arrival - end;
	pthread_mutex_unlock(&s->lock);
}

void
seen_note_frame(struct seen *s, const struct frame *frame, uint8_t source_kind, int64_t arrival_ns)
{
	/* The last event of each run of a type and host tells enough; one ring is one host. */
	bool hosts = source_kind == SOURCE_PUSH;
	double arrival = clock_seconds(arrival_ns);
	struct frame walk = *frame;
	struct frame_event ev, held = {0};
	struct seen_host w = {0};
	while (frame_next(&walk, &ev)) {
		bool changed = hosts && seen_host_next(&w, ev.map);
		if (held.map.p && (changed || !bytes_equal(ev.type, held.type)))
			seen_note(s, held.type, seen_host_of(held.map), held.end, arrival);
		held = ev;
	}
	if (held.map.p)
		seen_note(s, held.type, seen_host_of(held.map), held.end, arrival);
}

static void
encode_names(const struct seen_name *table, struct buf *out)
{
	mp_add_map(out, HASH_COUNT(table));
	for (const struct seen_name *e = table; e; e = e->hh.next) {
		mp_add_str(out, e->name, e->n);
		mp_add_map(out, 1);
		mp_add_strz(out, "last");
		mp_add_double(out, e->last);
	}
}

void
seen_encode(struct seen *s, struct buf *out)
{
	pthread_mutex_lock(&s->lock);
	mp_add_strz(out, "last");
	if (s->any)
		mp_add_double(out, s->last);
	else
		mp_add_nil(out);
	mp_add_strz(out, "lag");
	if (s->any)
		mp_add_double(out, s->lag);
	else
		mp_add_nil(out);
	mp_add_strz(out, "events");
	encode_names(s->types, out);
	mp_add_strz(out, "hosts");
	encode_names(s->hosts, out);
	pthread_mutex_unlock(&s->lock);
}

static bool
is_text(const struct mp_token *t)
{
	return t->kind == MP_STR || t->kind == MP_BIN;
}

static bool
is_key(const struct mp_token *t, const char *key, uint32_t n)
{
	return is_text(t) && t->len == n && memcmp(t->data, key, n) == 0;
}

/* Reads as far as the host; notes where the text of the id lies, when that comes before it. */
static void
find_host(struct seen_host *w, struct bytes map)
{
	struct cursor c;
	struct mp_token top, key, value;
	*w = (struct seen_host){0};
	cursor_init(&c, map.p, map.n);
	if (!mp_next(&c, &top) || top.kind != MP_MAP)
		return;
	for (uint32_t i = 0; i < top.len; i++) {
		struct cursor peek = c;
		if (!mp_next(&peek, &key) || !mp_skip(&c))
			return;
		bool id = is_key(&key, "id", 2), host = is_key(&key, "host", 4);
		peek = c;
		if ((id || host) && mp_next(&peek, &value) && is_text(&value)) {
			if (host) {
				w->before = map.p;
				w->host = (struct bytes){value.data, value.len};
				w->end = (size_t)(value.data - map.p) + value.len;
				return;
			}
			w->id_at = (size_t)(value.data - map.p);
			w->id_end = w->id_at + value.len;
		}
		if (!mp_skip(&c))
			return;
	}
}

/*
 * Up to the host nothing but the text of the id differs, and how long that is stands in front of it: then the host is the
 * same, too.
 */
static bool
begins_as_before(const struct seen_host *w, struct bytes map)
{
	return w->before && map.n >= w->end && memcmp(map.p, w->before, w->id_at) == 0 &&
	       memcmp(map.p + w->id_end, w->before + w->id_end, w->end - w->id_end) == 0;
}

bool
seen_host_next(struct seen_host *w, struct bytes map)
{
	struct bytes last = w->host;
	bool first = !w->any;
	if (begins_as_before(w, map))
		return false;
	find_host(w, map);
	w->any = true;
	return first || !bytes_equal(last, w->host);
}

struct bytes
seen_host_of(struct bytes map)
{
	struct seen_host w;
	find_host(&w, map);
	return w.host;
}
