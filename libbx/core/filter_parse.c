/* SPDX-License-Identifier: ISC */
/*
 * filter_parse: recursive descent, one function a line of the grammar.
 *
 *    filter = all { ("||" | "or") all }
 *    all    = not { ("&&" | "and") not }
 *    not    = ("!" | "not") not | "(" filter ")" | "exists" path | test
 *    test   = path [ ("==" | "!=" | "<" | "<=" | ">" | ">=") value | ("~" | "!~" | "^=") text
 *                  | ["not"] "in" "(" value { "," value } ")" | ["not"] "exists" ]
 *    path   = ["."] part { "." (part | index) }
 *    value  = number | duration | size | date | text | "true" | "false" | "nil" | "now" | "date" "(" text ")"
 */
#include "libbx/core/filter_parse.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/datetime.h"
#include "libbx/core/filter_path.h"
#include "libbx/core/parse.h"

enum { WORD_CAP = 64 };

static bool
add_literal(struct filter_parser *p, const struct filter_literal *literal)
{
	void *literals = p->f->literals;
	if (p->f->literal_count == FILTER_NODES_MAX)
		filter_lex_fail(&p->lex, p->lex.start, "the filter has too many values");
	if (p->lex.word == WORD_BAD || !filter_grow(p, &literals, p->f->literal_count, sizeof *literal))
		return false;
	p->f->literals = literals;
	p->f->literals[p->f->literal_count++] = *literal;
	return true;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static bool
at_name(const struct filter_parser *p, const char *name)
{
	return p->lex.word == WORD_NAME && p->lex.len == strlen(name) && memcmp(p->lex.p, name, p->lex.len) == 0;
}

/* Goes on when the word is this one. */
static bool
take(struct filter_parser *p, enum filter_word word)
{
	if (p->lex.word != word)
		return false;
	filter_lex_next(&p->lex);
	return true;
}

static bool
take_name(struct filter_parser *p, const char *name)
{
	if (!at_name(p, name))
		return false;
	filter_lex_next(&p->lex);
	return true;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void
set_stretch(struct filter_literal *v, const struct datetime *when)
{
	v->low = (long double)((double)when->first_ns / 1e9);
	v->high = (long double)((double)when->last_ns / 1e9);
}

/* Integers exactly, the rest as the double that a program would have written. */
static bool
read_plain_number(const char *word, struct filter_literal *v)
{
	bool negative = word[0] == '-';
	uint64_t u;
	char *end;
	if (parse_uint(word + (word[0] == '-' || word[0] == '+'), &u)) {
		v->low = negative ? -(long double)u : (long double)u;
	} else {
		if (strspn(word, "0123456789+-.eE") != strlen(word))
			return false;
		double d = strtod(word, &end);
		if (*end != '\0' || !isfinite(d))
			return false;
		v->low = (long double)d;
	}
	v->high = v->low;
	return true;
}

static bool
read_unit_number(const char *word, struct filter_literal *v)
{
	bool negative = word[0] == '-';
	const char *text = word + (word[0] == '-' || word[0] == '+');
	int64_t ns;
	uint64_t size;
	if (parse_duration_ns(text, &ns))
		v->low = (long double)((double)ns / 1e9);
	else if (parse_size(text, &size))
		v->low = (long double)size;
	else
		return false;
	if (negative)
		v->low = -v->low;
	v->high = v->low;
	return true;
}

static void
take_number(struct filter_parser *p, struct filter_literal *v)
{
	char word[WORD_CAP];
	struct datetime when;
	v->kind = FILTER_NUMBER;
	if (p->lex.len >= sizeof word) {
		filter_lex_fail(&p->lex, p->lex.start, "this number is too long");
		return;
	}
	memcpy(word, p->lex.p, p->lex.len);
	word[p->lex.len] = '\0';
	bool dashed = p->lex.len >= 8 && word[4] == '-';
	if (dashed && !datetime_parse(word, p->now_ns, &when))
		set_stretch(v, &when);
	else if (dashed || (!read_plain_number(word, v) && !read_unit_number(word, v)))
		filter_lex_fail(&p->lex, p->lex.start, "'%.40s' is no number, duration, size or date", word);
	filter_lex_next(&p->lex);
}

/* date("..."), behind its name. */
static void
take_date(struct filter_parser *p, struct filter_literal *v)
{
	char word[WORD_CAP];
	struct datetime when;
	v->kind = FILTER_NUMBER;
	if (!take(p, WORD_OPEN) || p->lex.word != WORD_TEXT || p->lex.len >= sizeof word) {
		filter_expected(p, "(\"...\") with a date in it");
		return;
	}
	memcpy(word, p->lex.p, p->lex.len);
	word[p->lex.len] = '\0';
	const char *wrong = memchr(word, '\0', p->lex.len) ? "has a zero byte" : datetime_parse(word, p->now_ns, &when);
	if (wrong) {
		filter_lex_fail(&p->lex, p->lex.start, "this date %.100s", wrong);
		return;
	}
	set_stretch(v, &when);
	filter_lex_next(&p->lex);
	if (!take(p, WORD_CLOSE))
		filter_expected(p, "')'");
}

static void
take_value(struct filter_parser *p)
{
	struct filter_literal v = {.kind = FILTER_NIL};
	if (p->lex.word == WORD_NUMBER) {
		take_number(p, &v);
	} else if (p->lex.word == WORD_TEXT) {
		v.kind = FILTER_TEXT;
		v.text = (struct bytes){(const uint8_t *)p->lex.p, p->lex.len};
		filter_lex_next(&p->lex);
	} else if (at_name(p, "true") || at_name(p, "false")) {
		v.kind = FILTER_BOOL;
		v.b = at_name(p, "true");
		filter_lex_next(&p->lex);
	} else if (at_name(p, "nil") || at_name(p, "null")) {
		filter_lex_next(&p->lex);
	} else if (take_name(p, "now")) {
		v.kind = FILTER_NUMBER;
		v.low = v.high = (long double)((double)p->now_ns / 1e9);
	} else if (take_name(p, "date")) {
		take_date(p, &v);
	} else if (p->lex.word == WORD_NAME) {
		filter_lex_fail(&p->lex, p->lex.start, "'%.*s' is no value; text stands in quotes",
		    (int)(p->lex.len < 40 ? p->lex.len : 40), p->lex.p);
	} else {
		filter_expected(p, "a value");
	}
	if (p->lex.word != WORD_BAD)
		add_literal(p, &v);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void
take_one_value(struct filter_parser *p, int node, enum filter_op op)
{
	p->f->nodes[node].op = op;
	p->f->nodes[node].first = p->f->literal_count;
	p->f->nodes[node].count = 1;
	size_t start = p->lex.start;
	take_value(p);
	if (p->lex.word == WORD_BAD)
		return;
	enum filter_kind kind = p->f->literals[p->f->literal_count - 1].kind;
	bool ordered = op == FILTER_LT || op == FILTER_LE || op == FILTER_GT || op == FILTER_GE;
	if (ordered && (kind == FILTER_BOOL || kind == FILTER_NIL))
		filter_lex_fail(&p->lex, start, "nothing is less or greater than this");
}

static void
take_list(struct filter_parser *p, int node)
{
	int first = p->f->literal_count;
	if (!take(p, WORD_OPEN)) {
		filter_expected(p, "'(' and a list of values");
		return;
	}
	do
		take_value(p);
	while (p->lex.word != WORD_BAD && take(p, WORD_COMMA));
	if (!take(p, WORD_CLOSE))
		filter_expected(p, "',' or ')'");
	p->f->nodes[node].op = FILTER_IN;
	p->f->nodes[node].first = first;
	p->f->nodes[node].count = p->f->literal_count - first;
}

static void
take_pattern(struct filter_parser *p, int node, enum filter_op op)
{
	char why[120];
	size_t offset;
	if (p->lex.word != WORD_TEXT) {
		filter_expected(p, "text in quotes");
		return;
	}
	struct filter_literal v = {.kind = FILTER_TEXT, .text = {(const uint8_t *)p->lex.p, p->lex.len}};
	p->f->nodes[node].op = op;
	p->f->nodes[node].first = p->f->literal_count;
	p->f->nodes[node].count = 1;
	if (!add_literal(p, &v))
		return;
	if (op != FILTER_PREFIX) {
		p->f->nodes[node].regex = filter_regex_new(v.text, why, sizeof why, &offset);
		if (!p->f->nodes[node].regex) {
			filter_lex_fail(&p->lex, p->lex.start + 1 + offset, "%s", why);
			return;
		}
	}
	filter_lex_next(&p->lex);
}

static const struct {
	enum filter_word word;
	enum filter_op op;
} comparisons[] =
    {
	{WORD_EQ, FILTER_EQ},
	{WORD_NE, FILTER_NE},
	{WORD_LT, FILTER_LT},
	{WORD_LE, FILTER_LE},
	{WORD_GT, FILTER_GT},
	{WORD_GE, FILTER_GE},
},
  patterns[] = {
      {WORD_MATCH, FILTER_MATCH},
      {WORD_NOT_MATCH, FILTER_NOT_MATCH},
      {WORD_PREFIX, FILTER_PREFIX},
};

/* What may stand behind a path. */
static void
take_test(struct filter_parser *p, int node)
{
	for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
		if (take(p, comparisons[i].word)) {
			take_one_value(p, node, comparisons[i].op);
			return;
		}
	}
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		if (take(p, patterns[i].word)) {
			take_pattern(p, node, patterns[i].op);
			return;
		}
	}
	if (take_name(p, "in"))
		take_list(p, node);
	else if (take_name(p, "exists"))
		p->f->nodes[node].op = FILTER_EXISTS;
}

/* `path not in (...)`, `path not exists`: the node is then below a NOT. */
static int
take_path_and_test(struct filter_parser *p)
{
	int node = filter_add_node(p, FILTER_HOLDS);
	if (node == FILTER_NONE)
		return FILTER_NONE;
	filter_take_path(p, node);
	if (p->lex.word == WORD_BAD)
		return FILTER_NONE;
	bool negated = take_name(p, "not");
	take_test(p, node);
	if (negated && p->lex.word != WORD_BAD && p->f->nodes[node].op != FILTER_IN &&
	    p->f->nodes[node].op != FILTER_EXISTS)
		filter_expected(p, "'in' or 'exists'");
	if (!negated || p->lex.word == WORD_BAD)
		return node;
	int negation = filter_add_node(p, FILTER_NOT);
	if (negation != FILTER_NONE)
		p->f->nodes[negation].left = node;
	return negation;
}

/* ---- structure --------------------------------------------------------------------------------------------------- */

static int take_or(struct filter_parser *p);

static int
take_exists(struct filter_parser *p)
{
	int node = filter_add_node(p, FILTER_EXISTS);
	bool open = take(p, WORD_OPEN);
	if (node == FILTER_NONE)
		return FILTER_NONE;
	filter_take_path(p, node);
	if (open && !take(p, WORD_CLOSE))
		filter_expected(p, "')'");
	return node;
}

static int
take_not(struct filter_parser *p)
{
	int node = FILTER_NONE;
	if (++p->depth > FILTER_DEPTH_MAX) {
		filter_lex_fail(&p->lex, p->lex.start, "nested more than %d deep", FILTER_DEPTH_MAX);
	} else if (take(p, WORD_NOT) || take_name(p, "not")) {
		int below = take_not(p);
		node = p->lex.word == WORD_BAD ? FILTER_NONE : filter_add_node(p, FILTER_NOT);
		if (node != FILTER_NONE)
			p->f->nodes[node].left = below;
	} else if (take(p, WORD_OPEN)) {
		node = take_or(p);
		if (!take(p, WORD_CLOSE))
			filter_expected(p, "')'");
	} else if (take_name(p, "exists")) {
		node = take_exists(p);
	} else {
		node = take_path_and_test(p);
	}
	p->depth--;
	return node;
}

/* One level of `a op b op c`: a chain that leans to the left. */
static int
take_chain(struct filter_parser *p, enum filter_op op, enum filter_word word, const char *name,
    int (*below)(struct filter_parser *p))
{
	int left = below(p);
	while (p->lex.word != WORD_BAD && (take(p, word) || take_name(p, name))) {
		int right = below(p);
		int node = p->lex.word == WORD_BAD ? FILTER_NONE : filter_add_node(p, op);
		if (node == FILTER_NONE)
			return FILTER_NONE;
		p->f->nodes[node].left = left;
		p->f->nodes[node].right = right;
		left = node;
	}
	return left;
}

static int
take_and(struct filter_parser *p)
{
	return take_chain(p, FILTER_AND, WORD_AND, "and", take_not);
}

static int
take_or(struct filter_parser *p)
{
	return take_chain(p, FILTER_OR, WORD_OR, "or", take_and);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

struct filter *
filter_parse(const char *text, size_t n, int64_t now_ns, struct filter_error *err)
{
	struct filter_parser p;
	struct filter *f = filter_begin(&p, text, n, now_ns, err);
	if (!f)
		return NULL;
	f->root = take_or(&p);
	if (p.lex.word != WORD_END)
		filter_expected(&p, "'&&', '||' or the end");
	return filter_finish(&p);
}

void
filter_error_show(const struct filter_error *err, const char *text, struct buf *out)
{
	buf_printf(out, "  %s\n  ", text);
	for (unsigned i = 1; i < err->column && text[i - 1]; i++)
		if (((unsigned char)text[i - 1] & 0xc0) != 0x80) /* a column on the screen is a character */
			buf_putc(out, text[i - 1] == '\t' ? '\t' : ' ');
	buf_printf(out, "^ %s\n", err->text);
}
