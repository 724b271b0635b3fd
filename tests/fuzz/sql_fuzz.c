/* SPDX-License-Identifier: ISC */
/*
 * sql: any text is stripped within its bounds, is no longer than it was, stays as it is when stripped again, and has no
 * constant left; tokens are the whole text, none of them empty.
 */
#include <stdbool.h>

#include "preload/sql.c"
#include "tests/fuzz/fuzz.h"

static void
check_tokens(const char *text, size_t n, bool backslashes)
{
	struct sql_lexer lexer = {text, text + n, backslashes};
	struct sql_token t;
	size_t at = 0;
	while (sql_next(&lexer, &t)) {
		MUST(t.at == text + at && t.len > 0);
		at += t.len;
		MUST(at <= n);
		char name[20];
		(void)sql_name(&t, name, sizeof name);
	}
	MUST(at == n);
}

static void
check_no_constant(const char *text, size_t n)
{
	struct sql_lexer lexer = {text, text + n, false};
	struct sql_token t;
	while (sql_next(&lexer, &t))
		MUST(t.kind != SQL_TEXT && t.kind != SQL_NUMBER);
}

/* Input: a byte of choices, then the text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	bool backslashes = data[0] & 1;
	size_t cap = data[0] & 2 ? data[0] >> 2 : n;
	char *text = (char *)exact_copy(data + 1, --n), *out, *again;
	uint64_t print, second;
	check_tokens(text, n, backslashes);
	(void)sql_may_tell_password(text, n);
	MUST((out = calloc(1, cap + 1)) != NULL);
	size_t len = sql_strip(text, n, backslashes, out, cap, &print);
	MUST(len <= n);
	if (len <= cap) {
		MUST((again = malloc(len + 1)) != NULL);
		check_no_constant(out, len);
		MUST(sql_strip(out, len, backslashes, again, len, &second) == len);
		MUST(print == second && memcmp(out, again, len) == 0);
		free(again);
	}
	free(text);
	free(out);
	return 0;
}
