/* SPDX-License-Identifier: ISC */
/* body: map_get is the only loop over pairs; a path is a walk of map_get. */
#include "oxview/body.h"

struct bytes
map_get(struct bytes map, const char *key, size_t key_len)
{
	struct cursor c;
	struct mp_token t;
	cursor_init(&c, map.p, map.n);
	if (!mp_next(&c, &t) || t.kind != MP_MAP)
		return (struct bytes){0};
	for (uint32_t i = 0, pairs = t.len; i < pairs; i++) {
		struct cursor at_key = c;
		if (!mp_next(&at_key, &t) || !mp_skip(&c))
			break;
		const uint8_t *value = c.at;
		if (!mp_skip(&c))
			break;
		if ((t.kind == MP_STR || t.kind == MP_BIN) && t.len == key_len && memcmp(t.data, key, key_len) == 0)
			return (struct bytes){value, (size_t)(c.at - value)};
	}
	return (struct bytes){0};
}

struct bytes
body_get(const struct event *ev, const char *path)
{
	struct bytes at = ev->body_is_map ? ev->body : (struct bytes){0};
	while (at.p && *path) {
		struct bytes next = {0};
		size_t n = strlen(path);
		while (!(next = map_get(at, path, n)).p && n > 0) {
			do
				n--;
			while (n > 0 && path[n] != '.');
		}
		at = next;
		path += n;
		if (*path == '.' && *++path == '\0') /* nothing is called so */
			return (struct bytes){0};
	}
	return at;
}

struct mp_token
object_token(struct bytes object)
{
	struct cursor c;
	struct mp_token t = {.kind = MP_NIL};
	cursor_init(&c, object.p, object.n);
	if (object.n > 0 && !mp_next(&c, &t))
		t = (struct mp_token){.kind = MP_NIL};
	return t;
}

struct bytes
object_text(struct bytes object)
{
	struct mp_token t = object_token(object);
	if (t.kind != MP_STR && t.kind != MP_BIN)
		return (struct bytes){0};
	return (struct bytes){t.data, t.len};
}

struct bytes
body_error(const struct event *ev)
{
	struct bytes error = ev->body_is_map ? map_get(ev->body, "error", 5) : (struct bytes){0};
	return object_token(error).kind == MP_NIL ? (struct bytes){0} : error;
}

bool
body_has_error(const struct event *ev)
{
	return body_error(ev).p != NULL;
}
