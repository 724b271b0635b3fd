/* SPDX-License-Identifier: ISC */
/* upstream: prefixes, default ports, and a small state file. */
#include "oxd/upstream.h"

#include <stdio.h>
#include <string.h>

#include "libbx/core/mp.h"
#include "oxd/statefile.h"

enum { COLLECT_PORT = 3514 };

#define NAME "upstreams"

const char *
upstream_parse(const char *text, struct upstream *out)
{
	struct addr where;
	*out = (struct upstream){0};
	if (strlen(text) >= sizeof out->text)
		return "it is too long";
	bool relay = strncmp(text, "relay://", 8) == 0;
	out->push = strncmp(text, "push://", 7) == 0;
	const char *rest = text + (relay ? 8 : out->push ? 7 : 0);
	const char *wrong = addr_parse(rest, "127.0.0.1", relay ? COLLECT_PORT + 1 : COLLECT_PORT, &where);
	if (wrong)
		return wrong;
	if (!where.ipc && where.port == 0)
		return "port 0 is no place to send to";
	if (!where.ipc && strcmp(where.host, "*") == 0)
		return "'*' is no place to send to";
	if (!relay && !out->push) { /* the collection port was named */
		if (where.ipc && strlen(where.host) + strlen(".relay") >= sizeof where.host)
			return "the path is too long";
		if (where.ipc)
			strcat(where.host, ".relay");
		if (!where.ipc && where.port == 65535)
			return "there is no port behind 65535";
		where.port++;
	}
	addr_endpoint(&where, out->endpoint);
	out->v6 = strchr(where.host, ':') != NULL;
	memcpy(out->text, text, strlen(text) + 1);
	return NULL;
}

static size_t
place_of(const struct upstreams *u, const char *text)
{
	for (size_t i = 0; i < u->count; i++)
		if (strcmp(u->list[i].text, text) == 0)
			return i;
	return u->count;
}

const char *
upstreams_add(struct upstreams *u, const char *text)
{
	struct upstream one;
	const char *wrong = upstream_parse(text, &one);
	if (wrong)
		return wrong;
	if (place_of(u, text) < u->count)
		return NULL;
	if (u->count == UPSTREAMS_MAX)
		return "there are 16 already";
	u->list[u->count++] = one;
	return NULL;
}

bool
upstreams_remove(struct upstreams *u, const char *text)
{
	size_t i = place_of(u, text);
	if (i == u->count)
		return false;
	memmove(&u->list[i], &u->list[i + 1], (u->count - i - 1) * sizeof *u->list);
	u->count--;
	return true;
}

bool
upstreams_equal(const struct upstreams *a, const struct upstreams *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->list[i].text, b->list[i].text) == 0;
	return same;
}

static void
encode(struct buf *b, const char *key, const struct upstreams *u)
{
	mp_add_strz(b, key);
	mp_add_array(b, (uint32_t)u->count);
	for (size_t i = 0; i < u->count; i++)
		mp_add_strz(b, u->list[i].text);
}

static void
decode(struct cursor *c, struct upstreams *u)
{
	struct mp_token list, t;
	if (!mp_next(c, &list) || list.kind != MP_ARRAY) {
		cursor_fail(c, BX_EBAD);
		return;
	}
	for (uint32_t i = 0; i < list.len && mp_next(c, &t); i++) {
		char text[UPSTREAM_TEXT];
		if (t.kind != MP_STR || t.len >= sizeof text) {
			cursor_fail(c, BX_EBAD);
			return;
		}
		memcpy(text, t.data, t.len);
		text[t.len] = '\0';
		if (upstreams_add(u, text))
			cursor_fail(c, BX_EBAD);
	}
}

static bool
read_file(int state_fd, bool prev, struct upstreams *settings, struct upstreams *list)
{
	struct buf b = {0};
	struct cursor c;
	struct mp_token top, key;
	*settings = *list = (struct upstreams){0};
	bool ok = statefile_read(state_fd, NAME, prev, STATEFILE_UPSTREAMS, &b) == BX_OK;
	cursor_init(&c, b.data, b.len);
	ok = ok && mp_next(&c, &top) && top.kind == MP_MAP;
	for (uint32_t i = 0; ok && i < top.len && mp_next(&c, &key); i++) {
		if (mp_str_is(&key, "settings"))
			decode(&c, settings);
		else if (mp_str_is(&key, "forward"))
			decode(&c, list);
		else
			mp_skip(&c);
	}
	ok = ok && cursor_err(&c) == BX_OK;
	buf_fini(&b);
	return ok;
}

void
upstreams_load(int state_fd, const struct upstreams *settings, struct upstreams *out)
{
	struct upstreams then, list;
	bool found = read_file(state_fd, false, &then, &list) || read_file(state_fd, true, &then, &list);
	*out = found && upstreams_equal(&then, settings) ? list : *settings;
}

bool
upstreams_save(int state_fd, const struct upstreams *settings, const struct upstreams *list)
{
	struct buf b = {0};
	mp_add_map(&b, 2);
	encode(&b, "settings", settings);
	encode(&b, "forward", list);
	bool ok = b.err == BX_OK && statefile_write(state_fd, NAME, STATEFILE_UPSTREAMS, &b) == BX_OK;
	buf_fini(&b);
	return ok;
}
