/* SPDX-License-Identifier: ISC */
#include "preload/sql.h"

#include <string.h>

/* ---- characters ---- */

enum { SPACE = 1, START = 2, PART = 4, DIGIT = 8, SIGN = 16, PREFIX = 32 };

/* What a byte may be: SPACE; START and PART of a word; DIGIT; SIGN of an operator; PREFIX of a string constant. */
static const unsigned char classes[256] = {
    [' '] = SPACE,
    ['\t'] = SPACE,
    ['\n'] = SPACE,
    ['\r'] = SPACE,
    ['\f'] = SPACE,
    ['\v'] = SPACE,
    ['0' ... '9'] = DIGIT | PART,
    ['$'] = PART,
    ['_'] = START | PART,
    ['a'] = START | PART,
    ['b'] = START | PART | PREFIX,
    ['c' ... 'd'] = START | PART,
    ['e'] = START | PART | PREFIX,
    ['f' ... 'm'] = START | PART,
    ['n'] = START | PART | PREFIX,
    ['o' ... 'w'] = START | PART,
    ['x'] = START | PART | PREFIX,
    ['y' ... 'z'] = START | PART,
    ['A'] = START | PART,
    ['B'] = START | PART | PREFIX,
    ['C' ... 'D'] = START | PART,
    ['E'] = START | PART | PREFIX,
    ['F' ... 'M'] = START | PART,
    ['N'] = START | PART | PREFIX,
    ['O' ... 'W'] = START | PART,
    ['X'] = START | PART | PREFIX,
    ['Y' ... 'Z'] = START | PART,
    [128 ... 255] = START | PART,
    ['+'] = SIGN,
    ['-'] = SIGN,
    ['*'] = SIGN,
    ['/'] = SIGN,
    ['<'] = SIGN,
    ['>'] = SIGN,
    ['='] = SIGN,
    ['~'] = SIGN,
    ['!'] = SIGN,
    ['@'] = SIGN,
    ['#'] = SIGN,
    ['%'] = SIGN,
    ['^'] = SIGN,
    ['&'] = SIGN,
    ['|'] = SIGN,
    ['`'] = SIGN,
    ['?'] = SIGN,
};

static inline bool
is(char c, int class)
{
	return classes[(unsigned char)c] & class;
}

static inline char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The byte at p + ahead, or NUL behind the end. */
static inline char
peek(const char *p, const char *end, size_t ahead)
{
	return (size_t)(end - p) > ahead ? p[ahead] : '\0';
}

static inline bool
starts(const char *p, const char *end, char first, char second)
{
	return peek(p, end, 0) == first && peek(p, end, 1) == second;
}

/* ---- tokens; each function is at the first byte of one and returns where it ends ---- */

static const char *
line_comment(const char *p, const char *end)
{
	while (p < end && *p != '\n' && *p != '\r')
		p++;
	return p;
}

static const char *
block_comment(const char *p, const char *end)
{
	size_t depth = 0;
	while (p < end) {
		if (starts(p, end, '/', '*')) {
			depth++;
			p += 2;
		} else if (starts(p, end, '*', '/')) {
			p += 2;
			if (--depth == 0)
				return p;
		} else {
			p++;
		}
	}
	return end;
}

static const char *
space(const char *p, const char *end)
{
	for (;;) {
		if (p < end && is(*p, SPACE))
			p++;
		else if (starts(p, end, '-', '-'))
			p = line_comment(p, end);
		else if (starts(p, end, '/', '*'))
			p = block_comment(p, end);
		else
			return p;
	}
}

/* Behind a closing quote: where the string goes on, behind white space with a newline in it; NULL when it does not. */
static const char *
continued(const char *p, const char *end)
{
	bool newline = false;
	for (;;) {
		if (p < end && is(*p, SPACE)) {
			newline = newline || *p == '\n' || *p == '\r';
			p++;
		} else if (starts(p, end, '-', '-')) {
			p = line_comment(p, end);
		} else {
			return newline && p < end && *p == '\'' ? p + 1 : NULL;
		}
	}
}

