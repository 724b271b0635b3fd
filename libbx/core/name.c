/* SPDX-License-Identifier: ISC */
/* name: part-wise comparison throughout; a dot is a border, never just a character. */
#include "libbx/core/name.h"

#include <string.h>

bool
name_is_under(struct name prefix, struct name name)
{
	return prefix.n <= name.n && memcmp(prefix.s, name.s, prefix.n) == 0 &&
	       (prefix.n == name.n || name.s[prefix.n] == '.');
}

static bool
well_formed(struct name name)
{
	if (name.n == 0 || name.n > NAME_MAX_LEN)
		return false;
	bool border = true;
	for (size_t i = 0; i < name.n; i++) {
		if (name.s[i] == '.' && border)
			return false;
		border = name.s[i] == '.';
	}
	return !border;
}

static size_t
first_part(struct name name)
{
	const char *dot = memchr(name.s, '.', name.n);
	return dot ? (size_t)(dot - name.s) : name.n;
}

/* Where in `under` the new name joins: at the rightmost part that equals its own first part, else behind the end. */
static size_t
joint(struct name under, struct name name)
{
	size_t part = first_part(name);
	size_t at = under.n + 1;
	for (size_t i = 0; i + part <= under.n; i++) {
		bool starts = i == 0 || under.s[i - 1] == '.';
		bool ends = i + part == under.n || under.s[i + part] == '.';
		if (starts && ends && memcmp(under.s + i, name.s, part) == 0)
			at = i;
	}
	return at;
}

static bool
join(struct name under, struct name name, char *out, size_t *len)
{
	size_t at = joint(under, name);
	if (at + name.n > NAME_MAX_LEN)
		return false;
	size_t kept = at > under.n ? under.n : at;
	memcpy(out, under.s, kept);
	if (at > under.n)
		out[under.n] = '.';
	memcpy(out + at, name.s, name.n);
	*len = at + name.n;
	return true;
}

/* The open context whose name is the longest proper prefix of this one, the innermost of equals. */
static int
parent_of(struct name name, const struct name *open, int count)
{
	int best = -1;
	for (int i = 0; i < count; i++)
		if (open[i].n < name.n && name_is_under(open[i], name) && (best < 0 || open[i].n >= open[best].n))
			best = i;
	return best;
}

static int
same_name(struct name name, const struct name *open, int count)
{
	for (int i = count - 1; i >= 0; i--)
		if (open[i].n == name.n && memcmp(open[i].s, name.s, name.n) == 0)
			return i;
	return -1;
}

bool
name_resolve(
    const char *given, const struct name *open, int count, char out[NAME_MAX_LEN + 1], struct name_result *result)
{
	*result = (struct name_result){.parent = -1};
	int under = -1; /* index of the context that the name is relative to */
	bool relative = given[0] == '.' || given[0] == '^';
	if (given[0] == '^') {
		given++;
		under = count > 0 ? 0 : -1;
		if (given[0] != '.')
			return false;
	} else if (relative) {
		under = count - 1;
	}
	struct name name = {given + (relative ? 1 : 0), 0};
	name.n = strnlen(name.s, NAME_MAX_LEN + 1);
	if (!well_formed(name))
		return false;
	if (under >= 0) {
		if (!join(open[under], name, out, &result->len))
			return false;
		result->parent = under;
	} else {
		memcpy(out, name.s, name.n);
		result->len = name.n;
	}
	struct name resolved = {out, result->len};
	int same = same_name(resolved, open, count);
	result->repeats = same >= 0;
	if (!relative)
		result->parent = same >= 0 ? same : parent_of(resolved, open, count);
	return true;
}

bool
name_glob(const char *pattern, const char *name, size_t n)
{
	const char *end = name + n, *star = NULL, *retry = NULL;
	while (name < end) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (*pattern && *pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
