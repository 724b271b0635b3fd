/* SPDX-License-Identifier: ISC */
/* filter_path: each path becomes a way down the trie of the body and one down the trie of the top. */
#include "libbx/core/filter_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- building ---------------------------------------------------------------------------------------------------- */

static void
fail_memory(struct filter_parser *p)
{
	filter_lex_fail(&p->lex, p->lex.start, "out of memory");
}

/* Room for one more; grows by doubling, from and to powers of two. */
bool
filter_grow(struct filter_parser *p, void **items, int count, size_t size)
{
	if (count & (count - 1))
		return true;
	void *grown = realloc(*items, (count ? 2 * (size_t)count : 1) * size);
	if (!grown) {
		fail_memory(p);
		return false;
	}
	*items = grown;
	return true;
}

int
filter_add_node(struct filter_parser *p, enum filter_op op)
{
	struct filter *f = p->f;
	if (f->node_count == FILTER_NODES_MAX)
		filter_lex_fail(&p->lex, p->lex.start, "the filter is too long");
	void *nodes = f->nodes;
	if (p->lex.word == WORD_BAD || !filter_grow(p, &nodes, f->node_count, sizeof *f->nodes))
		return FILTER_NONE;
	f->nodes = nodes;
	f->nodes[f->node_count] = (struct filter_node){
	    .op = op, .left = FILTER_NONE, .right = FILTER_NONE, .body = FILTER_NONE, .top = FILTER_NONE};
	return f->node_count++;
}

static int
add_key(struct filter_parser *p, struct bytes name)
{
	struct filter *f = p->f;
	void *keys = f->keys;
	if (!filter_grow(p, &keys, f->key_count, sizeof *f->keys))
		return FILTER_NONE;
	f->keys = keys;
	struct filter_key *k = &f->keys[f->key_count];
	*k = (struct filter_key){.name = name, .slot = FILTER_NONE, .child = FILTER_NONE, .next = FILTER_NONE};
	k->word = filter_word(name.p, name.n, name.n);
	k->is_index = name.n > 0 && name.n < 10;
	for (size_t i = 0; k->is_index && i < name.n; i++) {
		k->is_index = name.p[i] >= '0' && name.p[i] <= '9';
		k->index = k->index * 10 + (uint32_t)(name.p[i] - '0');
	}
	return f->key_count++;
}

static enum filter_top
top_of(struct bytes name)
{
	static const char *const names[] = {
	    [FILTER_TOP_ID] = "id",
	    [FILTER_TOP_TYPE] = "type",
	    [FILTER_TOP_HOST] = "host",
	    [FILTER_TOP_PID] = "pid",
	    [FILTER_TOP_START] = "start",
	    [FILTER_TOP_END] = "end",
	    [FILTER_TOP_BODY] = "body",
	    [FILTER_TOP_SPAN] = "span",
	    [FILTER_TOP_PARENT] = "parent",
	};
	for (size_t i = FILTER_TOP_ID; i < sizeof names / sizeof *names; i++)
		if (name.n == strlen(names[i]) && memcmp(names[i], name.p, name.n) == 0)
			return (enum filter_top)i;
	return FILTER_TOP_OTHER;
}

