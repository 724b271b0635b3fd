/* SPDX-License-Identifier: ISC */
/* filter_lex: a table of operators, and three kinds of words that have an inside. */
#include "libbx/core/filter_lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Longer ones first. */
static const struct {
	char text[3];
	enum filter_word word;
} operators[] = {
    {"&&", WORD_AND},
    {"||", WORD_OR},
    {"==", WORD_EQ},
    {"!=", WORD_NE},
    {"<=", WORD_LE},
    {">=", WORD_GE},
    {"!~", WORD_NOT_MATCH},
    {"^=", WORD_PREFIX},
    {"<", WORD_LT},
    {">", WORD_GT},
    {"~", WORD_MATCH},
    {"!", WORD_NOT},
    {"(", WORD_OPEN},
    {")", WORD_CLOSE},
    {",", WORD_COMMA},
    {".", WORD_DOT},
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
starts_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void
filter_lex_fail(struct filter_lex *l, size_t at, const char *fmt, ...)
{
	l->word = WORD_BAD;
	if (l->err->text[0])
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(l->err->text, sizeof l->err->text, fmt, ap);
	va_end(ap);
	l->err->column = (unsigned)at + 1;
}

void
filter_lex_init(struct filter_lex *l, const char *text, size_t n, char *store, struct filter_error *err)
{
	*err = (struct filter_error){0};
	*l = (struct filter_lex){.text = text, .n = n, .err = err, .store = store};
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Behind a backslash.  \n \t \r \xHH stand for one byte; any other character for itself, the backslash kept (for regular expressions). */
static bool
take_escape(struct filter_lex *l, char quote)
{
	static const char from[] = "ntr", to[] = "\n\t\r";
	char c = l->text[l->at++];
	const char *simple = strchr(from, c);
	if (c != '\0' && simple) {
		l->store[l->stored++] = to[simple - from];
	} else if (c == 'x') {
		int high = l->at + 1 < l->n ? hex_value(l->text[l->at]) : -1;
		int low = high >= 0 ? hex_value(l->text[l->at + 1]) : -1;
		if (low < 0) {
			filter_lex_fail(l, l->at - 2, "\\x needs two hex digits");
			return false;
		}
		l->store[l->stored++] = (char)(high << 4 | low);
		l->at += 2;
	} else {
		if (c != quote && c != '\\')
			l->store[l->stored++] = '\\';
		l->store[l->stored++] = c;
	}
	return true;
}

/* A raw backslash in a regular expression would need four: `\\` is one, and `\.` stays as it is. */
static void
take_text(struct filter_lex *l)
{
	char quote = l->text[l->at++];
	l->p = l->store + l->stored;
	size_t before = l->stored;
	while (l->at < l->n && l->text[l->at] != quote) {
		char c = l->text[l->at++];
		if (c != '\\')
			l->store[l->stored++] = c;
		else if (l->at == l->n || !take_escape(l, quote))
			break;
	}
	if (l->word == WORD_BAD)
		return;
	if (l->at >= l->n) {
		filter_lex_fail(l, l->start, "this quote is not closed");
		return;
	}
	l->at++;
	l->word = WORD_TEXT;
	l->len = l->stored - before;
}

/* 12, -1.5e-3, 250ms, 64k, 2026-11-22T10:30:00Z: what it means is the parser's business. */
static void
take_number(struct filter_lex *l)
{
	size_t start = l->at++;
	while (l->at < l->n) {
		char c = l->text[l->at];
		bool sign = (c == '-' || c == '+') && l->at + 1 < l->n && is_digit(l->text[l->at + 1]);
		if (!is_digit(c) && !starts_name(c) && c != '.' && c != ':' && !sign)
			break;
		l->at++;
	}
	l->word = WORD_NUMBER;
	l->p = l->text + start;
	l->len = l->at - start;
}

static void
take_name(struct filter_lex *l)
{
	size_t start = l->at;
	while (l->at < l->n && (starts_name(l->text[l->at]) || is_digit(l->text[l->at]) || l->text[l->at] == '-'))
		l->at++;
	l->word = WORD_NAME;
	l->p = l->text + start;
	l->len = l->at - start;
}

static void
take_operator(struct filter_lex *l)
{
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		size_t n = strlen(operators[i].text);
		if (l->n - l->at < n || memcmp(l->text + l->at, operators[i].text, n) != 0)
			continue;
		l->word = operators[i].word;
		l->p = l->text + l->at;
		l->len = n;
		l->at += n;
		return;
	}
	unsigned char c = (unsigned char)l->text[l->at];
	if (c == '=')
		filter_lex_fail(l, l->at, "'=' is no operator, '==' compares");
	else if (c == '&' || c == '|')
		filter_lex_fail(l, l->at, "'%c' is no operator, '%c%c' is", c, c, c);
	else if (c > ' ' && c < 127)
		filter_lex_fail(l, l->at, "'%c' has no meaning here", c);
	else
		filter_lex_fail(l, l->at, "byte 0x%02x has no meaning here", c);
}

void
filter_lex_next(struct filter_lex *l)
{
	if (l->word == WORD_BAD)
		return;
	size_t before = l->at;
	while (l->at < l->n && is_space(l->text[l->at]))
		l->at++;
	l->joined = l->at == before && before > 0;
	l->start = l->at;
	l->p = l->text + l->at;
	l->len = 0;
	l->word = WORD_END;
	if (l->at == l->n)
		return;
	char c = l->text[l->at], next = l->at + 1 < l->n ? l->text[l->at + 1] : '\0';
	/* `.5` is a number, but not behind a name: there it is the sixth of a list. */
	bool number = is_digit(c) || ((c == '-' || c == '+') && (is_digit(next) || next == '.')) ||
		      (c == '.' && is_digit(next) && !l->joined);
	if (c == '"' || c == '\'')
		take_text(l);
	else if (number)
		take_number(l);
	else if (starts_name(c))
		take_name(l);
	else
		take_operator(l);
}

void
filter_lex_next_part(struct filter_lex *l)
{
	if (l->word == WORD_BAD || l->at == l->n || !is_digit(l->text[l->at])) {
		filter_lex_next(l);
		return;
	}
	l->start = l->at;
	l->p = l->text + l->at;
	while (l->at < l->n && is_digit(l->text[l->at]))
		l->at++;
	l->len = l->at - l->start;
	l->word = WORD_NUMBER;
}
