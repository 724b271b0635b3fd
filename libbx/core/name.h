/* SPDX-License-Identifier: ISC */
/*
 * name: dotted names of contexts, and what a name means while others are open.
 *
 * `request` is a name of its own, `.sql` lies under the current context, `^.sql` under the outermost one.  The rules,
 * with examples, are in doc/SEMANTICS.md; this is the whole of their code, without any state, so that it can be tested by table.
 */
#ifndef BLUEOX_CORE_NAME_H
#define BLUEOX_CORE_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum { NAME_MAX_LEN = 255 }; /* bytes of a resolved name */

/* An open context's name, borrowed. */
struct name {
	const char *s;
	size_t n;
};

struct name_result {
	int parent;   /* index of the parent in open[], or -1 for a top */
	bool repeats; /* an open context has this very name */
	size_t len;   /* of the resolved name in out */
};

/*
 * Resolves `name` against the open contexts, outermost first, into out (not NUL-terminated).  False when the name is a
 * mistake: empty, `^` or `^x`, starting with `..`, ending in a dot, with an empty part inside, or longer than
 * NAME_MAX_LEN when resolved.
 */
bool name_resolve(
    const char *name, const struct name *open, int count, char out[NAME_MAX_LEN + 1], struct name_result *result);

/* True when `prefix` is `name` or ends before a dot of it: `a.b` is a prefix of `a.b.c`, not of `a.bc`. */
bool name_is_under(struct name prefix, struct name name);

/* True when `name` matches a pattern in which `*` stands for any run of characters, dots included. */
bool name_glob(const char *pattern, const char *name, size_t n);

#endif
