/* SPDX-License-Identifier: ISC */
/*
 * tree: sorting does the work.
 *
 * Sorted by id and start, a group is a run of nodes; an index of the run sorted by span finds parents.  Children are
 * then linked in the order of the run, which is that of their starts.
 */
#include "oxview/tree.h"

#include <stdlib.h>
#include <string.h>

#include "oxview/body.h"

struct tree_missing {
	struct tree_missing *next;
	struct tree_node node;
};

enum { OPEN_MAX = 512 }; /* events without spans that may be open at once, before the oldest is forgotten */

static int
bytes_compare(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

double
tree_node_start(const struct tree_node *n)
{
	return n->event.has_start ? n->event.start : n->event.has_end ? n->event.end : 0;
}

double
tree_node_end(const struct tree_node *n)
{
	return n->event.has_end ? n->event.end : tree_node_start(n);
}

static int
by_start(const struct tree_node *a, const struct tree_node *b)
{
	double x = tree_node_start(a), y = tree_node_start(b);
	if (x != y)
		return x < y ? -1 : 1;
	x = tree_node_end(a), y = tree_node_end(b);
	if (x != y) /* of two that start together the longer one is rather the outer one */
		return x > y ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static int
by_id_then_start(const void *a, const void *b)
{
	const struct tree_node *x = a, *y = b;
	int order = bytes_compare(x->event.id_raw, y->event.id_raw);
	return order ? order : by_start(x, y);
}

static int
by_span(const void *a, const void *b)
{
	const struct tree_node *x = *(struct tree_node *const *)a, *y = *(struct tree_node *const *)b;
	int order = bytes_compare(x->event.span, y->event.span);
	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int
by_parent_span(const void *a, const void *b)
{
	const struct tree_node *x = *(struct tree_node *const *)a, *y = *(struct tree_node *const *)b;
	int order = bytes_compare(x->event.parent, y->event.parent);
	return order ? order : by_start(x, y);
}

/* A group while it is built. */
struct run {
	struct tree_node *nodes;
	size_t count;
	struct tree_node **index; /* those with a span, by span */
	size_t index_count;
	struct tree_node **orphans; /* whose parent is not there, by its span */
	size_t orphan_count;
	bool all; /* repeats too */
};

static struct tree_node *
find_span(const struct run *r, struct bytes span)
{
	size_t low = 0, high = r->index_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (bytes_compare(r->index[middle]->event.span, span) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->index_count && bytes_equal(r->index[low]->event.span, span) ? r->index[low] : NULL;
}

/* The same event may have come on two ways. */
static bool
is_repeat(const struct tree_node *n, const struct tree_node *first)
{
	return n != first && bytes_equal(n->event.type, first->event.type) && n->event.start == first->event.start;
}

static bool
type_is_under(struct bytes type, struct bytes prefix)
{
	return prefix.n > 0 && prefix.n < type.n && type.p[prefix.n] == '.' && memcmp(type.p, prefix.p, prefix.n) == 0;
}

/* Parents of events without spans, by type and time. */
static void
infer_parents(struct run *r)
{
	struct tree_node *open[OPEN_MAX];
	size_t open_count = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct tree_node *n = &r->nodes[i];
		if (n->event.span.p || n->event.parent.p)
			continue;
		size_t kept = 0;
		for (size_t j = 0; j < open_count; j++)
			if (tree_node_end(open[j]) >= tree_node_start(n))
				open[kept++] = open[j];
		open_count = kept;
		for (size_t j = 0; j < open_count; j++)
			if (type_is_under(n->event.type, open[j]->event.type) &&
			    (!n->parent || open[j]->event.type.n >= n->parent->event.type.n))
				n->parent = open[j];
		if (open_count == OPEN_MAX)
			memmove(open, open + 1, --open_count * sizeof *open);
		open[open_count++] = n;
	}
}

/* Cuts each ring of parents at one place, so that everything hangs under the top. */
static void
break_rings(struct run *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct tree_node *n = &r->nodes[i];
		for (; n && !n->mark; n = n->parent)
			n->mark = i + 1;
		if (n && n->mark == i + 1)
			n->parent = NULL;
	}
}

/* Sets every node's parent, or puts it among the orphans.  Returns how many repeats were marked. */
static size_t
find_parents(struct run *r)
{
	size_t repeats = 0;
	for (size_t i = 0; i < r->count; i++)
		if (r->nodes[i].event.span.p)
			r->index[r->index_count++] = &r->nodes[i];
	if (r->index_count > 1)
		qsort(r->index, r->index_count, sizeof *r->index, by_span);
	for (size_t i = 0; i < r->count; i++) {
		struct tree_node *n = &r->nodes[i];
		if (!r->all && n->event.span.p && is_repeat(n, find_span(r, n->event.span))) {
			n->repeat = true;
			repeats++;
		} else if (n->event.parent.p) {
			n->parent = find_span(r, n->event.parent);
			if (n->parent == n)
				n->parent = NULL;
			else if (!n->parent)
				r->orphans[r->orphan_count++] = n;
		}
	}
	if (r->orphan_count > 1)
		qsort(r->orphans, r->orphan_count, sizeof *r->orphans, by_parent_span);
	infer_parents(r);
	break_rings(r);
	return repeats;
}

/* A type without its last part. */
static struct bytes
outer_type(struct bytes type)
{
	while (type.n > 0 && type.p[type.n - 1] != '.')
		type.n--;
	type.n -= type.n > 0;
	return type;
}

/* What all these types lie under; nothing when there is no such name. */
static struct bytes
common_outer_type(struct tree_node *const *nodes, size_t count)
{
	struct bytes outer = outer_type(nodes[0]->event.type);
	for (size_t i = 1; i < count; i++)
		while (outer.n > 0 && !type_is_under(nodes[i]->event.type, outer))
			outer = outer_type(outer);
	return outer;
}

/* Makes a place for the event that these orphans of one span lack. */
static bool
make_missing(struct tree *t, struct tree_node *const *orphans, size_t count)
{
	struct bytes type = common_outer_type(orphans, count);
	if (type.n == 0) /* nothing is known of it: the orphans lie at the top */
		return true;
	struct tree_missing *m = calloc(1, sizeof *m);
	if (!m)
		return false;
	m->next = t->missing;
	t->missing = m;
	struct event *ev = &m->node.event;
	*ev = (struct event){.type = type, .has_start = true, .has_end = true, .span = orphans[0]->event.parent};
	ev->start = tree_node_start(orphans[0]);
	ev->end = tree_node_end(orphans[0]);
	m->node.missing = true;
	for (size_t i = 0; i < count; i++) {
		orphans[i]->parent = &m->node;
		if (tree_node_end(orphans[i]) > ev->end)
			ev->end = tree_node_end(orphans[i]);
	}
	return true;
}

static bool
adopt_orphans(struct tree *t, struct run *r)
{
	for (size_t i = 0; i < r->orphan_count;) {
		size_t from = i;
		while (i < r->orphan_count && bytes_equal(r->orphans[i]->event.parent, r->orphans[from]->event.parent))
			i++;
		if (!make_missing(t, r->orphans + from, i - from))
			return false;
	}
	return true;
}

static void
link_under(struct tree_node *n, struct tree_node *parent)
{
	n->linked = true;
	n->next = NULL;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
}

/* Nodes come in the order of their starts, so a missing parent is linked when its first child comes. */
static void
link_nodes(struct tree_group *g, struct run *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct tree_node *n = &r->nodes[i];
		if (n->repeat)
			continue;
		if (n->parent && n->parent->missing && !n->parent->linked)
			link_under(n->parent, &g->top);
		link_under(n, n->parent ? n->parent : &g->top);
		g->events++;
		g->errors += body_has_error(&n->event);
		if (!n->event.has_start && !n->event.has_end)
			continue;
		if (!g->timed || tree_node_start(n) < g->start)
			g->start = tree_node_start(n);
		if (!g->timed || tree_node_end(n) > g->end)
			g->end = tree_node_end(n);
		g->timed = true;
	}
	const struct tree_node *head = g->top.first;
	while (head && head->missing)
		head = head->next;
	g->head = head ? &head->event : &r->nodes[0].event;
}

static int
by_group_start(const void *a, const void *b)
{
	const struct tree_group *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return bytes_compare(x->head->id_raw, y->head->id_raw);
}

static size_t
run_length(const struct tree *t, size_t from, size_t count)
{
	size_t n = 1;
	while (from + n < count && bytes_equal(t->nodes[from + n].event.id_raw, t->nodes[from].event.id_raw))
		n++;
	return n;
}

static bool
build_groups(struct tree *t, size_t count, struct run *r)
{
	for (size_t from = 0; from < count; from += r->count) {
		r->nodes = t->nodes + from;
		r->count = run_length(t, from, count);
		r->index_count = r->orphan_count = 0;
		t->repeats += find_parents(r);
		if (!adopt_orphans(t, r))
			return false;
		link_nodes(&t->groups[t->group_count++], r);
	}
	qsort(t->groups, t->group_count, sizeof *t->groups, by_group_start);
	return true;
}

bool
tree_build(struct tree *t, const struct event *events, size_t count, bool all)
{
	*t = (struct tree){0};
	t->nodes = calloc(count + 1, sizeof *t->nodes);
	for (size_t i = 0; t->nodes && i < count; i++) {
		t->nodes[i].event = events[i];
		t->nodes[i].order = i;
	}
	if (t->nodes && count > 1)
		qsort(t->nodes, count, sizeof *t->nodes, by_id_then_start);
	size_t groups = 0;
	for (size_t from = 0; t->nodes && from < count; from += run_length(t, from, count))
		groups++;
	t->groups = calloc(groups + 1, sizeof *t->groups);
	struct run r = {.all = all};
	r.index = calloc(count + 1, sizeof *r.index);
	r.orphans = calloc(count + 1, sizeof *r.orphans);
	bool ok = t->nodes && t->groups && r.index && r.orphans && build_groups(t, count, &r);
	free(r.index);
	free(r.orphans);
	if (!ok)
		tree_fini(t);
	return ok;
}

void
tree_fini(struct tree *t)
{
	while (t->missing) {
		struct tree_missing *m = t->missing;
		t->missing = m->next;
		free(m);
	}
	free(t->nodes);
	free(t->groups);
	*t = (struct tree){0};
}