static const char *
text(const char *p, const char *end, bool backslashes)
{
	for (p++; p < end; p++) {
		if (*p == '\\' && backslashes) {
			p += p + 1 < end;
		} else if (*p == '\'' && peek(p, end, 1) == '\'') {
			p++;
		} else if (*p == '\'') {
			const char *on = continued(p + 1, end);
			if (!on)
				return p + 1;
			p = on - 1;
		}
	}
	return end;
}

/* One that is never closed is a constant: what it swallows may hold some. */
static const char *
quoted_name(const char *p, const char *end, enum sql_kind *kind)
{
	*kind = SQL_NAME;
	for (p++; p < end; p++) {
		if (*p != '"')
			continue;
		if (peek(p, end, 1) != '"')
			return p + 1;
		p++;
	}
	*kind = SQL_TEXT;
	return end;
}

/* $tag$ ... $tag$; NULL when no dollar quote begins here. */
static const char *
dollar_quoted(const char *p, const char *end)
{
	const char *tag = p + 1;
	if (tag < end && is(*tag, START))
		while (tag < end && is(*tag, PART) && *tag != '$')
			tag++;
	if (tag >= end || *tag != '$')
		return NULL;
	size_t n = (size_t)(tag + 1 - p);
	for (const char *at = tag + 1; (size_t)(end - at) >= n; at++) {
		at = memchr(at, '$', (size_t)(end - at));
		if (!at || (size_t)(end - at) < n)
			return end;
		if (memcmp(at, p, n) == 0)
			return at + n;
	}
	return end;
}

/* A string constant with a letter before it begins here. */
static bool
is_prefixed(const char *p, const char *end)
{
	return (is(*p, PREFIX) && peek(p, end, 1) == '\'') ||
	       (lower(*p) == 'u' && peek(p, end, 1) == '&' && peek(p, end, 2) == '\'');
}

/* What follows at once and belongs to nothing else goes with it: nothing of a number may be left over. */
static const char *
number(const char *p, const char *end)
{
	const char *from = p;
	while (p < end) {
		if (*p == '.' && (peek(p, end, 1) == '.' || (p > from && p[-1] == '.')))
			break; /* 1..10 */
		bool exponent = p > from && (*p == '+' || *p == '-') && lower(p[-1]) == 'e' && lower(from[1]) != 'x' &&
				is(peek(p, end, 1), DIGIT);
		if (*p != '.' && !exponent && (!is(*p, PART) || *p == '$'))
			break;
		if (p > from && (is_prefixed(p, end) || (lower(*p) == 'u' && starts(p + 1, end, '&', '"'))))
			break;
		p++;
	}
	return p;
}

static const char *
operator_run(const char *p, const char *end)
{
	const char *from = p;
	bool special = false;
	while (p < end && is(*p, SIGN) && !starts(p, end, '-', '-') && !starts(p, end, '/', '*')) {
		special = special || strchr("~!@#%^&|`?", *p);
		p++;
	}
	while (!special && p - from > 1 && (p[-1] == '+' || p[-1] == '-'))
		p--;
	return p;
}

static const char *
word(const char *p, const char *end)
{
	while (p < end && is(*p, PART))
		p++;
	return p;
}

static const char *
dollar(const char *p, const char *end, enum sql_kind *kind)
{
	const char *to = dollar_quoted(p, end);
	if (to) {
		*kind = SQL_TEXT;
		return to;
	}
	*kind = SQL_PARAMETER;
	for (to = p + 1; to < end && is(*to, DIGIT);)
		to++;
	if (to == p + 1)
		*kind = SQL_OTHER;
	return to;
}

static const char *
worded(const char *p, const char *end, bool backslashes, enum sql_kind *kind)
{
	*kind = SQL_TEXT;
	if (is_prefixed(p, end)) {
		bool escapes = lower(*p) == 'e' || (lower(*p) == 'n' && backslashes);
		return text(p + (lower(*p) == 'u' ? 2 : 1), end, escapes);
	}
	if (lower(*p) == 'u' && starts(p + 1, end, '&', '"'))
		return quoted_name(p + 2, end, kind);
	*kind = SQL_WORD;
	return word(p, end);
}

