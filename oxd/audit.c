/* SPDX-License-Identifier: ISC */
/* audit: a table of hosts and programs, each with a list of reasons, and one of rings, each with its program. */
#include "oxd/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "libbx/core/bytes.h"
#include "libbx/core/clock.h"
#include "libbx/core/mp.h"
#include "oxd/audit_own.h"
#include "oxd/left_out.h"
#include "oxd/own.h"
#include "oxd/seen.h"

enum { ENTRIES_MAX = 1000, RINGS_MAX = 8192, REASONS_MAX = 200, KEY_MAX = 384 };

static const char clients_name[] = "(version 3 clients)";
static const char relayed_name[] = "(relayed)";
static const char others_name[] = "(others)";

void
audit_init(struct audit *a)
{
	*a = (struct audit){0};
	pthread_mutex_init(&a->lock, NULL);
	gethostname(a->host, sizeof a->host - 1);
}

void
audit_reset(struct audit *a)
{
	struct audit_entry *e, *next;
	struct audit_ring *r, *next_ring;
	HASH_ITER(hh, a->entries, e, next)
	{
		HASH_DEL(a->entries, e);
		while (e->reasons) {
			struct audit_reason *reason = e->reasons;
			e->reasons = reason->next;
			free(reason->rule);
			free(reason);
		}
		free(e);
	}
	HASH_ITER(hh, a->rings, r, next_ring)
	{
		HASH_DEL(a->rings, r);
		free(r);
	}
	a->since_ns = a->from = a->read_upto = a->told_upto = a->saved_upto = 0;
}

void
audit_fini(struct audit *a)
{
	audit_reset(a);
	pthread_mutex_destroy(&a->lock);
}

static void *
must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

struct audit_entry *
audit_find_or_add(struct audit *a, struct bytes host, const char *program)
{
	char key[KEY_MAX];
	struct audit_entry *e;
	int n = snprintf(key, sizeof key, "%.*s%c%.120s", (int)(host.n < 250 ? host.n : 250),
	    host.p ? (const char *)host.p : "", '\0', program);
	HASH_FIND(hh, a->entries, key, (size_t)n + 1, e);
	if (e)
		return e;
	if (HASH_COUNT(a->entries) >= ENTRIES_MAX && strcmp(program, others_name) != 0)
		return audit_find_or_add(a, (struct bytes){(const uint8_t *)"-", 1}, others_name);
	e = must(calloc(1, sizeof *e + (size_t)n + 1));
	memcpy(e->key, key, (size_t)n + 1);
	e->host = e->key;
	e->program = e->key + strlen(e->key) + 1;
	HASH_ADD(hh, a->entries, key, (size_t)n + 1, e);
	return e;
}

static struct audit_entry *
entry_of(struct audit *a, const char *host, const char *program)
{
	return audit_find_or_add(a, (struct bytes){(const uint8_t *)host, strlen(host)}, program);
}

/* Reasons beyond the first two hundred of a program (reloaded rules) are counted without their rule. */
struct audit_reason *
audit_find_or_add_reason(struct audit_entry *e, const char *reason, const char *rule)
{
	if (e->reason_count >= REASONS_MAX)
		rule = NULL;
	for (struct audit_reason *r = e->reasons; r; r = r->next)
		if (strcmp(r->reason, reason) == 0 && (rule ? r->rule && strcmp(r->rule, rule) == 0 : r->rule == NULL))
			return r;
	struct audit_reason *r = must(calloc(1, sizeof *r));
	snprintf(r->reason, sizeof r->reason, "%s", reason);
	r->rule = rule ? must(strdup(rule)) : NULL;
	LL_APPEND(e->reasons, r);
	e->reason_count++;
	return r;
}

static struct audit_ring *
find_ring(struct audit *a, const struct ring_key *key)
{
	struct audit_ring *r;
	HASH_FIND(hh, a->rings, key, sizeof *key, r);
	return r;
}

