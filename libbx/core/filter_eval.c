/* SPDX-License-Identifier: ISC */
/* filter_eval: one pass that leaves values at their slots, then the tree. */
#include <string.h>

#include "libbx/core/filter_parse.h"
#include "libbx/core/mp.h"

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

/* A key of the event.  One that is no text has no name, and is none of ours. */
struct name {
	struct bytes text;
	uint64_t word;
};

static __attribute__((noinline)) struct name
take_long_key(struct cursor *c, int depth)
{
	struct cursor start = *c;
	struct mp_token t;
	if (!mp_next(c, &t))
		return (struct name){0};
	if (t.kind == MP_MAP || t.kind == MP_ARRAY) {
		*c = start;
		mp_skip_within(c, depth);
	}
	if (t.kind != MP_STR && t.kind != MP_BIN)
		return (struct name){0};
	return (struct name){{t.data, t.len}, filter_word(t.data, t.len, t.len)};
}

static inline struct name
take_key(struct cursor *c, int depth)
{
	size_t left = cursor_left(c), n = left > 8 ? *c->at & 31U : 0;
	if (left > 8 && (*c->at & 0xe0) == 0xa0 && n < left) { /* nearly every key is a short string */
		const uint8_t *text = c->at + 1;
		c->at = text + n;
		return (struct name){{text, n}, filter_word(text, n, 8)};
	}
	return take_long_key(c, depth);
}

/* The key among its siblings; -1: none of them. */
static inline int
find_key(const struct filter *f, int first, const struct name *name)
{
	for (int i = first; i >= 0; i = f->keys[i].next) {
		const struct filter_key *k = &f->keys[i];
		if (k->word == name->word && k->name.n == name->text.n && name->text.p &&
		    (k->name.n <= 8 || memcmp(k->name.p, name->text.p, k->name.n) == 0))
			return i;
	}
	return -1;
}

static int
find_index(const struct filter *f, int first, uint32_t index)
{
	for (int i = first; i >= 0; i = f->keys[i].next)
		if (f->keys[i].is_index && f->keys[i].index == index)
			return i;
	return -1;
}

/* A key that comes twice: the last one counts, and nothing of the first is left. */
static void
forget(struct filter *f, int key)
{
	if (f->keys[key].slot >= 0)
		f->found[f->keys[key].slot] = NULL;
	for (int i = f->keys[key].child; i >= 0; i = f->keys[i].next)
		forget(f, i);
}

/*
 * Passes one whole object whose inside may be asked for by the keys from `first` on.  Only as deep as the paths go does
 * this call itself.  `depth` is how many maps and arrays may still lie inside one another.
 */
static void
pass(struct filter *f, struct cursor *c, int first, int depth)
{
	struct mp_token t;
	bool container = c->at < c->end && ((*c->at & 0xe0) == 0x80 || (*c->at >= 0xdc && *c->at <= 0xdf));
	if (first < 0 || !container) {
		mp_skip_quick(c, depth);
		return;
	}
	if (depth == 0) {
		cursor_fail(c, BX_ELIMIT);
		return;
	}
	if (*c->at < 0xa0) { /* of at most 15 items, as nearly all are */
		t.kind = *c->at < 0x90 ? MP_MAP : MP_ARRAY;
		t.len = *c->at++ & 15;
	} else if (!mp_next(c, &t)) {
		return;
	}
	for (uint32_t i = 0; i < t.len && c->err == BX_OK; i++) {
		int key;
		if (t.kind == MP_MAP) {
			struct name name = take_key(c, depth - 1);
			key = find_key(f, first, &name);
		} else {
			key = find_index(f, first, i);
		}
		if (key < 0) {
			mp_skip_quick(c, depth - 1);
			continue;
		}
		const uint8_t *value = c->at;
		forget(f, key);
		if (f->keys[key].child < 0)
			mp_skip_quick(c, depth - 1);
		else
			pass(f, c, f->keys[key].child, depth - 1);
		if (f->keys[key].slot >= 0)
			f->found[f->keys[key].slot] = value;
	}
}

/* The value of `body` is passed by the keys of the body, and once more where a path goes through it by name. */
static void
pass_body(struct filter *f, struct cursor *c, int key)
{
	struct cursor again = *c;
	for (int k = f->body_keys; k >= 0; k = f->keys[k].next)
		forget(f, k);
	pass(f, c, f->body_keys, MP_DEPTH_MAX - 1);
	if (key >= 0 && f->keys[key].child >= 0 && c->err == BX_OK)
		pass(f, &again, f->keys[key].child, MP_DEPTH_MAX - 1);
}

