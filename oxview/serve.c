/* SPDX-License-Identifier: ISC */
/* serve: a thread a connection, by libmicrohttpd; the questions queue up behind one lock. */
#include "oxview/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libbx/core/addr.h"
#include "libbx/core/clock.h"
#include "oxview/debuginfod.h"
#include "oxview/report_json.h"
#include "oxview/report_page.h"
#include "oxview/serve_query.h"

enum {
	SERVE_PORT = 8513,
	CONNECTIONS = 32,
	CONNECTIONS_OF_ONE = 16,
	PATIENCE_S = 30,
	MEMORY = 16 * 1024, /* of a connection: a request must fit */
	PAGE_NAME = 32,
	WAITING = 8, /* questions that may wait for their turn */
	PAGES_KNOWN = 32,
};

static const int64_t symbols_kept_ns = INT64_C(600) * 1000000000; /* then what was not found is looked for anew */

struct question {
	char page[PAGE_NAME + 1];
	uint64_t number; /* of the page's questions; 0: it does not say */
	atomic_bool cancelled;
	struct question *next;
};

struct page_seen {
	char page[PAGE_NAME + 1];
	uint64_t number;
};

struct server {
	const struct conf *conf;
	struct serve_recent *recent; /* NULL: no oxd is listened to */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct question *first; /* the one that is worked on, and those that wait */
	size_t count;
	struct page_seen pages[PAGES_KNOWN]; /* the latest number of each, in the order in which they came */
	size_t page_at;
	bool ends;
	/* Of whose turn it is. */
	struct symbolizer *symbols; /* owned; NULL: none yet */
	int64_t symbols_made_ns;
};

/* ---- turns ------------------------------------------------------------------------------------------------------- */

/* Questions may come in another order than they were asked.  True: a newer one of this page was here before. */
static bool
is_overtaken(struct server *s, const struct question *q)
{
	struct page_seen *p = NULL;
	if (!q->page[0] || q->number == 0)
		return false;
	for (size_t i = 0; i < PAGES_KNOWN && !p; i++)
		if (strcmp(s->pages[i].page, q->page) == 0)
			p = &s->pages[i];
	if (p && p->number > q->number)
		return true;
	if (!p) {
		p = &s->pages[s->page_at++ % PAGES_KNOWN];
		memcpy(p->page, q->page, sizeof p->page);
	}
	p->number = q->number;
	return false;
}

