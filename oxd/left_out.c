/* SPDX-License-Identifier: ISC */
/* left_out: a short list, looked through from its end, since events that are left out come in runs. */
#include "oxd/left_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/mp.h"
#include "oxd/statefile.h"

enum { PLAIN_MAX = 64, PLAIN_REASONS = 8 }; /* an item without host and rule, and of how many reasons there is room */

void
left_out_fini(struct left_out *l)
{
	free(l->items);
	*l = (struct left_out){0};
}

void
left_out_passed(struct left_out *l, size_t count)
{
	l->count -= count;
	if (l->count)
		memmove(l->items, l->items + count, l->count * sizeof *l->items);
}

/* Texts are the rules' own, and so are their places. */
static bool
is_that(const struct left_item *item, struct bytes host, const char *reason, const char *rule)
{
	return item->rule_at == rule && item->reason_at == reason && item->host_n == host.n &&
	       (host.n == 0 || memcmp(item->host, host.p, host.n) == 0);
}

static struct left_item *
find_or_add(struct left_out *l, struct bytes host, const char *reason, const char *rule)
{
	if (host.n >= sizeof l->items->host)
		host.n = sizeof l->items->host - 1;
	for (size_t i = l->count; i > 0; i--)
		if (is_that(&l->items[i - 1], host, reason, rule))
			return &l->items[i - 1];
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		struct left_item *grown = realloc(l->items, cap * sizeof *grown);
		if (!grown)
			abort(); /* what is dropped must be counted */
		l->items = grown;
		l->cap = cap;
	}
	struct left_item *item = &l->items[l->count++];
	*item = (struct left_item){.host_n = host.n, .reason_at = reason, .rule_at = rule};
	if (host.n)
		memcpy(item->host, host.p, host.n);
	snprintf(item->reason, sizeof item->reason, "%s", reason);
	snprintf(item->rule, sizeof item->rule, "%s", rule ? rule : "");
	return item;
}

void
left_out_outlive_rules(struct left_out *l)
{
	for (size_t i = 0; i < l->count; i++)
		l->items[i].reason_at = l->items[i].rule_at = NULL;
}

void
left_out_add(
    struct left_out *l, struct bytes host, const char *reason, const char *rule, uint64_t events, uint64_t bytes)
{
	if (events == 0)
		return;
	struct left_item *item = find_or_add(l, host, reason, rule);
	item->events += events;
	item->bytes += bytes;
}

static void
add_or_nil(struct buf *b, const char *s)
{
	if (s[0])
		mp_add_text(b, s);
	else
		mp_add_nil(b);
}

static void
encode(const struct left_item *item, struct buf *out)
{
	mp_add_array(out, 5);
	add_or_nil(out, item->host);
	mp_add_text(out, item->reason);
	add_or_nil(out, item->rule);
	mp_add_uint(out, item->events);
	mp_add_uint(out, item->bytes);
}

/* What is told without its rule: one item a reason. */
struct plain {
	struct left_item items[PLAIN_REASONS];
	size_t count;
};

/* There are half as many reasons as there is room for; one too many would be told by the name of the last. */
static void
plain_add(struct plain *plain, const struct left_item *from)
{
	size_t i = 0;
	while (i < plain->count && strcmp(plain->items[i].reason, from->reason) != 0)
		i++;
	if (i == PLAIN_REASONS)
		i--;
	else if (i == plain->count)
		memcpy(plain->items[plain->count++].reason, from->reason, sizeof from->reason);
	plain->items[i].events += from->events;
	plain->items[i].bytes += from->bytes;
}

void
left_out_encode(struct left_out *l, size_t *at, bool all, size_t most, struct buf *out)
{
	size_t start = out->len, room = all ? most - PLAIN_REASONS * PLAIN_MAX : most;
	struct plain rest = {0};
	for (; *at < l->count; ++*at) {
		size_t before = out->len;
		encode(&l->items[*at], out);
		if (out->len - start <= room)
			continue;
		out->len = before;
		if (!all)
			break;
		plain_add(&rest, &l->items[*at]);
	}
	for (size_t i = 0; i < rest.count; i++)
		encode(&rest.items[i], out);
}

static bool
take_text(struct cursor *c, char *out, size_t cap)
{
	struct mp_token t;
	if (!mp_next(c, &t))
		return false;
	if (t.kind == MP_NIL)
		return true;
	if ((t.kind != MP_STR && t.kind != MP_BIN) || t.len >= cap)
		return cursor_fail(c, BX_EBAD), false;
	memcpy(out, t.data, t.len);
	return true;
}

bool
left_out_next(struct cursor *c, struct left_item *item)
{
	*item = (struct left_item){0};
	if (cursor_left(c) == 0)
		return false;
	uint32_t n = statefile_array(c, 5);
	if (!take_text(c, item->host, sizeof item->host) || !take_text(c, item->reason, sizeof item->reason) ||
	    !take_text(c, item->rule, sizeof item->rule))
		return false;
	item->events = statefile_uint(c);
	item->bytes = statefile_uint(c);
	for (uint32_t i = 5; i < n && mp_skip(c); i++)
		;
	return c->err == BX_OK;
}