static void
drop_ring(struct audit *a, struct audit_ring *r)
{
	HASH_DEL(a->rings, r);
	free(r);
}

void
audit_forget_rings(struct audit *a)
{
	struct audit_ring *r, *next;
	HASH_ITER(hh, a->rings, r, next)
	{
		if (!r->open && r->last <= a->saved_upto && r->counted >= r->found)
			drop_ring(a, r);
	}
}

struct audit_ring *
audit_find_or_add_ring(struct audit *a, const struct ring_key *key, struct audit_entry *entry)
{
	struct audit_ring *r = find_ring(a, key), *oldest, *next;
	if (r)
		return r;
	if (HASH_COUNT(a->rings) >= RINGS_MAX)
		audit_forget_rings(a);
	HASH_ITER(hh, a->rings, oldest, next) /* the oldest goes: what it had is read long since */
	{
		if (HASH_COUNT(a->rings) < RINGS_MAX)
			break;
		if (!oldest->open)
			drop_ring(a, oldest);
	}
	r = must(calloc(1, sizeof *r));
	r->key = *key;
	r->entry = entry;
	HASH_ADD(hh, a->rings, key, sizeof r->key, r);
	return r;
}

/* ---- rings ------------------------------------------------------------------------------------------------------- */

static void
set_written(struct audit_ring *r, uint64_t counted, uint64_t seen)
{
	r->entry->live -= r->seen - r->counted;
	r->entry->written += counted - r->counted;
	r->counted = counted;
	r->seen = seen > counted ? seen : counted;
	r->entry->live += r->seen - r->counted;
}

void
audit_ring_counted(struct audit_ring *r, uint64_t written)
{
	if (written > r->counted)
		set_written(r, written, r->seen);
}

struct audit_ring *
audit_ring_open(struct audit *a, const struct ring_key *key)
{
	pthread_mutex_lock(&a->lock);
	struct audit_ring *r = find_ring(a, key);
	if (r)
		r->open = true;
	pthread_mutex_unlock(&a->lock);
	return r;
}

void
audit_ring_close(struct audit *a, struct audit_ring **ring)
{
	if (!*ring)
		return;
	pthread_mutex_lock(&a->lock);
	(*ring)->open = false;
	*ring = NULL;
	pthread_mutex_unlock(&a->lock);
}

void
audit_ring_seen(struct audit *a, struct audit_ring *ring, uint64_t written)
{
	pthread_mutex_lock(&a->lock);
	if (written > ring->seen)
		set_written(ring, ring->counted, written);
	pthread_mutex_unlock(&a->lock);
}

