/* SPDX-License-Identifier: ISC */
/*
 * loggen: writes N mixed events to standard output, as a log file holds them.
 *
 *     loggen N        requests, queries, cache calls and log lines, one in a hundred with an error and a stack
 *
 * They come from 8 hosts and are spread over 24 hours, whatever N is.  The same N gives the same bytes.
 */
/* LIBS: @B@/libbxparts.a */
#include <stdio.h>
#include <stdlib.h>

#include "libbx/core/id.h"
#include "libbx/core/mp.h"
#include "libbx/core/parse.h"

enum { DAY_S = 24 * 60 * 60, HOSTS = 8 };
enum { PER_REQUEST = 10 }; /* events of one request, the request itself the last of them */

struct generator {
	struct rand rand;
	char id[ID_LEN];
	char top_span[SPAN_LEN];
	char host[17];
	double now;  /* seconds since the epoch */
	double step; /* from event to event */
};

static void
add_head(struct buf *b, struct generator *g, const char *type, double took, bool top)
{
	mp_add_map(b, top ? 8 : 9);
	mp_add_strz(b, "id");
	mp_add_str(b, g->id, ID_LEN);
	mp_add_strz(b, "type");
	mp_add_strz(b, type);
	mp_add_strz(b, "host");
	mp_add_strz(b, g->host);
	mp_add_strz(b, "pid");
	mp_add_uint(b, 4000 + rand_u64(&g->rand) % 8);
	mp_add_strz(b, "start");
	mp_add_double(b, g->now);
	mp_add_strz(b, "end");
	mp_add_double(b, g->now + took);
	mp_add_strz(b, "body");
}

/* Behind the body, where libbx writes them. */
static void
add_spans(struct buf *b, struct generator *g, bool top)
{
	char span[SPAN_LEN];
	span_make(span, &g->rand);
	mp_add_strz(b, "span");
	mp_add_str(b, top ? g->top_span : span, SPAN_LEN);
	if (top)
		return;
	mp_add_strz(b, "parent");
	mp_add_str(b, g->top_span, SPAN_LEN);
}

static void
add_error(struct buf *b, struct generator *g)
{
	static const uint8_t build_id[20] = {1, 2, 3};
	mp_add_strz(b, "error");
	mp_add_map(b, 4);
	mp_add_strz(b, "class");
	mp_add_strz(b, "pq");
	mp_add_strz(b, "code");
	mp_add_strz(b, "42P01");
	mp_add_strz(b, "message");
	mp_add_strz(b, "relation \"baskets\" does not exist");
	mp_add_strz(b, "stack");
	mp_add_map(b, 2);
	mp_add_strz(b, "modules");
	mp_add_array(b, 1);
	mp_add_map(b, 2);
	mp_add_strz(b, "path");
	mp_add_strz(b, "/usr/lib/x86_64-linux-gnu/libpq.so.5.15");
	mp_add_strz(b, "build_id");
	mp_add_bin(b, build_id, sizeof build_id);
	mp_add_strz(b, "frames");
	mp_add_array(b, 12);
	for (int i = 0; i < 12; i++) {
		mp_add_array(b, 2);
		mp_add_uint(b, 0);
		mp_add_uint(b, rand_u64(&g->rand) % 400000);
	}
}

static void
add_query(struct buf *b, struct generator *g, double took)
{
	bool failed = rand_u64(&g->rand) % 100 == 0;
	add_head(b, g, "shop.request.sql", took, false);
	mp_add_map(b, failed ? 6 : 5);
	mp_add_strz(b, "query");
	mp_add_strz(b, "SELECT abalance FROM pgbench_accounts WHERE aid = $1 AND region = 'north \"and\" south'");
	mp_add_strz(b, "query_time");
	mp_add_double(b, took * 0.9);
	mp_add_strz(b, "row_count");
	mp_add_uint(b, rand_u64(&g->rand) % 300);
	mp_add_strz(b, "db");
	mp_add_strz(b, "shop");
	mp_add_strz(b, "user");
	mp_add_strz(b, "shop_app");
	if (failed)
		add_error(b, g);
	add_spans(b, g, false);
}

static void
add_cache_call(struct buf *b, struct generator *g, double took)
{
	add_head(b, g, "shop.request.memcache", took, false);
	mp_add_map(b, 4);
	mp_add_strz(b, "op");
	mp_add_strz(b, "get");
	mp_add_strz(b, "key");
	mp_add_strz(b, "basket:77123");
	mp_add_strz(b, "outcome");
	mp_add_strz(b, "hit");
	mp_add_strz(b, "time");
	mp_add_double(b, took);
	add_spans(b, g, false);
}

static void
add_log_line(struct buf *b, struct generator *g)
{
	add_head(b, g, "shop.request.log", 0, false);
	mp_add_map(b, 3);
	mp_add_strz(b, "name");
	mp_add_strz(b, "shop");
	mp_add_strz(b, "level");
	mp_add_strz(b, "info");
	mp_add_strz(b, "msg");
	mp_add_strz(b, "basket na\xc3\xafvely shown\nto the user, all 12 items of it");
	add_spans(b, g, false);
}

static void
add_request(struct buf *b, struct generator *g)
{
	add_head(b, g, "shop.request", 0.03, true);
	mp_add_map(b, 4);
	mp_add_strz(b, "path");
	mp_add_strz(b, "/basket/show");
	mp_add_strz(b, "user_agent");
	mp_add_strz(b, "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
	mp_add_strz(b, "response");
	mp_add_map(b, 2);
	mp_add_strz(b, "status");
	mp_add_uint(b, 200);
	mp_add_strz(b, "size");
	mp_add_uint(b, rand_u64(&g->rand) % 100000);
	mp_add_strz(b, "ok");
	mp_add_bool(b, true);
	add_spans(b, g, true);
}

static void
add_event(struct buf *b, struct generator *g, uint64_t i)
{
	unsigned place = (unsigned)(i % PER_REQUEST);
	double took = 0.0001 + rand_unit(&g->rand) * 0.002;
	if (place == 0) {
		id_make(g->id, (uint64_t)g->now, &g->rand);
		span_make(g->top_span, &g->rand);
		snprintf(g->host, sizeof g->host, "web%u.example.net", (unsigned)(rand_u64(&g->rand) % HOSTS));
	}
	if (place == PER_REQUEST - 1)
		add_request(b, g);
	else if (place == 4)
		add_log_line(b, g);
	else if (place % 2)
		add_cache_call(b, g, took);
	else
		add_query(b, g, took);
	g->now += g->step;
}

int
main(int argc, char **argv)
{
	struct generator g = {.rand = {{1, 2, 3, 4}}, .now = 1763769600};
	struct buf b = {0};
	uint64_t count;
	if (argc != 2 || !parse_uint(argv[1], &count)) {
		fprintf(stderr, "usage: loggen N >FILE\n");
		return 2;
	}
	g.step = count > 0 ? (double)DAY_S / (double)count : 0;
	for (uint64_t i = 0; i < count; i++) {
		add_event(&b, &g, i);
		if (b.len < 1 << 18 && i + 1 < count)
			continue;
		if (b.err != BX_OK || fwrite(b.data, 1, b.len, stdout) != b.len) {
			perror("loggen");
			return 1;
		}
		buf_clear(&b);
	}
	buf_fini(&b);
	return fflush(stdout) == 0 ? 0 : 1;
}
