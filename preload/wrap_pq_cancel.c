/* SPDX-License-Identifier: ISC */
/*
 * wrap_pq_cancel: asking a server to give up what it does: `.sql.cancel`.
 *
 * PQcancel may be called in a signal handler, and psql does.  So nothing is allocated or looked up in a table there, and
 * the loader's lock is not taken.  The cancelled command tells of itself, by the server's error.
 */
#include "preload/real.h"

#include <errno.h>

#include "preload/pq_error.h"
#include "preload/span.h"
#include "preload/track.h"

struct request {
	const struct real_pq *real;
	bx_ctx *span; /* NULL: not recorded */
	int64_t begin_ns;
};

static void
request_begin(struct request *r, void *caller)
{
	bool inner;
	int saved = errno;
	r->begin_ns = 0;
	r->real = real_pq_in_handler(caller, &inner);
	r->span = !inner && span_on(KIND_SQL) ? span_begin_at(".sql.cancel", &r->begin_ns) : NULL;
	errno = saved;
}

static void
end(bx_ctx *span, int64_t begin_ns, bool asked, const char *message)
{
	if (!span)
		return;
	int saved = errno;
	int64_t now = span_clock_ns();
	span_set(span, "time", span_seconds(now - begin_ns));
	if (!asked)
		pq_error_text(span, NULL, message);
	span_end_at(span, now);
	errno = saved;
}

WRAPPER int
PQcancel(PGcancel *cancel, char *message, int size)
{
	struct request r;
	request_begin(&r, CALLER);
	int asked = r.real->PQcancel(cancel, message, size);
	end(r.span, r.begin_ns, asked, size > 0 ? message : NULL);
	return asked;
}

WRAPPER int
PQrequestCancel(PGconn *pg)
{
	struct request r;
	request_begin(&r, CALLER);
	int asked = r.real->PQrequestCancel(pg);
	end(r.span, r.begin_ns, asked, pg && !asked && r.span ? r.real->PQerrorMessage(pg) : NULL);
	return asked;
}

/* ---- by a connection of its own: libpq 17 ------------------------------------------------------------------------ */

/* A PGcancelConn that was started and not polled to its end. */
struct pending {
	struct track_node node;
	bx_ctx *span;
	int64_t begin_ns;
};

static struct track pendings = {.node_bytes = sizeof(struct pending)};

static const char *
why(const struct real_pq *real, const PGcancelConn *cancel)
{
	return real->PQcancelErrorMessage ? real->PQcancelErrorMessage(cancel) : NULL;
}

static void
pending_end(struct pending *p, bool asked, const char *message)
{
	bx_ctx *span = p->span;
	p->span = NULL;
	end(span, p->begin_ns, asked, message);
}

static void
pending_drop(const PGcancelConn *cancel)
{
	int saved = errno;
	struct pending *p = cancel ? (struct pending *)track_find(&pendings, cancel) : NULL;
	if (p) {
		if (p->span)
			span_set(p->span, "abandoned", (bool)true);
		pending_end(p, true, NULL);
		track_drop(&p->node);
	}
	errno = saved;
}

WRAPPER PGcancelConn *
newer_PQcancelCreate(PGconn *pg)
{
	bool inner;
	PGcancelConn *cancel = real_pq(CALLER, &inner)->PQcancelCreate(pg);
	pending_drop(cancel); /* one that lay there before */
	return cancel;
}
NEWER_WRAPPER(PQcancelCreate);

WRAPPER int
newer_PQcancelBlocking(PGcancelConn *cancel)
{
	struct request r;
	request_begin(&r, CALLER);
	int asked = r.real->PQcancelBlocking(cancel);
	end(r.span, r.begin_ns, asked, r.span && !asked ? why(r.real, cancel) : NULL);
	return asked;
}
NEWER_WRAPPER(PQcancelBlocking);

WRAPPER int
newer_PQcancelStart(PGcancelConn *cancel)
{
	struct request r;
	request_begin(&r, CALLER);
	int started = r.real->PQcancelStart(cancel);
	int saved = errno;
	struct pending *p = r.span && started && cancel ? (struct pending *)track_get(&pendings, cancel) : NULL;
	if (p) {
		p->span = r.span;
		p->begin_ns = r.begin_ns;
	} else {
		end(r.span, r.begin_ns, started, r.span && !started ? why(r.real, cancel) : NULL);
	}
	errno = saved;
	return started;
}
NEWER_WRAPPER(PQcancelStart);

WRAPPER PostgresPollingStatusType
newer_PQcancelPoll(PGcancelConn *cancel)
{
	bool inner;
	const struct real_pq *real = real_pq(CALLER, &inner);
	PostgresPollingStatusType status = real->PQcancelPoll(cancel);
	int saved = errno;
	struct pending *p = !inner && cancel ? (struct pending *)track_find(&pendings, cancel) : NULL;
	if (p && (status == PGRES_POLLING_OK || status == PGRES_POLLING_FAILED))
		pending_end(p, status == PGRES_POLLING_OK, why(real, cancel));
	errno = saved;
	return status;
}
NEWER_WRAPPER(PQcancelPoll);

WRAPPER void
newer_PQcancelReset(PGcancelConn *cancel)
{
	bool inner;
	const struct real_pq *real = real_pq(CALLER, &inner);
	if (!inner)
		pending_drop(cancel);
	real->PQcancelReset(cancel);
}
NEWER_WRAPPER(PQcancelReset);

WRAPPER void
newer_PQcancelFinish(PGcancelConn *cancel)
{
	bool inner;
	const struct real_pq *real = real_pq(CALLER, &inner);
	pending_drop(cancel);
	real->PQcancelFinish(cancel);
}
NEWER_WRAPPER(PQcancelFinish);