/* The slot of a path below the keys at *first, made where it is not there. */
static int
add_path(struct filter_parser *p, int root_is_top, const struct bytes *parts, int count)
{
	int above = FILTER_NONE, key = FILTER_NONE;
	for (int i = 0; i < count; i++) {
		int first = above != FILTER_NONE ? p->f->keys[above].child
			    : root_is_top        ? p->f->top_keys
						 : p->f->body_keys;
		for (key = first; key != FILTER_NONE && !bytes_equal(p->f->keys[key].name, parts[i]);)
			key = p->f->keys[key].next;
		if (key == FILTER_NONE) {
			key = add_key(p, parts[i]);
			if (key == FILTER_NONE)
				return FILTER_NONE;
			p->f->keys[key].next = first;
			if (i == 0 && root_is_top)
				p->f->keys[key].top = top_of(parts[0]);
			if (p->f->keys[key].top == FILTER_TOP_BODY && count > 1)
				p->f->body_by_name = key;
			if (above != FILTER_NONE)
				p->f->keys[above].child = key;
			else if (root_is_top)
				p->f->top_keys = key;
			else
				p->f->body_keys = key;
		}
		above = key;
	}
	if (p->f->keys[key].slot == FILTER_NONE)
		p->f->keys[key].slot = p->f->slot_count++;
	return p->f->keys[key].slot;
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

void
filter_expected(struct filter_parser *p, const char *what)
{
	if (p->lex.word == WORD_END)
		filter_lex_fail(&p->lex, p->lex.start, "the filter ends where %s is expected", what);
	else
		filter_lex_fail(&p->lex, p->lex.start, "here %s is expected", what);
}

static void
find_times(struct filter_parser *p)
{
	static const struct bytes start = {(const uint8_t *)"start", 5}, end = {(const uint8_t *)"end", 3};
	p->f->start_slot = add_path(p, 1, &start, 1);
	p->f->end_slot = add_path(p, 1, &end, 1);
}

static bool
is_part(const struct filter_parser *p)
{
	return p->lex.word == WORD_NAME || p->lex.word == WORD_TEXT || p->lex.word == WORD_NUMBER;
}

/* Reads a path and gives the node its slots. */
void
filter_take_path(struct filter_parser *p, int node)
{
	struct bytes parts[FILTER_PARTS_MAX];
	int count = 0;
	bool top_only = p->lex.word == WORD_DOT;
	if (top_only)
		filter_lex_next_part(&p->lex);
	if (p->lex.word != WORD_NAME && p->lex.word != WORD_TEXT) {
		filter_expected(p, "the name of a field");
		return;
	}
	for (;;) {
		if (count == FILTER_PARTS_MAX) {
			filter_lex_fail(&p->lex, p->lex.start, "a path has at most %d parts", FILTER_PARTS_MAX);
			return;
		}
		parts[count++] = (struct bytes){(const uint8_t *)p->lex.p, p->lex.len};
		filter_lex_next(&p->lex);
		if (p->lex.word != WORD_DOT || !p->lex.joined)
			break;
		filter_lex_next_part(&p->lex);
		if (!is_part(p) || !p->lex.joined) {
			filter_expected(p, "the name of a field");
			return;
		}
	}
	if (p->lex.word == WORD_BAD)
		return;
	int body = top_only ? FILTER_NONE : add_path(p, 0, parts, count);
	int top = add_path(p, 1, parts, count);
	bool duration = count == 1 && parts[0].n == 8 && memcmp(parts[0].p, "duration", 8) == 0;
	if (duration)
		find_times(p);
	p->f->nodes[node].body = body;
	p->f->nodes[node].top = top;
	p->f->nodes[node].duration = duration;
}

/* ---- begin and end ----------------------------------------------------------------------------------------------- */

static bool
make_room(struct filter *f, const char *text, size_t n)
{
	f->store = malloc(2 * n + 1); /* the text itself, then what is quoted */
	if (!f->store)
		return false;
	if (n)
		memcpy(f->store, text, n);
	return true;
}

struct filter *
filter_begin(struct filter_parser *p, const char *text, size_t n, int64_t now_ns, struct filter_error *err)
{
	struct filter *f = calloc(1, sizeof *f);
	*p = (struct filter_parser){.f = f, .now_ns = now_ns};
	*err = (struct filter_error){.column = 1};
	if (n > FILTER_TEXT_MAX) {
		snprintf(err->text, sizeof err->text, "a filter has at most %d bytes", FILTER_TEXT_MAX);
		filter_free(&f);
		return NULL;
	}
	if (!f || !make_room(f, text, n)) {
		snprintf(err->text, sizeof err->text, "out of memory");
		filter_free(&f);
		return NULL;
	}
	f->body_by_name = f->body_keys = f->top_keys = f->start_slot = f->end_slot = FILTER_NONE;
	filter_lex_init(&p->lex, f->store, n, f->store + n, err);
	filter_lex_next(&p->lex);
	return f;
}

struct filter *
filter_finish(struct filter_parser *p)
{
	struct filter *f = p->f;
	f->found = p->lex.word == WORD_BAD ? NULL : calloc((size_t)f->slot_count + 1, sizeof *f->found);
	if (f->found)
		return f;
	fail_memory(p);
	filter_free(&f);
	return NULL;
}

void
filter_free(struct filter **fp)
{
	struct filter *f = *fp;
	if (!f)
		return;
	for (int i = 0; i < f->node_count; i++)
		filter_regex_free(&f->nodes[i].regex);
	free(f->store);
	free(f->nodes);
	free(f->literals);
	free(f->keys);
	free(f->found);
	free(f);
	*fp = NULL;
}
