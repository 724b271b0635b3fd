/* SPDX-License-Identifier: ISC */
/* parse: digits, then a unit out of a table. */
#include "libbx/core/parse.h"

#include <stddef.h>
#include <string.h>

/* strcasecmp follows the host program's locale; units are ASCII. */
static bool
same_word(const char *text, const char *lower)
{
	for (; *text && *lower; text++, lower++)
		if ((*text >= 'A' && *text <= 'Z' ? *text + ('a' - 'A') : *text) != *lower)
			return false;
	return *text == *lower;
}

static const char *
digits(const char *s, uint64_t *out)
{
	uint64_t v = 0;
	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return NULL;
	*out = v;
	return s;
}

bool
parse_uint(const char *s, uint64_t *out)
{
	uint64_t v;
	s = digits(s, &v);
	if (!s || *s != '\0')
		return false;
	*out = v;
	return true;
}

bool
parse_size(const char *s, uint64_t *out)
{
	static const struct {
		const char *unit;
		int shift;
	} units[] = {{"", 0}, {"b", 0}, {"k", 10}, {"kb", 10}, {"kib", 10}, {"m", 20}, {"mb", 20}, {"mib", 20},
	    {"g", 30}, {"gb", 30}, {"gib", 30}, {"t", 40}, {"tb", 40}, {"tib", 40}};
	uint64_t v;
	s = digits(s, &v);
	for (size_t i = 0; s && i < sizeof units / sizeof *units; i++) {
		if (!same_word(s, units[i].unit))
			continue;
		if (v > UINT64_MAX >> units[i].shift)
			return false;
		*out = v << units[i].shift;
		return true;
	}
	return false;
}

bool
parse_duration_ns(const char *s, int64_t *out)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {{"", 1000000000}, {"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000},
	    {"min", 60000000000}, {"h", 3600000000000}, {"d", 86400000000000}};
	uint64_t whole, fraction = 0;
	double scale = 1;
	s = digits(s, &whole);
	if (!s || whole > INT64_MAX)
		return false;
	if (*s == '.') {
		const char *start = s + 1;
		s = digits(start, &fraction);
		if (!s)
			return false;
		for (const char *p = start; p < s; p++)
			scale *= 10;
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(s, units[i].unit) != 0)
			continue;
		int64_t ns;
		if (__builtin_mul_overflow((int64_t)whole, units[i].ns, &ns))
			return false;
		int64_t rest = (int64_t)((double)fraction / scale * (double)units[i].ns + 0.5);
		if (__builtin_add_overflow(ns, rest, &ns))
			return false;
		*out = ns;
		return true;
	}
	return false;
}

bool
parse_bool(const char *s, bool *out)
{
	static const char *const yes[] = {"1", "yes", "true", "on"};
	static const char *const no[] = {"0", "no", "false", "off"};
	for (size_t i = 0; i < 4; i++) {
		bool is_yes = same_word(s, yes[i]);
		if (is_yes || same_word(s, no[i])) {
			*out = is_yes;
			return true;
		}
	}
	return false;
}

char *
parse_trim(char *s)
{
	static const char white[] = " \t\r\n\v\f";
	s += strspn(s, white);
	size_t n = strlen(s);
	while (n > 0 && strchr(white, s[n - 1]))
		s[--n] = '\0';
	return s;
}
