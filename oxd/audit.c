/* SPDX-License-Identifier: ISC */
/* audit: a table of hosts and programs, each with a list of reasons. */
#include "oxd/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "libbx/core/mp.h"
#include "oxd/seen.h"

enum { ENTRIES_MAX = 1000, RINGS_MAX = 8192, REASONS_MAX = 200, KEY_MAX = 384 };

struct audit_reason {
	char reason[32];
	char *rule; /* owned; NULL: none */
	uint64_t count, bytes;
	uint64_t untold, untold_bytes;
	double first, last; /* of what is untold */
	struct audit_reason *next;
};

struct audit_entry {
	char *host, *program; /* in key */
	uint64_t written, found, kept, logged;
	struct audit_reason *reasons;
	unsigned reason_count;
	UT_hash_handle hh;
	char key[]; /* host, a zero byte, program, a zero byte */
};

struct audit_ring {
	struct ring_key key;
	struct audit_entry *entry;
	UT_hash_handle hh;
};

static const char clients_name[] = "(version 3 clients)";
static const char relayed_name[] = "(relayed)";
static const char others_name[] = "(others)";

void
audit_init(struct audit *a, const uint8_t origin[FRAME_ORIGIN])
{
	*a = (struct audit){0};
	pthread_mutex_init(&a->lock, NULL);
	gethostname(a->host, sizeof a->host - 1);
	memcpy(a->origin, origin, FRAME_ORIGIN);
}

void
audit_fini(struct audit *a)
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
	pthread_mutex_destroy(&a->lock);
}

static void *
must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* Under lock. */
static struct audit_entry *
find_or_add(struct audit *a, struct bytes host, const char *program)
{
	char key[KEY_MAX];
	struct audit_entry *e;
	int n = snprintf(key, sizeof key, "%.*s%c%.120s", (int)(host.n < 250 ? host.n : 250),
	    host.p ? (const char *)host.p : "", '\0', program);
	HASH_FIND(hh, a->entries, key, (size_t)n + 1, e);
	if (e)
		return e;
	if (HASH_COUNT(a->entries) >= ENTRIES_MAX && program != others_name)
		return find_or_add(a, (struct bytes){(const uint8_t *)"-", 1}, others_name);
	e = must(calloc(1, sizeof *e + (size_t)n + 1));
	memcpy(e->key, key, (size_t)n + 1);
	e->host = e->key;
	e->program = e->key + strlen(e->key) + 1;
	HASH_ADD(hh, a->entries, key, (size_t)n + 1, e);
	return e;
}

static struct audit_entry *
locked_find_or_add(struct audit *a, struct bytes host, const char *program)
{
	pthread_mutex_lock(&a->lock);
	struct audit_entry *e = find_or_add(a, host, program);
	pthread_mutex_unlock(&a->lock);
	return e;
}

struct audit_entry *
audit_program(struct audit *a, const char *program)
{
	return locked_find_or_add(a, (struct bytes){(const uint8_t *)a->host, strlen(a->host)}, program);
}

struct audit_entry *
audit_clients(struct audit *a, struct bytes host)
{
	return locked_find_or_add(a, host, clients_name);
}

void
audit_ring(struct audit *a, const struct ring_key *key, struct audit_entry *entry)
{
	struct audit_ring *r;
	pthread_mutex_lock(&a->lock);
	HASH_FIND(hh, a->rings, key, sizeof *key, r);
	if (!r) {
		if (HASH_COUNT(a->rings) >= RINGS_MAX) { /* the oldest: what it had is logged long since */
			r = a->rings;
			HASH_DEL(a->rings, r);
			free(r);
		}
		r = must(calloc(1, sizeof *r));
		r->key = *key;
		HASH_ADD(hh, a->rings, key, sizeof r->key, r);
	}
	r->entry = entry;
	pthread_mutex_unlock(&a->lock);
}

static void
add(struct audit *a, uint64_t *to, uint64_t events)
{
	pthread_mutex_lock(&a->lock);
	*to += events;
	pthread_mutex_unlock(&a->lock);
}

