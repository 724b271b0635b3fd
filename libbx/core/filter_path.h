/* SPDX-License-Identifier: ISC */
/* filter_path: what reads conditions and what reads lists of paths have in common: the parser's state, and paths. */
#ifndef BLUEOX_CORE_FILTER_PATH_H
#define BLUEOX_CORE_FILTER_PATH_H

#include "libbx/core/filter_lex.h"
#include "libbx/core/filter_parse.h"

enum { FILTER_NONE = -1, FILTER_TEXT_MAX = 64 * 1024 };

struct filter_parser {
	struct filter *f;
	struct filter_lex lex;
	int64_t now_ns;
	int depth;
};

/* An empty filter for this text, at whose first word the parser then stands.  NULL with *err filled. */
struct filter *filter_begin(
    struct filter_parser *p, const char *text, size_t n, int64_t now_ns, struct filter_error *err);

/* The filter when the text was read to its end and nothing is wrong, else NULL, and it is freed. */
struct filter *filter_finish(struct filter_parser *p);

/* Room for one more of `count` items of this size.  False, with the mistake noted: out of memory. */
bool filter_grow(struct filter_parser *p, void **items, int count, size_t size);

/* FILTER_NONE, with the mistake noted: too many, or out of memory. */
int filter_add_node(struct filter_parser *p, enum filter_op op);

/* Reads a path and gives the node its slots. */
void filter_take_path(struct filter_parser *p, int node);

/* Notes that something else is expected where the parser stands. */
void filter_expected(struct filter_parser *p, const char *what);

#endif
