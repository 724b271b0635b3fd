/* SPDX-License-Identifier: ISC */
/* report_groups: a hash table of groups on a list, the one last added to in front. */
#include "oxview/report_groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "oxview/body.h"
#include "oxview/report_json.h"
#include "oxview/tree.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { BUCKETS = 1 << 15 };

struct held_event {
	struct held_event *next;
	size_t n;
	uint8_t bytes[];
};

struct group {
	struct group *chain, *newer, *older;
	struct held_event *first, *last;
	uint64_t hash, events, errors; /* of all that came */
	size_t held, bytes;            /* of those that are kept */
	double longest;
	bool slow; /* among the slowest */
	size_t id_n;
	uint8_t id[];
};

bool
report_groups_init(struct report_groups *g)
{
	*g = (struct report_groups){.table = calloc(BUCKETS, sizeof(struct group *))};
	g->full = !g->table;
	return !g->full;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static void
list_remove(struct report_groups *g, struct group *u)
{
	*(u->newer ? &u->newer->older : &g->newest) = u->older;
	*(u->older ? &u->older->newer : &g->oldest) = u->newer;
}

static void
list_put_first(struct report_groups *g, struct group *u)
{
	u->newer = NULL;
	u->older = g->newest;
	*(g->newest ? &g->newest->newer : &g->oldest) = u;
	g->newest = u;
}

static void
drop_events(struct report_groups *g, struct group *u)
{
	while (u->first) {
		struct held_event *e = u->first;
		u->first = e->next;
		free(e);
	}
	u->last = NULL;
	g->bytes -= u->bytes;
	u->bytes = u->held = 0;
}

static void
group_free(struct report_groups *g, struct group *u)
{
	struct group **at = &g->table[u->hash & (BUCKETS - 1)];
	while (*at != u)
		at = &(*at)->chain;
	*at = u->chain;
	list_remove(g, u);
	drop_events(g, u);
	g->bytes -= sizeof *u + u->id_n;
	g->groups--;
	free(u);
}

void
report_groups_fini(struct report_groups *g)
{
	while (g->newest)
		group_free(g, g->newest);
	free(g->table);
	*g = (struct report_groups){0};
}

/* The slowest stay, however old; they are put in front, so that the walk over them is not made again soon. */
static void
make_room(struct report_groups *g)
{
	while (g->bytes > GROUPS_HELD && g->groups > g->slowest_count) {
		struct group *u = g->oldest;
		if (u->slow) {
			list_remove(g, u);
			list_put_first(g, u);
		} else {
			group_free(g, u);
			g->let_go++;
		}
	}
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

static struct group *
group_of(struct report_groups *g, struct bytes id)
{
	uint64_t hash = XXH3_64bits(id.p, id.n);
	struct group **head = &g->table[hash & (BUCKETS - 1)];
	for (struct group *u = *head; u; u = u->chain)
		if (u->hash == hash && u->id_n == id.n && memcmp(u->id, id.p, id.n) == 0)
			return u;
	if (g->again)
		return NULL;
	struct group *u = calloc(1, sizeof *u + id.n);
	if (!u) {
		g->full = true;
		return NULL;
	}
	u->hash = hash;
	u->id_n = id.n;
	u->longest = -1;
	memcpy(u->id, id.p, id.n);
	u->chain = *head;
	*head = u;
	list_put_first(g, u);
	g->bytes += sizeof *u + id.n;
	g->groups++;
	return u;
}

static bool
hold(struct report_groups *g, struct group *u, const struct event *ev)
{
	size_t n = sizeof(struct held_event) + ev->raw.n;
	if (u->held == GROUP_EVENTS || n > GROUP_BYTES - u->bytes)
		return true;
	struct held_event *e = malloc(n);
	if (!e)
		return false;
	e->next = NULL;
	e->n = ev->raw.n;
	memcpy(e->bytes, ev->raw.p, ev->raw.n);
	*(u->last ? &u->last->next : &u->first) = e;
	u->last = e;
	u->held++;
	u->bytes += n;
	g->bytes += n;
	return true;
}

static void
rank(struct report_groups *g, struct group *u)
{
	size_t least = 0;
	if (u->slow)
		return;
	if (g->slowest_count < GROUPS_SLOWEST) {
		least = g->slowest_count++;
	} else {
		for (size_t i = 1; i < GROUPS_SLOWEST; i++)
			if (g->slowest[i]->longest < g->slowest[least]->longest)
				least = i;
		if (g->slowest[least]->longest >= u->longest)
			return;
		g->slowest[least]->slow = false;
	}
	g->slowest[least] = u;
	u->slow = true;
}

bool
report_groups_add(struct report_groups *g, const struct event *ev, bool error)
{
	double duration = ev->has_start && ev->has_end ? ev->end - ev->start : -1;
	if (g->full)
		return false;
	if (!ev->id.p || ev->id.n == 0 || ev->id.n > GROUP_ID)
		return true;
	struct group *u = group_of(g, ev->id);
	if (!u)
		return !g->full;
	u->events++;
	u->errors += error;
	if (!hold(g, u, ev)) {
		g->full = true;
		return false;
	}
	if (g->again)
		return true;
	if (g->newest != u) {
		list_remove(g, u);
		list_put_first(g, u);
	}
	if (isfinite(duration) && duration >= 0 && duration > u->longest) {
		u->longest = duration;
		rank(g, u);
	}
	make_room(g);
	return true;
}

bool
report_groups_again(struct report_groups *g)
{
	if (g->full || g->let_go == 0 || g->slowest_count == 0)
		return false;
	for (struct group *u = g->newest, *next; u; u = next) {
		next = u->older;
		if (!u->slow) {
			group_free(g, u);
			continue;
		}
		drop_events(g, u);
		u->events = u->errors = 0;
	}
	g->again = true;
	return true;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void
write_node(const struct tree_node *n, unsigned depth, bool *first, struct buf *out)
{
	const struct event *ev = &n->event;
	buf_printf(out, "%s{\"depth\":%u,\"type\":", *first ? "" : ",", depth);
	*first = false;
	report_text(out, ev->type);
	buf_puts(out, ",\"start\":");
	report_number(out, tree_node_start(n));
	buf_puts(out, ",\"end\":");
	report_number(out, tree_node_end(n));
	if (n->missing) {
		buf_puts(out, ",\"missing\":true}");
		return;
	}
	buf_puts(out, ",\"host\":");
	report_text(out, ev->host);
	buf_printf(out, ",\"error\":%s,\"event\":", body_has_error(ev) ? "true" : "false");
	report_event(out, ev);
	buf_putc(out, '}');
}

/* All below `top`, depth first, without recursion: a group may be a chain as long as it has events. */
static void
write_nodes(const struct tree_node *top, struct buf *out)
{
	const struct tree_node *path[GROUP_EVENTS * 2 + 2];
	size_t depth = 0;
	bool first = true;
	path[0] = top->first;
	for (;;) {
		if (!path[depth]) {
			if (depth-- == 0)
				return;
			path[depth] = path[depth]->next;
			continue;
		}
		write_node(path[depth], (unsigned)depth, &first, out);
		path[depth + 1] = path[depth]->first;
		depth++;
	}
}

static bool
write_group(const struct group *u, struct buf *out)
{
	struct event events[GROUP_EVENTS];
	struct tree t;
	size_t n = 0;
	for (const struct held_event *e = u->first; e; e = e->next)
		n += event_parse(e->bytes, e->n, &events[n]) == BX_OK;
	if (!tree_build(&t, events, n, true))
		return false;
	const struct tree_group *group = &t.groups[0];
	buf_puts(out, "{\"id\":");
	report_text(out, (struct bytes){u->id, u->id_n});
	buf_printf(out, ",\"events\":%llu,\"errors\":%llu,\"held\":%zu,\"longest\":", (unsigned long long)u->events,
	    (unsigned long long)u->errors, n);
	report_number(out, u->longest);
	if (t.group_count > 0) {
		buf_puts(out, ",\"start\":");
		report_number(out, group->start);
		buf_puts(out, ",\"end\":");
		report_number(out, group->end);
		buf_puts(out, ",\"head\":");
		report_text(out, group->head->type);
	}
	buf_puts(out, ",\"nodes\":[");
	if (t.group_count > 0)
		write_nodes(&group->top, out);
	buf_puts(out, "]}");
	tree_fini(&t);
	return true;
}

static int
slowest_first(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
	if (x->longest != y->longest)
		return x->longest > y->longest ? -1 : 1;
	return memcmp(x->id, y->id, x->id_n < y->id_n ? x->id_n : y->id_n);
}

bool
report_groups_write(struct report_groups *g, struct out *out)
{
	struct buf json = {0};
	bool ok = !g->full;
	if (g->slowest_count > 1)
		qsort(g->slowest, g->slowest_count, sizeof(struct group *), slowest_first);
	buf_putc(&out->buf, '[');
	for (size_t i = 0; i < g->slowest_count && ok; i++) {
		buf_clear(&json);
		ok = write_group(g->slowest[i], &json) && json.err == BX_OK;
		buf_puts(&out->buf, i ? ",\n" : "");
		report_embed(&out->buf, json.data, json.len);
		out_done(out);
	}
	buf_putc(&out->buf, ']');
	buf_fini(&json);
	return ok;
}
