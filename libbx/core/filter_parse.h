/* SPDX-License-Identifier: ISC */
/*
 * filter_parse: what a filter is made of, between the parser that builds it and the evaluation that uses it.
 *
 * The condition is a tree of nodes.  Its paths are two tries over the keys of an event, one from the body and one from
 * the top; where a path ends it has a slot, and the pass over the event leaves there where the value starts.
 */
#ifndef BLUEOX_CORE_FILTER_PARSE_H
#define BLUEOX_CORE_FILTER_PARSE_H

#include <string.h>

#include "libbx/core/bytes.h"
#include "libbx/core/event.h"
#include "libbx/core/filter.h"

enum {
	FILTER_DEPTH_MAX = 64, /* parentheses and ! inside one another */
	FILTER_NODES_MAX = 1000,
	FILTER_PARTS_MAX = 16, /* of a path */
};

enum filter_op {
	FILTER_AND,
	FILTER_OR,
	FILTER_NOT,
	FILTER_EXISTS,
	FILTER_HOLDS, /* a bare path: the value is true */
	FILTER_EQ,
	FILTER_NE,
	FILTER_LT,
	FILTER_LE,
	FILTER_GT,
	FILTER_GE,
	FILTER_PREFIX,
	FILTER_MATCH,
	FILTER_NOT_MATCH,
	FILTER_IN,
};

enum filter_kind { FILTER_NUMBER, FILTER_TEXT, FILTER_BOOL, FILTER_NIL };

/* A number is a stretch, since a date is: `2026-11-22` is as long as the day.  long double holds every 64-bit integer. */
struct filter_literal {
	enum filter_kind kind;
	bool b;
	long double low, high;
	struct bytes text;
};

struct filter_regex; /* PCRE2's parts of it */

struct filter_node {
	enum filter_op op;
	int left, right;  /* AND, OR, NOT: nodes */
	int body, top;    /* slots of the path; -1: it is not looked for there */
	bool duration;    /* where neither has a value: end - start */
	int first, count; /* literals */
	struct filter_regex *regex;
};

/* The keys of an event itself. */
enum filter_top {
	FILTER_TOP_OTHER,
	FILTER_TOP_ID,
	FILTER_TOP_TYPE,
	FILTER_TOP_HOST,
	FILTER_TOP_PID,
	FILTER_TOP_START,
	FILTER_TOP_END,
	FILTER_TOP_BODY,
	FILTER_TOP_SPAN,
	FILTER_TOP_PARENT,
};

/* One key of a trie; -1 is none. */
struct filter_key {
	struct bytes name;
	uint64_t word; /* its first 8 bytes */
	bool is_index; /* the name is a number, and finds items of lists too */
	uint32_t index;
	enum filter_top top; /* of the first keys of the top's trie */
	int slot;
	int child, next;
};

struct filter {
	char *store; /* the text, and the content of what is quoted */
	struct filter_node *nodes;
	struct filter_literal *literals;
	struct filter_key *keys;
	int node_count, literal_count, key_count, slot_count;
	int root;
	int body_keys, top_keys;  /* first keys of the two tries */
	int body_by_name;         /* `body` among the top's, where a path goes on from there */
	int start_slot, end_slot; /* for `duration` */
	const uint8_t **found;    /* one a slot: where the value starts, in the event at hand */
	const uint8_t *end;       /* of the event at hand */
};

/* Leaves values at their slots.  What it returns and *used are as filter_scan's. */
enum bx_err filter_find(struct filter *f, const void *p, size_t n, size_t *used);

/* The same for an event that was read; nothing to do where it was read through this filter.  False: it is none. */
bool filter_find_in(struct filter *f, const struct event *ev);

/* What the node's path leads to.  False: the event has no such field, and it cannot be computed. */
struct mp_token;
bool filter_value(const struct filter *f, const struct filter_node *n, struct mp_token *t);
const uint8_t *filter_value_at(
    const struct filter *f, const struct filter_node *n); /* NULL also where it is computed */

/* The first 8 bytes of a name, zeroes behind it, as a number: most names differ in these.  `room` bytes may be read. */
static inline uint64_t
filter_word(const uint8_t *p, size_t n, size_t room)
{
	uint64_t word = 0;
	if (n == 0)
		return 0;
	if (room >= 8)
		return n >= 8 ? get_u64le(p) : get_u64le(p) & (UINT64_MAX >> (64 - 8 * n));
	memcpy(&word, p, n);
	return le64toh(word);
}

struct filter_regex *filter_regex_new(struct bytes pattern, char *why, size_t cap, size_t *offset);
void filter_regex_free(struct filter_regex **r);
bool filter_regex_matches(struct filter_regex *r, struct bytes text);

#endif
