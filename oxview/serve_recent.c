/* SPDX-License-Identifier: ISC */
/* serve_recent: a list of copies, the oldest in front, behind a lock. */
#include "oxview/serve_recent.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/clock.h"
#include "oxview/source.h"

enum { RETRY_MS = 500, SAID_BYTES = 4096 };

struct copy {
	struct copy *next;
	size_t n;
	uint8_t bytes[];
};

struct serve_recent {
	const struct conf *conf; /* borrowed */
	struct select all;
	pthread_t thread;
	atomic_bool ends;
	struct buf told; /* by the source, in its thread */
	size_t told_before;
	pthread_mutex_t lock; /* for what follows */
	struct copy *oldest, *newest;
	size_t bytes;
	bool listens;
	struct buf said; /* why it does not */
};

static bool
ends(void *context)
{
	return atomic_load_explicit(&((struct serve_recent *)context)->ends, memory_order_relaxed);
}

static void
keep(struct serve_recent *r, const struct event *ev)
{
	struct copy *c = malloc(sizeof *c + ev->raw.n);
	if (!c)
		return;
	c->next = NULL;
	c->n = ev->raw.n;
	memcpy(c->bytes, ev->raw.p, ev->raw.n);
	pthread_mutex_lock(&r->lock);
	*(r->newest ? &r->newest->next : &r->oldest) = c;
	r->newest = c;
	r->bytes += sizeof *c + c->n;
	while (r->bytes > RECENT_BYTES && r->oldest != c) {
		struct copy *old = r->oldest;
		r->oldest = old->next;
		r->bytes -= sizeof *old + old->n;
		free(old);
	}
	pthread_mutex_unlock(&r->lock);
}

/* What the source has told is there for those who ask; of more than a few lines the last. */
static void
publish(void *context)
{
	struct serve_recent *r = context;
	if (r->told.len == r->told_before)
		return;
	if (r->told.len > SAID_BYTES)
		buf_drop_front(&r->told, r->told_before < r->told.len ? r->told_before : 0);
	r->told_before = r->told.len;
	pthread_mutex_lock(&r->lock);
	buf_clear(&r->said);
	buf_put(&r->said, r->told.data, r->told.len);
	pthread_mutex_unlock(&r->lock);
}

static void
set_listens(struct serve_recent *r, bool listens)
{
	publish(r);
	pthread_mutex_lock(&r->lock);
	r->listens = listens;
	pthread_mutex_unlock(&r->lock);
}

static void *
listen_on(void *arg)
{
	struct serve_recent *r = arg;
	struct trouble trouble = {.lines = &r->told};
	struct source_env env = {.select = &r->all,
	    .trouble = &trouble,
	    .before_wait = publish,
	    .context = r,
	    .stopped = ends,
	    .stop_context = r};
	while (!ends(r)) {
		struct keys keys;
		char err[600];
		struct event ev;
		struct source *source = NULL;
		buf_clear(&r->told);
		r->told_before = SIZE_MAX; /* nothing is news too */
		if (keys_read(&keys, r->conf->server_key, r->conf->curve_key, err, sizeof err))
			source = source_live(r->conf->host, &keys, &env);
		else
			trouble_add(&trouble, "%s", err);
		set_listens(r, source != NULL);
		while (source && source_next(source, &ev))
			keep(r, &ev);
		source_free(&source);
		for (int i = 0; i < RETRY_MS / 50 && !ends(r); i++)
			nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	return NULL;
}

struct serve_recent *
serve_recent_open(const struct conf *conf)
{
	struct serve_recent *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->conf = conf;
	pthread_mutex_init(&r->lock, NULL);
	if (pthread_create(&r->thread, NULL, listen_on, r) == 0)
		return r;
	pthread_mutex_destroy(&r->lock);
	free(r);
	return NULL;
}

void
serve_recent_close(struct serve_recent **rp)
{
	struct serve_recent *r = *rp;
	if (!r)
		return;
	atomic_store(&r->ends, true);
	pthread_join(r->thread, NULL);
	while (r->oldest) {
		struct copy *c = r->oldest;
		r->oldest = c->next;
		free(c);
	}
	buf_fini(&r->said);
	buf_fini(&r->told);
	pthread_mutex_destroy(&r->lock);
	free(r);
	*rp = NULL;
}

/* ---- one moment's --------------------------------------------------------------------------------------------------- */

/* How many events with this hash have not been struck off. */
struct slot {
	uint64_t hash; /* 0: free */
	uint64_t left;
};

static uint64_t
hash_of(const struct event *ev)
{
	uint64_t hash = XXH3_64bits(ev->raw.p, ev->raw.n);
	return hash ? hash : 1;
}

/* That of the hash, or the free one where it belongs; at least half of them are free. */
static struct slot *
slot_of(const struct recent *r, uint64_t hash)
{
	struct slot *slots = (void *)r->slots.data;
	size_t i = hash & r->mask;
	while (slots[i].hash && slots[i].hash != hash)
		i = (i + 1) & r->mask;
	return &slots[i];
}

static size_t
copy_all(struct serve_recent *r, struct buf *out)
{
	size_t count = 0;
	pthread_mutex_lock(&r->lock);
	for (const struct copy *c = r->oldest; c; c = c->next, count++)
		buf_put(out, c->bytes, c->n);
	pthread_mutex_unlock(&r->lock);
	return count;
}

static bool
next_event(const struct recent *r, size_t *at, struct event *ev)
{
	size_t used;
	if (*at >= r->events.len || event_read(r->events.data + *at, r->events.len - *at, ev, &used) != BX_OK)
		return false;
	*at += used;
	return true;
}

bool
serve_recent_take(struct serve_recent *r, struct recent *out)
{
	struct event ev;
	size_t slots = 16, at = 0;
	*out = (struct recent){.oldest_end = INFINITY};
	size_t count = copy_all(r, &out->events);
	while (slots < 2 * count)
		slots *= 2;
	void *room = buf_extend(&out->slots, slots * sizeof(struct slot));
	if (!room || out->events.err != BX_OK)
		return false;
	memset(room, 0, slots * sizeof(struct slot));
	out->mask = slots - 1;
	while (next_event(out, &at, &ev)) {
		struct slot *slot = slot_of(out, hash_of(&ev));
		slot->hash = hash_of(&ev);
		slot->left++;
		if (!(ev.end >= out->oldest_end))
			out->oldest_end = ev.end;
	}
	return true;
}

void
recent_fini(struct recent *r)
{
	buf_fini(&r->events);
	buf_fini(&r->slots);
}

void
recent_strike(struct recent *r, const struct event *ev)
{
	if (r->events.len == 0 || ev->end < r->oldest_end)
		return;
	struct slot *slot = slot_of(r, hash_of(ev));
	if (slot->left == 0)
		return;
	slot->left--;
	r->struck++;
}

void
recent_walk(
    struct recent *r, const struct select *select, bool (*take)(void *context, const struct event *ev), void *context)
{
	struct event ev;
	for (size_t at = 0; next_event(r, &at, &ev);) {
		struct slot *slot = slot_of(r, hash_of(&ev));
		if (slot->left == 0)
			continue;
		slot->left--;
		if (select_type(select, ev.type) && select_event(select, &ev) && !take(context, &ev))
			return;
	}
}

void
serve_recent_say(struct serve_recent *r, struct buf *out)
{
	pthread_mutex_lock(&r->lock);
	if (!r->listens)
		buf_puts(out, "the oxd is not listened to (yet)\n");
	buf_put(out, r->said.data, r->said.len);
	pthread_mutex_unlock(&r->lock);
}
