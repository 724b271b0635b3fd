/* SPDX-License-Identifier: ISC */
/* paths: a filter that has paths and no condition. */
#include "libbx/core/paths.h"

#include <stdlib.h>

#include "libbx/core/filter_path.h"

struct paths {
	struct filter *filter; /* node i has the slots of path i */
	struct bytes names[PATHS_MAX];
	size_t count;
	uint8_t computed[MP_HEADER_MAX];
};

/* Spaces behind the path are none of its name. */
static struct bytes
name_between(const struct filter *f, size_t from, size_t to)
{
	while (to > from && (f->store[to - 1] == ' ' || f->store[to - 1] == '\t'))
		to--;
	return (struct bytes){(const uint8_t *)f->store + from, to - from};
}

static void
take_paths(struct paths *paths, struct filter_parser *p)
{
	for (;;) {
		if (paths->count == PATHS_MAX) {
			filter_lex_fail(&p->lex, p->lex.start, "at most %d fields", PATHS_MAX);
			return;
		}
		size_t from = p->lex.start;
		int node = filter_add_node(p, FILTER_EXISTS);
		if (node == FILTER_NONE)
			return;
		filter_take_path(p, node);
		if (p->lex.word == WORD_BAD)
			return;
		paths->names[paths->count++] = name_between(p->f, from, p->lex.start);
		if (p->lex.word != WORD_COMMA)
			break;
		filter_lex_next(&p->lex);
	}
	if (p->lex.word != WORD_END)
		filter_expected(p, "',' or the end");
}

struct paths *
paths_parse(const char *text, size_t n, struct filter_error *err)
{
	struct filter_parser p;
	struct paths *paths = calloc(1, sizeof *paths);
	if (paths && filter_begin(&p, text, n, 0, err)) {
		take_paths(paths, &p);
		paths->filter = filter_finish(&p);
	} else if (!paths) {
		*err = (struct filter_error){1, "out of memory"};
	}
	if (paths && !paths->filter)
		paths_free(&paths);
	return paths;
}

void
paths_free(struct paths **p)
{
	if (!*p)
		return;
	filter_free(&(*p)->filter);
	free(*p);
	*p = NULL;
}

size_t
paths_count(const struct paths *p)
{
	return p->count;
}

struct bytes
paths_name(const struct paths *p, size_t i)
{
	return p->names[i];
}

enum bx_err
paths_find(struct paths *p, const void *event, size_t n)
{
	size_t used;
	return filter_find(p->filter, event, n, &used);
}

struct filter *
paths_filter(struct paths *p)
{
	return p->filter;
}

bool
paths_find_in(struct paths *p, const struct event *ev)
{
	return filter_find_in(p->filter, ev);
}

bool
paths_token(const struct paths *p, size_t i, struct mp_token *t)
{
	return filter_value(p->filter, &p->filter->nodes[i], t);
}

struct bytes
paths_object(struct paths *p, size_t i)
{
	const struct filter_node *node = &p->filter->nodes[i];
	struct mp_token t;
	const uint8_t *at = filter_value_at(p->filter, node);
	if (at) {
		struct cursor c;
		cursor_init(&c, at, (size_t)(p->filter->end - at));
		return mp_skip(&c) ? (struct bytes){at, cursor_offset(&c)} : (struct bytes){0};
	}
	if (!filter_value(p->filter, node, &t))
		return (struct bytes){0};
	mp_put_double(p->computed, t.f);
	return (struct bytes){p->computed, 9};
}