void
audit_written(struct audit *a, struct audit_entry *entry, uint64_t events)
{
	add(a, &entry->written, events);
}

void
audit_found(struct audit *a, struct audit_entry *entry, uint64_t events)
{
	add(a, &entry->found, events);
}

void
audit_kept(struct audit *a, struct audit_entry *entry, uint64_t events)
{
	add(a, &entry->kept, events);
}

/* Under lock.  Reasons beyond the first two hundred of a program (reloaded rules) are counted without their rule. */
static struct audit_reason *
find_or_add_reason(struct audit_entry *e, const char *reason, const char *rule)
{
	if (e->reason_count >= REASONS_MAX)
		rule = NULL;
	for (struct audit_reason *r = e->reasons; r; r = r->next)
		if (strcmp(r->reason, reason) == 0 && (rule ? r->rule && strcmp(r->rule, rule) == 0 : r->rule == NULL))
			return r;
	struct audit_reason *r = must(calloc(1, sizeof *r));
	snprintf(r->reason, sizeof r->reason, "%s", reason);
	r->rule = rule ? must(strdup(rule)) : NULL;
	r->next = e->reasons;
	e->reasons = r;
	e->reason_count++;
	return r;
}

void
audit_dropped(struct audit *a, struct audit_entry *entry, const char *reason, const char *rule, uint64_t events,
    uint64_t bytes, bool by_program)
{
	if (events == 0)
		return;
	pthread_mutex_lock(&a->lock);
	struct audit_reason *r = find_or_add_reason(entry, reason, rule);
	r->count += events;
	r->bytes += bytes;
	if (by_program) {
		entry->written += events;
		entry->found += events;
	} else {
		r->last = clock_seconds(clock_wall_ns());
		if (r->untold == 0)
			r->first = r->last;
		r->untold += events;
		r->untold_bytes += bytes;
	}
	pthread_mutex_unlock(&a->lock);
}

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

/* Frames of an earlier start were found then, so they are not of this account. */
static bool
is_ours(const struct audit *a, const struct frame *frame)
{
	return memcmp(frame->origin, a->origin, FRAME_ORIGIN) == 0;
}

static void
log_each_host(struct audit *a, struct frame walk, const char *program)
{
	struct frame_event ev;
	struct audit_entry *e = NULL;
	struct seen_host w = {0};
	while (frame_next(&walk, &ev)) {
		if (seen_host_next(&w, ev.map))
			e = find_or_add(a, w.host, program);
		e->logged++;
	}
}

void
audit_logged(struct audit *a, const struct record *rec, const struct frame *frame)
{
	struct audit_ring *r;
	pthread_mutex_lock(&a->lock);
	if (rec->source.kind == SOURCE_RELAY) {
		log_each_host(a, *frame, relayed_name);
	} else if (is_ours(a, frame) && rec->source.kind == SOURCE_PUSH) {
		log_each_host(a, *frame, clients_name);
	} else if (is_ours(a, frame) && rec->source.kind == SOURCE_RING) {
		HASH_FIND(hh, a->rings, &rec->source.ring.key, sizeof rec->source.ring.key, r);
		if (r)
			r->entry->logged += frame->count;
	}
	pthread_mutex_unlock(&a->lock);
}

static void
encode_entry(const struct audit *a, const struct audit_entry *e, struct buf *out)
{
	uint64_t dropped = 0;
	for (const struct audit_reason *r = e->reasons; r; r = r->next)
		dropped += r->count;
	mp_add_map(out, 9);
	mp_pair_text(out, "host", e->host);
	mp_pair_text(out, "program", e->program);
	mp_pair_uint(out, "emitted", e->written);
	mp_pair_uint(out, "found", e->found);
	mp_pair_uint(out, "kept", e->kept);
	mp_pair_uint(out, "logged", a->forwards ? 0 : e->logged);
	mp_pair_uint(out, "forwarded", a->forwards ? e->logged : 0);
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
		encode_entry(a, e, out);
	pthread_mutex_unlock(&a->lock);
}
