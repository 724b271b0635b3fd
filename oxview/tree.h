/* SPDX-License-Identifier: ISC */
/*
 * tree: which event lies under which.
 *
 * Events with one id are a group.  Within it an event lies under the one whose span is its `parent`.  Where that one is
 * not among them (it is still running, was killed, or was not asked for) a place is made for it, called as far as its
 * children's types tell.  Clients without spans say nothing of parents: such an event lies under the one without a span
 * whose type is a prefix of its own, in whole dotted parts, and whose time holds its start.
 */
#ifndef BLUEOX_OXVIEW_TREE_H
#define BLUEOX_OXVIEW_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "libbx/core/event.h"

struct tree_node {
	struct event event; /* of a missing event: its type as far as known, and its children's time */
	bool missing;
	bool repeat;                    /* left out */
	bool linked;                    /* under its parent, or the top */
	size_t mark;                    /* scratch of tree_build */
	struct tree_node *parent;       /* NULL: the top */
	struct tree_node *first, *last; /* children, by start */
	struct tree_node *next;         /* sibling */
	size_t order;                   /* in which it came */
};

struct tree_group {
	struct tree_node top; /* not an event: its children are the group's outermost */
	size_t events, errors;
	bool timed;               /* some event has a time */
	double start, end;        /* least and greatest; 0 when no event has a time */
	const struct event *head; /* the event that the group is called by: its first outermost that is there */
};

struct tree {
	struct tree_group *groups; /* by start */
	size_t group_count;
	struct tree_node *nodes;
	struct tree_missing *missing; /* nodes that were made for missing events */
	size_t repeats;               /* events left out because one with the same span, type and start was there */
};

/* Builds, with repeats only when `all`, from `count` events whose bytes outlive the tree.  False: out of memory, and nothing is left to free. */
bool tree_build(struct tree *t, const struct event *events, size_t count, bool all);
void tree_fini(struct tree *t);

/* When a node starts and ends; what is not known is taken from the other. */
double tree_node_start(const struct tree_node *n);
double tree_node_end(const struct tree_node *n);

#endif