void
audit_forget_unused(struct audit *a)
{
	pthread_mutex_lock(&a->lock);
	for (struct audit_ring *r = a->rings; r; r = r->hh.next)
		if (!r->open)
			audit_ring_counted(r, r->found);
	pthread_mutex_unlock(&a->lock);
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

/* `here`: dropped by us, rather than by the program, who has told of it in the log. */
static void
add_dropped(struct audit *a, struct audit_entry *e, const char *reason, const char *rule, uint64_t events,
    uint64_t bytes, bool here)
{
	struct audit_reason *r = audit_find_or_add_reason(e, reason, rule);
	r->count += events;
	r->bytes += bytes;
	e->found += events;
	if (!here || !atomic_load(&a->on))
		return;
	r->last = clock_seconds(clock_wall_ns());
	if (r->untold == 0)
		r->first = r->last;
	r->untold += events;
	r->untold_bytes += bytes;
}

static uint64_t
add_left_out(struct audit *a, struct audit_entry *e, struct bytes items)
{
	struct cursor c;
	struct left_item item;
	uint64_t events = 0;
	cursor_init(&c, items.p, items.n);
	while (left_out_next(&c, &item)) {
		struct audit_entry *of = e ? e : entry_of(a, item.host, clients_name);
		if (!e)
			of->written += item.events;
		add_dropped(a, of, item.reason, item.rule[0] ? item.rule : NULL, item.events, item.bytes, true);
		events += item.events;
	}
	return events;
}

static void
apply_ring(struct audit *a, uint64_t number, const struct source *s, struct bytes frame)
{
	struct audit_ring *r = find_ring(a, &s->ring.key);
	if (!r)
		return;
	uint32_t kept = frame.n >= FRAME_HEADER ? get_u32le(frame.p + FRAME_COUNT_AT) : 0;
	r->entry->found += kept;
	r->entry->kept += kept;
	r->found += kept;
	if (s->kind == SOURCE_SIFTED)
		r->found += add_left_out(a, r->entry, s->ring.left_out);
	r->last = number;
}

/* Cumulative, so what is new is the difference to what the position says. */
static void
apply_drops(struct audit *a, const struct source *s, const struct positions *positions)
{
	static const struct drop_totals none;
	struct audit_ring *r = find_ring(a, &s->own.key);
	const struct position *p = positions_find(positions, &s->own.key);
	const struct drop_totals *before = p ? &p->reported : &none, *now = &s->own.reported;
	for (int i = 0; r && i < DROP_REASONS; i++) {
		if (now->by[i] <= before->by[i])
			continue;
		add_dropped(a, r->entry, own_reason_name(i), NULL, now->by[i] - before->by[i], 0, false);
		r->entry->written += now->by[i] - before->by[i];
	}
}

static void
apply_counted(struct audit *a, uint64_t number, const struct source *s)
{
	struct audit_ring *r =
	    audit_find_or_add_ring(a, &s->counted.key, entry_of(a, s->counted.host, s->counted.program));
	r->based = s->counted.based;
	r->base = s->counted.base;
	r->last = number;
	audit_ring_counted(r, s->counted.written);
}

/* The events of a frame that may be of several hosts. */
static void
for_each_host(struct audit *a, struct bytes bytes, const char *program, void (*take)(struct audit_entry *e, uint64_t n))
{
	struct frame walk;
	struct frame_event ev;
	struct audit_entry *e = NULL;
	struct seen_host w = {0};
	uint64_t run = 0;
	if (frame_open_summed(bytes.p, bytes.n, &walk) != BX_OK)
		return;
	while (frame_next(&walk, &ev)) {
		if (seen_host_next(&w, ev.map)) {
			if (e)
				take(e, run);
			e = audit_find_or_add(a, w.host, program);
			run = 0;
		}
		run++;
	}
	if (e)
		take(e, run);
}

static void
take_in(struct audit_entry *e, uint64_t n)
{
	e->written += n;
	e->found += n;
	e->kept += n;
}

void
audit_apply(struct audit *a, uint64_t number, const struct source *source, struct bytes frame,
    const struct positions *positions)
{
	pthread_mutex_lock(&a->lock);
	if (a->since_ns == 0) {
		if (source->kind == SOURCE_ACCOUNT) {
			a->since_ns = source->account.since_ns;
			a->from = number;
		}
		pthread_mutex_unlock(&a->lock);
		return;
	}
	switch (source->kind) {
	case SOURCE_RING:
	case SOURCE_SIFTED:
		apply_ring(a, number, source, frame);
		break;
	case SOURCE_PUSH:
		for_each_host(a, frame, clients_name, take_in);
		break;
	case SOURCE_CLIENTS_SIFTED:
		add_left_out(a, NULL, source->clients.left_out);
		break;
	case SOURCE_OWN:
		apply_drops(a, source, positions);
		break;
	case SOURCE_COUNTED:
		apply_counted(a, number, source);
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&a->lock);
}

bool
audit_has_begun(struct audit *a)
{
	pthread_mutex_lock(&a->lock);
	bool begun = a->since_ns != 0;
	pthread_mutex_unlock(&a->lock);
	return begun;
}

/* ---- readers ----------------------------------------------------------------------------------------------------- */

static void
take_logged(struct audit_entry *e, uint64_t n)
{
	e->read[AUDIT_LOG] += n;
}

static void
take_sent(struct audit_entry *e, uint64_t n)
{
	e->read[AUDIT_FORWARD] += n;
}

void
audit_read(struct audit *a, enum audit_reader reader, const struct record *rec, const struct frame *frame)
{
	void (*take)(struct audit_entry * e, uint64_t n) = reader == AUDIT_LOG ? take_logged : take_sent;
	struct audit_ring *r;
	pthread_mutex_lock(&a->lock);
	if (a->since_ns != 0 && rec->number > a->from && rec->number > a->read_upto) {
		a->read_upto = rec->number;
		switch (rec->source.kind) {
		case SOURCE_RELAY:
			for_each_host(a, rec->frame, relayed_name, take);
			break;
		case SOURCE_PUSH:
			for_each_host(a, rec->frame, clients_name, take);
			break;
		case SOURCE_RING:
		case SOURCE_SIFTED:
			r = find_ring(a, &rec->source.ring.key);
			if (r)
				take(r->entry, frame->count);
			break;
		default:
			break;
		}
	}
	pthread_mutex_unlock(&a->lock);
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

bool
audit_report(struct audit *a, struct audit_report *out)
{
	bool found = false;
	pthread_mutex_lock(&a->lock);
	for (struct audit_entry *e = a->entries; e && !found; e = e->hh.next) {
		for (struct audit_reason *r = e->reasons; r && !found; r = r->next) {
			if (r->untold == 0)
				continue;
			*out = (struct audit_report){
			    .count = r->untold, .bytes = r->untold_bytes, .first = r->first, .last = r->last};
			snprintf(out->program, sizeof out->program, "%s", e->program);
			snprintf(out->reason, sizeof out->reason, "%s", r->reason);
			snprintf(out->rule, sizeof out->rule, "%s", r->rule ? r->rule : "");
			r->untold = r->untold_bytes = 0;
			found = true;
		}
	}
	pthread_mutex_unlock(&a->lock);
	return found;
}

static void
encode_entry(const struct audit_entry *e, struct buf *out)
{
	uint64_t dropped = 0;
	for (const struct audit_reason *r = e->reasons; r; r = r->next)
		dropped += r->count;
	mp_add_map(out, 9);
	mp_pair_text(out, "host", e->host);
	mp_pair_text(out, "program", e->program);
	mp_pair_uint(out, "emitted", e->written + e->live);
	mp_pair_uint(out, "found", e->found);
	mp_pair_uint(out, "kept", e->kept);
	mp_pair_uint(out, "logged", e->read[AUDIT_LOG]);
	mp_pair_uint(out, "forwarded", e->read[AUDIT_FORWARD]);
	mp_pair_uint(out, "dropped", dropped);
	mp_add_strz(out, "reasons");
	mp_add_array(out, e->reason_count);
	for (const struct audit_reason *r = e->reasons; r; r = r->next) {
		mp_add_map(out, r->rule ? 4 : 3);
		mp_pair_text(out, "reason", r->reason);
		mp_pair_uint(out, "events", r->count);
		mp_pair_uint(out, "bytes", r->bytes);
		if (r->rule)
			mp_pair_text(out, "rule", r->rule);
	}
}

void
audit_encode(struct audit *a, struct buf *out)
{
	pthread_mutex_lock(&a->lock);
	mp_add_array(out, HASH_COUNT(a->entries));
	for (const struct audit_entry *e = a->entries; e; e = e->hh.next)
		encode_entry(e, out);
	pthread_mutex_unlock(&a->lock);
}

double
audit_since(struct audit *a)
{
	pthread_mutex_lock(&a->lock);
	double since = clock_seconds((int64_t)a->since_ns);
	pthread_mutex_unlock(&a->lock);
	return since;
}