static const char *
token_end(const char *p, const char *end, bool backslashes, enum sql_kind *kind)
{
	char c = *p;
	if (is(c, SPACE) || starts(p, end, '-', '-') || starts(p, end, '/', '*')) {
		*kind = SQL_SPACE;
		return space(p, end);
	}
	if (is(c, START))
		return worded(p, end, backslashes, kind);
	if (c == '\'') {
		*kind = SQL_TEXT;
		return text(p, end, backslashes);
	}
	if (c == '"')
		return quoted_name(p, end, kind);
	if (c == '$')
		return dollar(p, end, kind);
	if (is(c, SIGN)) {
		*kind = SQL_OPERATOR;
		return operator_run(p, end);
	}
	*kind = is(c, DIGIT) || (c == '.' && is(peek(p, end, 1), DIGIT)) ? SQL_NUMBER : SQL_OTHER;
	return *kind == SQL_NUMBER ? number(p, end) : p + 1;
}

bool
sql_next(struct sql_lexer *lexer, struct sql_token *token)
{
	if (lexer->at >= lexer->end)
		return false;
	token->at = lexer->at;
	lexer->at = token_end(lexer->at, lexer->end, lexer->backslashes, &token->kind);
	token->len = (size_t)(lexer->at - token->at);
	return true;
}

bool
sql_next_word(struct sql_lexer *lexer, struct sql_token *token)
{
	while (sql_next(lexer, token))
		if (token->kind != SQL_SPACE)
			return true;
	return false;
}

bool
sql_is_word(const struct sql_token *token, const char *wanted)
{
	if (token->kind != SQL_WORD || token->len != strlen(wanted))
		return false;
	for (size_t i = 0; i < token->len; i++)
		if (lower(token->at[i]) != wanted[i])
			return false;
	return true;
}

bool
sql_name(const struct sql_token *token, char *out, size_t cap)
{
	size_t n = 0;
	if (token->kind != SQL_WORD && (token->kind != SQL_NAME || token->at[0] != '"'))
		return false;
	bool quoted = token->kind == SQL_NAME;
	for (size_t i = quoted; i + quoted < token->len; i++) {
		if (n + 1 >= cap)
			return false;
		out[n++] = quoted ? token->at[i] : lower(token->at[i]);
		i += quoted && token->at[i] == '"';
	}
	out[n] = '\0';
	return true;
}

/* ---- without literals ---- */

/* Where a list behind IN is: constants that follow another are left out, with the comma before them. */
enum list { NO_LIST, AFTER_IN, AT_FIRST, AFTER_ITEM, AFTER_COMMA };

struct strip {
	char *to;
	size_t cap;
	size_t len;
	uint64_t hash;
	bool space;            /* to be written before the next token */
	struct sql_token last; /* but white space */
	enum list list;
	bool space_before_comma; /* the comma that is held back in AFTER_COMMA */
};