/* Waits for its turn, in which it may find itself cancelled.  False: too many wait. */
static bool
turn_take(struct server *s, struct question *q)
{
	pthread_mutex_lock(&s->lock);
	struct question **at = &s->first;
	if (is_overtaken(s, q))
		atomic_store(&q->cancelled, true);
	for (; *at; at = &(*at)->next)
		if (!atomic_load(&q->cancelled) && q->page[0] && strcmp((*at)->page, q->page) == 0)
			atomic_store(&(*at)->cancelled, true);
	bool room = s->count < WAITING && !s->ends;
	if (room) {
		*at = q;
		s->count++;
		pthread_cond_broadcast(&s->changed);
		while (s->first != q)
			pthread_cond_wait(&s->changed, &s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return room;
}

static void
turn_give_back(struct server *s, struct question *q)
{
	pthread_mutex_lock(&s->lock);
	s->first = q->next;
	s->count--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void
cancel_all(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->ends = true;
	for (struct question *q = s->first; q; q = q->next)
		atomic_store(&q->cancelled, true);
	pthread_mutex_unlock(&s->lock);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static enum MHD_Result
send_response(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response, const char *type)
{
	static const struct {
		const char *name, *value;
	} always[] = {
	    {"Content-Security-Policy", "frame-ancestors 'none'"},
	    {"X-Frame-Options", "DENY"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"Referrer-Policy", "no-referrer"},
	    {"Cross-Origin-Resource-Policy", "same-origin"},
	    {"Cross-Origin-Opener-Policy", "same-origin"},
	    {"Cache-Control", "no-store"},
	};
	if (!response)
		return MHD_NO;
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		MHD_add_response_header(response, always[i].name, always[i].value);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET");
	enum MHD_Result queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result
send_buf(struct MHD_Connection *connection, unsigned status, const struct buf *text, const char *type)
{
	if (text->err != BX_OK)
		return MHD_NO;
	return send_response(
	    connection, status, MHD_create_response_from_buffer(text->len, text->data, MHD_RESPMEM_MUST_COPY), type);
}

static enum MHD_Result
send_text(struct MHD_Connection *connection, unsigned status, const char *words)
{
	struct buf text = {0};
	buf_printf(&text, "%s\n", words);
	enum MHD_Result queued = send_buf(connection, status, &text, "text/plain; charset=utf-8");
	buf_fini(&text);
	return queued;
}

/* What went wrong, as the page shows it. */
static enum MHD_Result
send_error(struct MHD_Connection *connection, unsigned status, const void *words, size_t n)
{
	struct buf json = {0}, safe = {0};
	buf_puts(&json, "{\"error\":");
	report_text_whole(&json, (struct bytes){words, n});
	buf_putc(&json, '}');
	report_embed(&safe, json.data, json.len);
	if (json.err != BX_OK)
		safe.err = json.err;
	enum MHD_Result queued = send_buf(connection, status, &safe, "application/json");
	buf_fini(&json);
	buf_fini(&safe);
	return queued;
}

static void
put_member(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "\"%s\":", key);
	report_text_whole(out, (struct bytes){(const uint8_t *)(text ? text : ""), text ? strlen(text) : 0});
	buf_putc(out, ',');
}

static enum MHD_Result
send_page(const struct server *s, struct MHD_Connection *connection)
{
	const struct conf *c = s->conf;
	struct buf page = {0}, json = {0}, types = {0};
	for (size_t i = 0; i < c->type_names.count; i++)
		buf_printf(&types, "%s%s", i ? ", " : "", c->type_names.items[i]);
	buf_putc(&types, '\0');
	buf_puts(&json, "{\"live\":{");
	put_member(&json, "where", c->where);
	put_member(&json, "type", types.err == BX_OK ? (const char *)types.data : "");
	put_member(&json, "to", c->end_date);
	put_member(&json, "from", c->start_date ? c->start_date : c->id || c->end_date ? "" : "-1h");
	json.len--;
	buf_puts(&json, "},");
	put_member(&json, "source", c->log_path);
	json.len--;
	buf_putc(&json, '}');
	report_page_head(&page);
	report_embed(&page, json.data, json.len);
	report_page_tail(&page);
	page.err = page.err != BX_OK ? page.err : json.err;
	enum MHD_Result queued = send_buf(connection, MHD_HTTP_OK, &page, "text/html; charset=utf-8");
	buf_fini(&types);
	buf_fini(&json);
	buf_fini(&page);
	return queued;
}

static const char *
argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static struct symbolizer *
symbols_of(struct server *s)
{
	int64_t now_ns = clock_mono_ns();
	if (s->symbols && now_ns - s->symbols_made_ns > symbols_kept_ns)
		symbolizer_free(&s->symbols);
	if (!s->symbols) {
		s->symbols = symbolizer_new(0);
		s->symbols_made_ns = now_ns;
	}
	return s->symbols;
}

/* The answer goes into a file in memory, so that it is there once however large it is. */
static enum MHD_Result
ask(struct server *s, struct MHD_Connection *connection, struct question *q, const struct query_texts *texts)
{
	static const char cancelled[] = "a newer question took its place", failed[] = "out of memory";
	struct out out;
	struct buf wrong = {0};
	int fd = memfd_create("oxview-answer", MFD_CLOEXEC);
	enum MHD_Result queued;
	out_init(&out, fd, false);
	enum query_result result =
	    fd < 0 ? QUERY_FAILED : serve_query(s->conf, texts, s->recent, symbols_of(s), &q->cancelled, &out, &wrong);
	off_t size = result == QUERY_ANSWERED ? lseek(fd, 0, SEEK_END) : -1;
	if (size >= 0) {
		queued = send_response(
		    connection, MHD_HTTP_OK, MHD_create_response_from_fd((uint64_t)size, fd), "application/json");
		fd = -1; /* the response's */
	} else if (result == QUERY_WRONG) {
		queued = send_error(connection, MHD_HTTP_BAD_REQUEST, wrong.data, wrong.len);
	} else if (result == QUERY_CANCELLED) {
		queued = send_error(connection, MHD_HTTP_CONFLICT, cancelled, sizeof cancelled - 1);
	} else {
		queued = send_error(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, failed, sizeof failed - 1);
	}
	if (fd >= 0)
		close(fd);
	out_fini(&out);
	buf_fini(&wrong);
	return queued;
}

static enum MHD_Result
send_data(struct server *s, struct MHD_Connection *connection)
{
	static const char too_long[] = "a text is too long",
			  too_many[] = "too many questions at once; ask again in a moment";
	const struct query_texts texts = {argument(connection, "where"), argument(connection, "type"),
	    argument(connection, "from"), argument(connection, "to")};
	const char *const all[] = {texts.where, texts.types, texts.from, texts.to};
	const char *page = argument(connection, "page"), *number = argument(connection, "number");
	struct question q = {.number = number ? strtoull(number, NULL, 10) : 0};
	snprintf(q.page, sizeof q.page, "%s", page ? page : "");
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] && strlen(all[i]) > QUERY_TEXT)
			return send_error(connection, MHD_HTTP_BAD_REQUEST, too_long, sizeof too_long - 1);
	if (!turn_take(s, &q))
		return send_error(connection, MHD_HTTP_SERVICE_UNAVAILABLE, too_many, sizeof too_many - 1);
	enum MHD_Result queued = ask(s, connection, &q, &texts);
	turn_give_back(s, &q);
	return queued;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

bool
serve_host_is_fine(const char *host)
{
	struct addr a;
	uint8_t bytes[16];
	if (!host || addr_parse(host, "", SERVE_PORT, &a) || a.ipc)
		return false;
	return strcmp(a.host, "localhost") == 0 || inet_pton(AF_INET, a.host, bytes) == 1 ||
	       inet_pton(AF_INET6, a.host, bytes) == 1;
}

static bool
comes_from_here(struct MHD_Connection *connection)
{
	const char *site = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Sec-Fetch-Site");
	return !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

static enum MHD_Result
take_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_n, void **state)
{
	static int seen;
	struct server *s = arg;
	(void)version;
	(void)upload;
	if (!*state) { /* the headers are there; the answer comes with the next call */
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_n) { /* a body, which nobody asked for */
		*upload_n = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") != 0)
		return send_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET");
	if (!serve_host_is_fine(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST)))
		return send_text(
		    connection, MHD_HTTP_MISDIRECTED_REQUEST, "ask for this page by address, or as localhost");
	if (strcmp(url, "/") == 0)
		return send_page(s, connection);
	if (strcmp(url, "/data") != 0)
		return send_text(connection, MHD_HTTP_NOT_FOUND, "there are / and /data");
	if (!comes_from_here(connection))
		return send_text(connection, MHD_HTTP_FORBIDDEN, "asked from the page of another site");
	return send_data(s, connection);
}

const char *
serve_where(const char *text, struct addr *out)
{
	uint8_t bytes[16];
	const char *wrong = addr_parse(text, "127.0.0.1", SERVE_PORT, out);
	if (wrong || out->ipc)
		return wrong ? wrong : "is no HOST:PORT";
	if (strcmp(out->host, "localhost") == 0)
		memcpy(out->host, "127.0.0.1", sizeof "127.0.0.1");
	if (strcmp(out->host, "*") == 0)
		memcpy(out->host, "0.0.0.0", sizeof "0.0.0.0");
	if (inet_pton(AF_INET, out->host, bytes) != 1 && inet_pton(AF_INET6, out->host, bytes) != 1)
		return "is no address: a name is not looked up here";
	return NULL;
}

static struct MHD_Daemon *
listen_at(struct server *s, const struct addr *where)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = {0};
	bool v6 = strchr(where->host, ':') != NULL;
	if (v6) {
		at.v6.sin6_family = AF_INET6;
		at.v6.sin6_port = htons(where->port);
		inet_pton(AF_INET6, where->host, &at.v6.sin6_addr);
	} else {
		at.v4.sin_family = AF_INET;
		at.v4.sin_port = htons(where->port);
		inet_pton(AF_INET, where->host, &at.v4.sin_addr);
	}
	return MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | (v6 ? MHD_USE_IPv6 : 0), where->port,
	    NULL, NULL, take_request, s, MHD_OPTION_SOCK_ADDR, &at.any, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_OF_ONE,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PATIENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
	    MHD_OPTION_END);
}

static void
say_address(const struct addr *where, struct MHD_Daemon *daemon, struct out *out, struct trouble *trouble)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	bool v6 = strchr(where->host, ':') != NULL;
	buf_printf(&out->buf, "http://%s%s%s:%u/\n", v6 ? "[" : "", where->host, v6 ? "]" : "",
	    info ? info->port : where->port);
	out_flush(out);
	if (!addr_is_local(where))
		trouble_tell(trouble, "--serve %s: whoever reaches this address can read all events", where->host);
}

void
serve(const struct conf *conf, struct out *out, struct trouble *trouble)
{
	struct server s = {.conf = conf, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct addr where;
	sigset_t ends;
	int number;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ends, NULL); /* in every thread that is made from now on */
	signal(SIGPIPE, SIG_IGN);
	debuginfod_refuse(); /* a page is not kept waiting, and the deadline is one thread's */
	serve_where(conf->serve, &where);
	if (conf->host && !(s.recent = serve_recent_open(conf))) {
		trouble_add(trouble, "out of memory for --serve");
		return;
	}
	struct MHD_Daemon *daemon = listen_at(&s, &where);
	if (daemon) {
		say_address(&where, daemon, out, trouble);
		sigwait(&ends, &number);
		cancel_all(&s);
		MHD_stop_daemon(daemon);
	} else {
		trouble_add(trouble, "--serve %s: %s", conf->serve, strerror(errno));
	}
	serve_recent_close(&s.recent);
	symbolizer_free(&s.symbols);
}
