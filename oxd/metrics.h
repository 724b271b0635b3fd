/* SPDX-License-Identifier: ISC */
/*
 * metrics: the counter table and a few gauges as Prometheus reads them, over HTTP.
 *
 * A thread of libmicrohttpd's own answers; it reads atomics and asks nobody to wait.  Few connections, short ones, GET and
 * HEAD of one path only.  Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4).
 */
#ifndef BLUEOX_OXD_METRICS_H
#define BLUEOX_OXD_METRICS_H

#include "libbx/core/addr.h"
#include "oxd/journal.h"
#include "oxd/logwriter.h"

/* What is shown; all borrowed. */
struct metrics_world {
	const struct stats *stats;
	struct journal *journal;
	struct logwriter *logwriter; /* NULL: it writes no log files */
	int64_t started_ns;
};

/* Where to listen: `HOST:PORT[/path]`, HOST an address.  Path is /metrics when none is written. */
struct metrics_where {
	struct addr at;
	char path[128];
};

struct metrics;

/* NULL when it is well formed, else what is wrong with it. */
const char *metrics_where(const char *text, struct metrics_where *out);

/* Listens.  On failure one line in err. */
bool metrics_open(struct metrics **out, const struct metrics_where *where, const struct metrics_world *world, char *err,
    size_t err_cap);
void metrics_close(struct metrics **m);
uint16_t metrics_port(const struct metrics *m);

/* The text of the answer. */
void metrics_write(const struct metrics_world *world, struct buf *out);

#endif
