/* SPDX-License-Identifier: ISC */
/* metrics: a table of gauges beside the table of counters. */
#include "oxd/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/blueox.h"
#include "libbx/core/addr.h"
#include "libbx/core/clock.h"

enum { METRICS_PORT = 9513, CONNECTIONS = 16, CONNECTIONS_OF_ONE = 4, PATIENCE_S = 10, MEMORY = 16 * 1024 };

struct metrics {
	struct metrics_world world;
	struct metrics_where where;
	struct MHD_Daemon *daemon;
};

/* ---- the text ---------------------------------------------------------------------------------------------------- */

static uint64_t
journal_bytes(const struct metrics_world *w)
{
	uint64_t bytes, segments;
	journal_usage(w->journal, &bytes, &segments);
	return bytes;
}

static uint64_t
journal_segments(const struct metrics_world *w)
{
	uint64_t bytes, segments;
	journal_usage(w->journal, &bytes, &segments);
	return segments;
}

static uint64_t
records_unsynced(const struct metrics_world *w)
{
	uint64_t synced = journal_synced(w->journal), last = journal_last(w->journal);
	return last > synced ? last - synced : 0;
}

static uint64_t
records_unlogged(const struct metrics_world *w)
{
	uint64_t written = w->logwriter ? logwriter_written(w->logwriter) : 0, synced = journal_synced(w->journal);
	return w->logwriter && synced > written ? synced - written : 0;
}

static uint64_t
runs(const struct metrics_world *w)
{
	return journal_state(w->journal) == JOURNAL_RUNS;
}

static const struct {
	const char *name, *help;
	uint64_t (*value)(const struct metrics_world *w);
} gauges[] = {
    {"oxd_up", "1 while events are taken in, 0 while intake is blocked or the journal has failed", runs},
    {"oxd_journal_disk_bytes", "bytes that the journal takes on disk", journal_bytes},
    {"oxd_journal_segments", "segments of the journal", journal_segments},
    {"oxd_journal_unsynced_records", "journal records that are not durable yet", records_unsynced},
    {"oxd_log_waiting_records", "durable journal records that are not in log files yet", records_unlogged},
};

/* In help a backslash and a newline are written as two characters. */
static void
put_help(struct buf *out, const char *name, const char *help, const char *type)
{
	buf_printf(out, "# HELP %s ", name);
	for (; *help; help++) {
		if (*help == '\\')
			buf_puts(out, "\\\\");
		else if (*help == '\n')
			buf_puts(out, "\\n");
		else
			buf_putc(out, *help);
	}
	buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

void
metrics_write(const struct metrics_world *world, struct buf *out)
{
	put_help(out, "oxd_build_info", "the version, as a label", "gauge");
	buf_printf(out, "oxd_build_info{version=\"%s\"} 1\n", BX_VERSION);
	put_help(out, "oxd_start_time_seconds", "when this oxd started, in seconds since the epoch", "gauge");
	buf_printf(out, "oxd_start_time_seconds %.3f\n", clock_seconds(world->started_ns));
	for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
		put_help(out, gauges[i].name, gauges[i].help, "gauge");
		buf_printf(out, "%s %" PRIu64 "\n", gauges[i].name, gauges[i].value(world));
	}
	for (int i = 0; i < STAT_COUNT; i++) {
		char name[128];
		snprintf(name, sizeof name, "oxd_%s_total", stat_name((enum counter)i));
		put_help(out, name, stat_sentence((enum counter)i), "counter");
		buf_printf(out, "%s %" PRIu64 "\n", name, stats_get(world->stats, (enum counter)i));
	}
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, const struct buf *text, const char *type)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(text->len, text->data, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result
take_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_n, void **state)
{
	static int seen;
	struct metrics *m = arg;
	struct buf text = {0};
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
	unsigned status = MHD_HTTP_OK;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
	else if (strcmp(url, m->where.path) != 0)
		status = MHD_HTTP_NOT_FOUND;
	if (status == MHD_HTTP_OK)
		metrics_write(&m->world, &text);
	else
		buf_printf(&text, "GET %s\n", m->where.path);
	enum MHD_Result queued =
	    text.err != BX_OK ? MHD_NO
			      : answer(connection, status, &text,
				    status == MHD_HTTP_OK ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain");
	buf_fini(&text);
	return queued;
}

const char *
metrics_where(const char *text, struct metrics_where *out)
{
	char address[ADDR_HOST_MAX];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	*out = (struct metrics_where){0};
	if (n >= sizeof address || (slash && strlen(slash) >= sizeof out->path))
		return "is too long";
	memcpy(address, text, n);
	address[n] = '\0';
	snprintf(out->path, sizeof out->path, "%s", slash ? slash : "/metrics");
	const char *wrong = addr_parse(address, "127.0.0.1", METRICS_PORT, &out->at);
	uint8_t bytes[16];
	if (wrong || out->at.ipc)
		return wrong ? wrong : "is no HOST:PORT/path";
	if (strcmp(out->at.host, "localhost") == 0)
		memcpy(out->at.host, "127.0.0.1", sizeof "127.0.0.1");
	if (strcmp(out->at.host, "*") == 0)
		memcpy(out->at.host, "0.0.0.0", sizeof "0.0.0.0");
	if (inet_pton(AF_INET, out->at.host, bytes) != 1 && inet_pton(AF_INET6, out->at.host, bytes) != 1)
		return "is no address: a name is not looked up here";
	return NULL;
}

bool
metrics_open(struct metrics **out, const struct metrics_where *where, const struct metrics_world *world, char *err,
    size_t err_cap)
{
	struct metrics *m = calloc(1, sizeof *m);
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = {0};
	bool v6 = strchr(where->at.host, ':') != NULL;
	if (!m) {
		snprintf(err, err_cap, "out of memory");
		return false;
	}
	m->world = *world;
	m->where = *where;
	if (v6) {
		at.v6.sin6_family = AF_INET6;
		at.v6.sin6_port = htons(where->at.port);
		inet_pton(AF_INET6, where->at.host, &at.v6.sin6_addr);
	} else {
		at.v4.sin_family = AF_INET;
		at.v4.sin_port = htons(where->at.port);
		inet_pton(AF_INET, where->at.host, &at.v4.sin_addr);
	}
	m->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | (v6 ? MHD_USE_IPv6 : 0), where->at.port, NULL,
	    NULL, take_request, m, MHD_OPTION_SOCK_ADDR, &at.any, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_OF_ONE, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)PATIENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY, MHD_OPTION_END);
	if (!m->daemon) {
		snprintf(err, err_cap, "metrics at %s:%u: %s", where->at.host, where->at.port, strerror(errno));
		free(m);
		return false;
	}
	*out = m;
	return true;
}

void
metrics_close(struct metrics **mp)
{
	if (!*mp)
		return;
	MHD_stop_daemon((*mp)->daemon);
	free(*mp);
	*mp = NULL;
}

uint16_t
metrics_port(const struct metrics *m)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_BIND_PORT);
	return info ? info->port : 0;
}
