/* SPDX-License-Identifier: ISC */
/* filter_regex: PCRE2, compiled once, bounded in what a match may cost. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "libbx/core/filter_parse.h"

/* A pattern that tries more than this on one text is taken not to match: (a+)+ must not stop a daemon. */
enum { MATCH_LIMIT = 100000, DEPTH_LIMIT = 2000, JIT_STACK_FIRST = 32 * 1024, JIT_STACK_MOST = 512 * 1024 };

struct filter_regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

struct filter_regex *
filter_regex_new(struct bytes pattern, char *why, size_t cap, size_t *offset)
{
	int code = 0;
	PCRE2_SIZE at = 0;
	struct filter_regex *r = calloc(1, sizeof *r);
	*offset = 0;
	snprintf(why, cap, "out of memory");
	if (!r)
		return NULL;
	r->code = pcre2_compile(pattern.n ? pattern.p : (PCRE2_SPTR) "", pattern.n,
	    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (!r->code) {
		pcre2_get_error_message(code, (PCRE2_UCHAR *)why, cap);
		*offset = at;
		filter_regex_free(&r);
		return NULL;
	}
	r->data = pcre2_match_data_create(1, NULL);
	r->context = pcre2_match_context_create(NULL);
	if (!r->data || !r->context) {
		filter_regex_free(&r);
		return NULL;
	}
	pcre2_set_match_limit(r->context, MATCH_LIMIT);
	pcre2_set_depth_limit(r->context, DEPTH_LIMIT);
	if (pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0) { /* without it the interpreter serves */
		r->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MOST, NULL);
		if (r->stack)
			pcre2_jit_stack_assign(r->context, NULL, r->stack);
	}
	return r;
}

void
filter_regex_free(struct filter_regex **rp)
{
	struct filter_regex *r = *rp;
	if (!r)
		return;
	pcre2_code_free(r->code);
	pcre2_match_data_free(r->data);
	pcre2_match_context_free(r->context);
	pcre2_jit_stack_free(r->stack);
	free(r);
	*rp = NULL;
}

bool
filter_regex_matches(struct filter_regex *r, struct bytes text)
{
	return pcre2_match(r->code, text.n ? text.p : (PCRE2_SPTR) "", text.n, 0, 0, r->data, r->context) >= 0;
}
