/* SPDX-License-Identifier: ISC */
/*
 * sql: PostgreSQL's tokens, and a query without its literals.
 *
 * The rules are those of PostgreSQL's own scanner (src/backend/parser/scan.l): nested comments, E'', U&'', B'', X'', N'',
 * dollar quotes, strings that go on behind a newline, operators that may not end in a sign, numbers in every base.  Where
 * a text is none that PostgreSQL would take (a quote that is never closed), the rest of it is one literal.
 *
 * Nothing is allocated; bytes are only read within the given length, and NUL is a byte like others.
 */
#ifndef BLUEOX_PRELOAD_SQL_H
#define BLUEOX_PRELOAD_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sql_kind {
	SQL_SPACE, /* white space and comments in a row */
	SQL_WORD,  /* a keyword or a name without quotes */
	SQL_NAME,  /* a name in double quotes, U&"" too */
	SQL_TEXT,  /* a string constant of any form */
	SQL_NUMBER,
	SQL_PARAMETER, /* $1 */
	SQL_OPERATOR,
	SQL_OTHER, /* one character: parentheses, commas, semicolons, ... */
};

struct sql_token {
	enum sql_kind kind;
	const char *at;
	size_t len;
};

struct sql_lexer {
	const char *at, *end;
	bool backslashes; /* standard_conforming_strings is off: a backslash escapes in '' too */
};

/* False at the end. */
bool sql_next(struct sql_lexer *lexer, struct sql_token *token);

/* As that, past white space and comments. */
bool sql_next_word(struct sql_lexer *lexer, struct sql_token *token);

/* True for that word in any case. */
bool sql_is_word(const struct sql_token *token, const char *lower);

/*
 * The name that a word or a quoted name stands for: folded, or without its quotes.  False for U&"" and what is longer
 * than `cap` less one.
 */
bool sql_name(const struct sql_token *token, char *out, size_t cap);

/*
 * Writes the query without its literals: each constant is `?`, a list of constants or parameters behind IN is one,
 * comments are gone, white space is one space, words are in lower case.  Never longer than the query, and the same again
 * when it is stripped again.  At most `cap` bytes are written; the length of the whole is returned, and *print* is the
 * FNV-1a hash (64 bits) of the whole.
 */
size_t sql_strip(const char *query, size_t n, bool backslashes, char *to, size_t cap, uint64_t *print);

/* True when the query may set a password: its literals must not be shown, whatever was asked for. */
bool sql_may_tell_password(const char *query, size_t n);

#endif
