/* SPDX-License-Identifier: ISC */
/* redact: names cut into parts once; then a body is copied pair by pair, all of which we have encoded ourselves. */
#include "libbx/redact.h"

#include <string.h>

#include "libbx/core/mp.h"
#include "libbx/core/name.h"
#include "libbx/core/parse.h"

enum { NAMES_MAX = 64, PARTS_MAX = 256, TEXT_MAX = 4096 };

/* Its parts, the last one first. */
struct name_parts {
	uint16_t first, count;
};

/* Written while recording is turned on for the first time, constant since. */
bool redact_any;
static struct name_parts names[NAMES_MAX];
static uint32_t name_count;
static const char *parts[PARTS_MAX];
static uint32_t part_count;
static char names_text[TEXT_MAX];

/* ---- names ---- */

static bool
read_name(char *name)
{
	uint32_t first = part_count;
	bool more = name_count < NAMES_MAX;
	while (more) {
		char *dot = strrchr(name, '.');
		const char *part = dot ? dot + 1 : name;
		if (!*part || part_count == PARTS_MAX)
			break;
		parts[part_count++] = part;
		more = dot != NULL;
		if (!more) {
			names[name_count++] = (struct name_parts){(uint16_t)first, (uint16_t)(part_count - first)};
			return true;
		}
		*dot = '\0';
	}
	part_count = first;
	return false;
}

/* A text that is too long for us: better its beginning than nothing. */
static bool
keep_text(const char *text)
{
	size_t n = text ? strlen(text) : 0, whole = n;
	if (n >= sizeof names_text)
		for (n = sizeof names_text - 1; n > 0 && text[n] != ',';)
			n--;
	if (n)
		memcpy(names_text, text, n);
	names_text[n] = '\0';
	return n == whole;
}

bool
redact_read_names(const char *text)
{
	bool good = keep_text(text);
	name_count = part_count = 0;
	for (char *rest = names_text; rest;) {
		char *name = parse_trim(strsep(&rest, ","));
		if (*name)
			good &= read_name(name);
	}
	redact_any = name_count > 0;
	return good;
}

static bool
fits(struct name_parts n, const struct redact_path *path)
{
	for (uint32_t i = 0; i < n.count; i++, path = path->up)
		if (!path || !name_glob(parts[n.first + i], path->s, path->len))
			return false;
	return true;
}

bool
redact_hides(const struct redact_path *path)
{
	for (uint32_t i = 0; i < name_count; i++)
		if (fits(names[i], path))
			return true;
	return false;
}

/* ---- values ---- */

static bool
next_is_hidden(struct cursor *c, struct redact_path *path)
{
	struct mp_token key;
	if (!mp_next(c, &key))
		return false;
	path->s = (const char *)key.data;
	path->len = key.data ? key.len : 0;
	return redact_hides(path);
}

static uint32_t
pairs_left(struct cursor c, uint32_t count, const struct redact_path *up)
{
	struct redact_path path = {.up = up};
	uint32_t left = 0;
	for (uint32_t i = 0; i < count; i++) {
		left += !next_is_hidden(&c, &path);
		mp_skip(&c);
	}
	return left;
}

static uint8_t *
put_bytes(uint8_t *p, const uint8_t *from, const uint8_t *to)
{
	memcpy(p, from, (size_t)(to - from));
	return p + (to - from);
}

uint8_t *
redact_pairs(uint8_t *p, struct cursor *c, uint32_t count, const struct redact_path *up)
{
	struct redact_path path = {.up = up};
	p = mp_put_map_header(p, pairs_left(*c, count, up));
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *key = c->at;
		if (next_is_hidden(c, &path)) {
			mp_skip(c);
		} else {
			p = put_bytes(p, key, c->at);
			p = redact_value(p, c, &path);
		}
	}
	return p;
}

/* As deep as what is set whole: an error, its stack, the modules of that. */
uint8_t * /* NOLINTNEXTLINE(misc-no-recursion) */
redact_value(uint8_t *p, struct cursor *c, const struct redact_path *path)
{
	const uint8_t *from = c->at;
	struct mp_token t;
	if (!mp_next(c, &t) || (t.kind != MP_MAP && t.kind != MP_ARRAY))
		return put_bytes(p, from, c->at);
	if (t.kind == MP_MAP)
		return redact_pairs(p, c, t.len, path);
	p = put_bytes(p, from, c->at);
	for (uint32_t i = 0; i < t.len; i++)
		p = redact_value(p, c, path);
	return p;
}