/* The top map. */
static void
pass_event(struct filter *f, struct cursor *c)
{
	static const uint8_t body[] = "body";
	const uint64_t body_word = filter_word(body, 4, 4);
	struct mp_token top;
	if (!mp_next(c, &top))
		return;
	if (top.kind != MP_MAP) {
		cursor_fail(c, BX_EBAD);
		return;
	}
	for (uint32_t i = 0; i < top.len && c->err == BX_OK; i++) {
		struct name name = take_key(c, MP_DEPTH_MAX - 1);
		int key = find_key(f, f->top_keys, &name);
		const uint8_t *value = c->at;
		if (key >= 0)
			forget(f, key);
		if (name.word == body_word && name.text.n == 4)
			pass_body(f, c, key);
		else if (key < 0)
			mp_skip_quick(c, MP_DEPTH_MAX - 1);
		else
			pass(f, c, f->keys[key].child, MP_DEPTH_MAX - 1);
		if (key >= 0 && f->keys[key].slot >= 0 && c->err == BX_OK)
			f->found[f->keys[key].slot] = value;
	}
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool
number_of(const struct mp_token *t, long double *out)
{
	if (t->kind == MP_UINT)
		*out = (long double)t->u;
	else if (t->kind == MP_INT)
		*out = (long double)t->i;
	else if (t->kind == MP_FLOAT)
		*out = (long double)t->f;
	else
		return false;
	return true;
}

static bool
token_at(const struct filter *f, int slot, struct mp_token *t)
{
	struct cursor c;
	if (slot < 0 || !f->found[slot])
		return false;
	cursor_init(&c, f->found[slot], (size_t)(f->end - f->found[slot]));
	return mp_next(&c, t);
}

static bool
duration_of(const struct filter *f, struct mp_token *out)
{
	struct mp_token start, end;
	long double s, e;
	if (!token_at(f, f->start_slot, &start) || !token_at(f, f->end_slot, &end) || !number_of(&start, &s) ||
	    !number_of(&end, &e))
		return false;
	*out = (struct mp_token){.kind = MP_FLOAT, .f = (double)(e - s)};
	return true;
}

const uint8_t *
filter_value_at(const struct filter *f, const struct filter_node *n)
{
	if (n->body >= 0 && f->found[n->body])
		return f->found[n->body];
	return n->top >= 0 ? f->found[n->top] : NULL;
}

/* The body first, then the top, then what can be computed. */
bool
filter_value(const struct filter *f, const struct filter_node *n, struct mp_token *t)
{
	return token_at(f, n->body, t) || token_at(f, n->top, t) || (n->duration && duration_of(f, t));
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static int
compare_text(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static bool
is_text(const struct mp_token *t)
{
	return t->kind == MP_STR || t->kind == MP_BIN;
}

/*
 * How the value stands to the literal: -1 below, 0 within, 1 above.  False when the two cannot be compared, NaN with
 * anything included.
 */
static bool
compare(const struct mp_token *t, const struct filter_literal *v, int *order)
{
	long double x;
	switch (v->kind) {
	case FILTER_NUMBER:
		if (!number_of(t, &x) || x != x)
			return false;
		*order = x < v->low ? -1 : x > v->high;
		return true;
	case FILTER_TEXT:
		if (!is_text(t))
			return false;
		*order = compare_text((struct bytes){t->data, t->len}, v->text);
		return true;
	case FILTER_BOOL:
		*order = t->kind == MP_BOOL && t->b == v->b ? 0 : 1;
		return t->kind == MP_BOOL;
	default: /* everything that is there is nil or is not */
		*order = t->kind == MP_NIL ? 0 : 1;
		return true;
	}
}

static bool
compares(enum filter_op op, int order)
{
	switch (op) {
	case FILTER_EQ:
		return order == 0;
	case FILTER_NE:
		return order != 0;
	case FILTER_LT:
		return order < 0;
	case FILTER_LE:
		return order <= 0;
	case FILTER_GT:
		return order > 0;
	default:
		return order >= 0;
	}
}

static bool
has_prefix(const struct mp_token *t, struct bytes prefix)
{
	return t->len >= prefix.n && (prefix.n == 0 || memcmp(t->data, prefix.p, prefix.n) == 0);
}

static bool
test(const struct filter *f, const struct filter_node *n)
{
	struct mp_token t;
	int order;
	if (!filter_value(f, n, &t))
		return false;
	static const struct filter_literal none;
	const struct filter_literal *v = n->count > 0 ? &f->literals[n->first] : &none;
	switch (n->op) {
	case FILTER_EXISTS:
		return true;
	case FILTER_HOLDS:
		return t.kind == MP_BOOL && t.b;
	case FILTER_PREFIX:
		return is_text(&t) && has_prefix(&t, v->text);
	case FILTER_MATCH:
		return is_text(&t) && filter_regex_matches(n->regex, (struct bytes){t.data, t.len});
	case FILTER_NOT_MATCH:
		return is_text(&t) && !filter_regex_matches(n->regex, (struct bytes){t.data, t.len});
	case FILTER_IN:
		for (int i = 0; i < n->count; i++)
			if (compare(&t, &v[i], &order) && order == 0)
				return true;
		return false;
	default:
		return compare(&t, v, &order) && compares(n->op, order);
	}
}

/* Chains lean to the left, so this goes deep only where the filter has parentheses or is a long chain. */
static bool
holds(const struct filter *f, int at)
{
	const struct filter_node *n = &f->nodes[at];
	switch (n->op) {
	case FILTER_AND:
		return holds(f, n->left) && holds(f, n->right);
	case FILTER_OR:
		return holds(f, n->left) || holds(f, n->right);
	case FILTER_NOT:
		return !holds(f, n->left);
	default:
		return test(f, n);
	}
}

static void
forget_all(struct filter *f)
{
	memset(f->found, 0, (size_t)f->slot_count * sizeof *f->found);
}

enum bx_err
filter_find(struct filter *f, const void *p, size_t n, size_t *used)
{
	struct cursor c;
	forget_all(f);
	cursor_init(&c, p, n);
	pass_event(f, &c);
	*used = cursor_offset(&c);
	f->end = c.at;
	return c.err;
}

/* ---- events that are read anyway --------------------------------------------------------------------------------- */

/* Where the value of a top key lies in an event as libbx writes it. */
static const uint8_t *
written_at(const struct event *ev, enum filter_top top)
{
	const struct bytes *text;
	switch (top) {
	case FILTER_TOP_ID:
		return ev->id_raw.p;
	case FILTER_TOP_PID:
		return ev->pid_at;
	case FILTER_TOP_START:
		return ev->start_at;
	case FILTER_TOP_END:
		return ev->start_at + EVENT_END_BEHIND_START;
	case FILTER_TOP_BODY:
		return ev->body.p;
	case FILTER_TOP_TYPE:
		text = &ev->type;
		break;
	case FILTER_TOP_HOST:
		text = &ev->host;
		break;
	case FILTER_TOP_SPAN:
		text = &ev->span;
		break;
	case FILTER_TOP_PARENT:
		text = &ev->parent;
		break;
	default:
		return NULL;
	}
	/* In front of a text is its header: one byte, or two, the second of them then the length itself. */
	return text->p ? text->p - (text->n < 32 && text->p[-1] >= 0xa0 ? 1 : 2) : NULL;
}

/* The body of an event as libbx writes it: what leads there from the top by name goes through it once more. */
static void
pass_written_body(void *context, struct cursor *c)
{
	struct filter *f = context;
	forget_all(f);
	if (f->body_by_name >= 0)
		pass_body(f, c, f->body_by_name);
	else
		pass(f, c, f->body_keys, MP_DEPTH_MAX - 1);
}

static void
find_at_top(struct filter *f, const struct event *ev)
{
	f->end = ev->raw.p + ev->raw.n;
	for (int k = f->top_keys; k >= 0; k = f->keys[k].next)
		if (f->keys[k].slot >= 0)
			f->found[f->keys[k].slot] = written_at(ev, f->keys[k].top);
}

enum bx_err
filter_read(struct filter *f, const void *p, size_t n, struct event *ev, size_t *used)
{
	const struct event_passer passer = {pass_written_body, f};
	bool passed;
	enum bx_err err = event_read_through(p, n, ev, used, &passer, &passed);
	if (passed) {
		find_at_top(f, ev);
		ev->found_by = f;
	}
	return err;
}

bool
filter_find_in(struct filter *f, const struct event *ev)
{
	struct cursor c;
	size_t used;
	if (ev->found_by == f)
		return true;
	if (!ev->written)
		return filter_find(f, ev->raw.p, ev->raw.n, &used) == BX_OK;
	cursor_init(&c, ev->body.p, (size_t)(ev->raw.p + ev->raw.n - ev->body.p));
	pass_written_body(f, &c);
	find_at_top(f, ev);
	return true;
}

bool
filter_holds(struct filter *f, const struct event *ev)
{
	return filter_find_in(f, ev) && holds(f, f->root);
}

enum bx_err
filter_scan(struct filter *f, const void *p, size_t n, size_t *used, bool *match)
{
	size_t all;
	*match = false;
	enum bx_err err = filter_find(f, p, n, &all);
	if (err != BX_OK)
		return err;
	*used = all;
	*match = holds(f, f->root);
	return BX_OK;
}

bool
filter_match(struct filter *f, const void *event, size_t n)
{
	size_t used;
	bool match;
	return filter_scan(f, event, n, &used, &match) == BX_OK && used == n && match;
}