static inline void
put(struct strip *s, char c)
{
	if (s->len < s->cap)
		s->to[s->len] = c;
	s->len++;
	s->hash = (s->hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

static void
put_space(struct strip *s)
{
	if (s->space && s->len > 0)
		put(s, ' ');
	s->space = false;
}

static void
put_token(struct strip *s, const struct sql_token *t)
{
	put_space(s);
	for (size_t i = 0; i < t->len; i++)
		put(s, t->kind == SQL_WORD ? lower(t->at[i]) : t->at[i]);
}

/* The comma that was held back after all. */
static void
put_held_comma(struct strip *s)
{
	if (s->list != AFTER_COMMA)
		return;
	bool behind = s->space;
	s->space = s->space_before_comma;
	put_space(s);
	put(s, ',');
	s->space = behind;
}

static bool
is_one(const struct sql_token *t, char c)
{
	return t->len == 1 && t->at[0] == c;
}

/* `(` behind IN, items and commas, as long as there is nothing else.  True when the token was dealt with. */
static bool
step_list(struct strip *s, const struct sql_token *t, bool item)
{
	switch (s->list) {
	case NO_LIST:
		break;
	case AFTER_IN:
		s->list = is_one(t, '(') ? AT_FIRST : NO_LIST;
		return false;
	case AT_FIRST:
		s->list = item ? AFTER_ITEM : NO_LIST;
		if (item) {
			put_space(s);
			put(s, '?');
		}
		return item;
	case AFTER_ITEM:
		if (!is_one(t, ',')) {
			s->list = NO_LIST;
			return false;
		}
		s->space_before_comma = s->space;
		s->space = false;
		s->list = AFTER_COMMA;
		return true;
	case AFTER_COMMA:
		if (item) {
			s->space = false;
			s->list = AFTER_ITEM;
			return true;
		}
		put_held_comma(s);
		s->list = NO_LIST;
	}
	return false;
}

/* Words that want a value behind them, so that a sign there is the number's. */
static bool
wants_value(const struct sql_token *t)
{
	static const char *const wanting[] = {"all", "and", "any", "between", "by", "case", "default", "distinct",
	    "else", "fetch", "from", "having", "ilike", "in", "is", "like", "limit", "not", "offset", "on", "or",
	    "return", "returning", "select", "set", "then", "to", "values", "when", "where"};
	for (size_t i = 0; i < sizeof wanting / sizeof *wanting; i++)
		if (wanting[i][0] == lower(*t->at) && sql_is_word(t, wanting[i]))
			return true;
	return false;
}

/* A sign behind this token would be a number's own. */
static bool
wants_number(const struct sql_token *t)
{
	if (t->kind == SQL_WORD)
		return wants_value(t);
	return t->len == 0 || t->kind == SQL_OPERATOR || is_one(t, '(') || is_one(t, ',') || is_one(t, '[') ||
	       is_one(t, ';');
}

static bool
is_sign_of_number(const struct strip *s, const struct sql_lexer *lexer, const struct sql_token *t)
{
	if (t->kind != SQL_OPERATOR || (!is_one(t, '-') && !is_one(t, '+')))
		return false;
	char next = peek(lexer->at, lexer->end, 0);
	return (is(next, DIGIT) || (next == '.' && is(peek(lexer->at, lexer->end, 1), DIGIT))) &&
	       wants_number(&s->last);
}

static void
strip_token(struct strip *s, const struct sql_token *t)
{
	bool constant = t->kind == SQL_TEXT || t->kind == SQL_NUMBER;
	bool item = constant || t->kind == SQL_PARAMETER || (t->kind == SQL_OPERATOR && is_one(t, '?'));
	if (!step_list(s, t, item)) {
		if (constant) {
			put_space(s);
			put(s, '?');
		} else {
			put_token(s, t);
		}
	}
	if (sql_is_word(t, "in"))
		s->list = AFTER_IN;
	s->last = *t;
}

size_t
sql_strip(const char *query, size_t n, bool backslashes, char *to, size_t cap, uint64_t *print)
{
	struct sql_lexer lexer = {query, query + n, backslashes};
	struct strip s = {.to = to, .cap = cap, .hash = UINT64_C(0xcbf29ce484222325), .last = {.kind = SQL_OTHER}};
	struct sql_token t;
	while (sql_next(&lexer, &t)) {
		if (t.kind == SQL_SPACE)
			s.space = true;
		else if (!is_sign_of_number(&s, &lexer, &t))
			strip_token(&s, &t);
	}
	put_held_comma(&s);
	*print = s.hash;
	return s.len;
}

/* ---- passwords ---- */

static bool
contains_password(const char *query, size_t n)
{
	static const char wanted[] = "password";
	enum { LEN = sizeof wanted - 1 };
	for (size_t i = 0; i + LEN <= n; i++) {
		size_t same = 0;
		while (same < LEN && lower(query[i + same]) == wanted[same])
			same++;
		if (same == LEN)
			return true;
	}
	return false;
}

bool
sql_may_tell_password(const char *query, size_t n)
{
	size_t i = 0;
	while (i < n && is(query[i], SPACE))
		i++;
	char first = i < n ? lower(query[i]) : '\0';
	bool begins =
	    first == 'a' || first == 'c' || first == 'd' || first == '-' || first == '/'; /* ALTER, CREATE, DO */
	return (begins || memchr(query, ';', n)) && contains_password(query, n);
}
