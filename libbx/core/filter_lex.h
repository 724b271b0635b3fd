/* SPDX-License-Identifier: ISC */
/* filter_lex: the words of a filter, one after the other, each with its column. */
#ifndef BLUEOX_CORE_FILTER_LEX_H
#define BLUEOX_CORE_FILTER_LEX_H

#include <stddef.h>

#include "libbx/core/filter.h"

enum filter_word {
	WORD_END,
	WORD_NAME,   /* letters, digits, _ and -, starting with a letter or _ */
	WORD_TEXT,   /* in quotes; its content, without escapes, is in the lexer's store */
	WORD_NUMBER, /* starts with a digit, or a sign or dot before one: numbers, durations, sizes, dates */
	WORD_AND,
	WORD_OR,
	WORD_NOT,
	WORD_OPEN,
	WORD_CLOSE,
	WORD_COMMA,
	WORD_DOT,
	WORD_EQ,
	WORD_NE,
	WORD_LT,
	WORD_LE,
	WORD_GT,
	WORD_GE,
	WORD_MATCH,     /* ~ */
	WORD_NOT_MATCH, /* !~ */
	WORD_PREFIX,    /* ^= */
	WORD_BAD,
};

struct filter_lex {
	const char *text;
	size_t n, at;
	struct filter_error *err;

	/* the word at hand */
	enum filter_word word;
	size_t start; /* offset of its first byte */
	const char *p;
	size_t len;
	bool joined; /* nothing stands between it and the word before */

	char *store; /* room for the content of every quoted text: n bytes; the caller's */
	size_t stored;
};

void filter_lex_init(struct filter_lex *l, const char *text, size_t n, char *store, struct filter_error *err);

/* Goes on to the next word.  WORD_BAD with the error filled when there is none. */
void filter_lex_next(struct filter_lex *l);

/* The same behind the dot of a path, where digits are an index and nothing more. */
void filter_lex_next_part(struct filter_lex *l);

/* Fills the error for the word at hand and makes it WORD_BAD; an earlier error stays. */
void filter_lex_fail(struct filter_lex *l, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
