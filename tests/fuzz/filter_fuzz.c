/* SPDX-License-Identifier: ISC */
/* filter: any text is a filter or a mistake with a place in it; over any bytes it agrees with the plain event reader. */
#include "libbx/core/event.h"
#include "libbx/core/filter.h"
#include "tests/fuzz/fuzz.h"

static void
refused_in_its_text(const struct filter_error *err, size_t n)
{
	MUST(memchr(err->text, '\0', sizeof err->text) != NULL && err->text[0] != '\0');
	MUST(err->column >= 1 && err->column <= n + 1);
}

/* !(condition) must be true where the condition is false, and the other way round. */
static struct filter *
opposite_of(const char *text, size_t n)
{
	struct filter_error err;
	char *all = malloc(n + 4);
	MUST(all != NULL);
	int len = snprintf(all, n + 4, "!(%.*s)", (int)n, text);
	struct filter *f = filter_parse(all, (size_t)len, 0, &err); /* NULL where that is one too deep or too long */
	free(all);
	return f;
}

static void
decide(struct filter *f, struct filter *opposite, const uint8_t *p, size_t n)
{
	size_t used = 0, plain_used = 0, other_used = 0;
	bool match, other;
	struct event ev;
	enum bx_err err = filter_scan(f, p, n, &used, &match);
	enum bx_err plain = event_read(p, n, &ev, &plain_used);
	MUST((err == BX_OK) == (plain == BX_OK));
	MUST(err == BX_OK || !match);
	MUST(err != BX_OK || used == plain_used);
	if (!opposite || err != BX_OK)
		return;
	MUST(filter_scan(opposite, p, n, &other_used, &other) == BX_OK && other_used == used && other != match);
}

/* Reading an event and looking into it on the way finds what looking into it from its start finds. */
static void
decide_on_the_way(struct filter *f, const uint8_t *p, size_t n)
{
	enum { ROOM = 64 }; /* behind the event, so that it can be read as libbx writes it */
	size_t used = 0, read_used = 0;
	bool match;
	struct event ev, read;
	uint8_t *roomy = malloc(n + ROOM);
	MUST(roomy != NULL);
	memcpy(roomy, p, n);
	memset(roomy + n, 0xc1, ROOM);
	if (filter_scan(f, p, n, &used, &match) == BX_OK) {
		MUST(event_read(roomy, used + ROOM, &ev, &read_used) == BX_OK && read_used == used);
		MUST(filter_holds(f, &ev) == match);
		MUST(filter_read(f, roomy, used + ROOM, &read, &read_used) == BX_OK && read_used == used);
		MUST(read.written == ev.written && filter_holds(f, &read) == match);
	}
	free(roomy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *cut = n ? memchr(data, '\n', n) : NULL;
	size_t text_n = cut ? (size_t)(cut - data) : n;
	struct filter_error err;
	struct filter *f = filter_parse((const char *)data, text_n, 0, &err);
	if (!f) {
		refused_in_its_text(&err, text_n);
		return 0;
	}
	struct filter *opposite = memchr(data, '\0', text_n) ? NULL : opposite_of((const char *)data, text_n);
	decide(f, opposite, cut ? cut + 1 : data, cut ? n - text_n - 1 : 0);
	decide_on_the_way(f, cut ? cut + 1 : data, cut ? n - text_n - 1 : 0);
	filter_free(&f);
	filter_free(&opposite);
	return 0;
}
