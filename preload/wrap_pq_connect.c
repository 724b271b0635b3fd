/* SPDX-License-Identifier: ISC */
/* wrap_pq_connect: connections as they are made, tried, made anew and given up: `.sql.connect`. */
#include "preload/real.h"

#include <errno.h>

#include "preload/pq_conn.h"
#include "preload/pq_connect.h"

struct attempt {
	const struct real_pq *real;
	bx_ctx *span; /* NULL: not recorded */
	int64_t begin_ns;
};

/* True: recorded. */
static bool
attempt_begin(struct attempt *a, void *caller)
{
	bool inner;
	a->span = NULL;
	a->real = real_pq(caller, &inner);
	if (inner || !span_on(KIND_SQL))
		return false;
	int saved = errno;
	a->span = span_begin_at(".sql.connect", &a->begin_ns);
	errno = saved;
	return a->span != NULL;
}

/* Where a connection lies now, one may have lain whose end we did not see. */
static void
forget_old(const struct real_pq *real, const PGconn *pg)
{
	struct pq_conn *old = pg ? pq_conn_find(pg) : NULL;
	if (old)
		pq_conn_drop(old, real, pg);
}

/* `pending`: the attempt goes on in polls, and its connection keeps it; NULL: this is its end. */
static void
attempt_leave(struct attempt *a, struct pq_conn *pending, const PGconn *pg)
{
	if (pending) {
		pending->connecting = a->span;
		pending->connecting_ns = a->begin_ns;
	} else {
		pq_connect_end(a->span, a->begin_ns, a->real, pg, false);
	}
}

static PGconn *
attempt_end(struct attempt *a, PGconn *pg)
{
	if (!a->span)
		return pg;
	int saved = errno;
	forget_old(a->real, pg);
	attempt_leave(a, NULL, pg);
	errno = saved;
	return pg;
}

WRAPPER PGconn *
PQconnectdb(const char *info)
{
	struct attempt a;
	attempt_begin(&a, CALLER);
	return attempt_end(&a, a.real->PQconnectdb(info));
}

WRAPPER PGconn *
PQconnectdbParams(const char *const *keywords, const char *const *values, int expand_dbname)
{
	struct attempt a;
	attempt_begin(&a, CALLER);
	return attempt_end(&a, a.real->PQconnectdbParams(keywords, values, expand_dbname));
}

WRAPPER PGconn *
PQsetdbLogin(const char *host, const char *port, const char *options, const char *tty, const char *db, const char *user,
    const char *password)
{
	struct attempt a;
	attempt_begin(&a, CALLER);
	return attempt_end(&a, a.real->PQsetdbLogin(host, port, options, tty, db, user, password));
}

/* ---- without waiting --------------------------------------------------------------------------------------------- */

static void
connecting_end(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg)
{
	pq_connect_end(conn->connecting, conn->connecting_ns, real, pg, false);
	conn->connecting = NULL;
}

static PGconn *
start_end(struct attempt *a, PGconn *pg)
{
	if (!a->span)
		return pg;
	int saved = errno;
	forget_old(a->real, pg);
	attempt_leave(a, pg && a->real->PQstatus(pg) != CONNECTION_BAD ? pq_conn_get(pg) : NULL, pg);
	errno = saved;
	return pg;
}

WRAPPER PGconn *
PQconnectStart(const char *info)
{
	struct attempt a;
	attempt_begin(&a, CALLER);
	return start_end(&a, a.real->PQconnectStart(info));
}

WRAPPER PGconn *
PQconnectStartParams(const char *const *keywords, const char *const *values, int expand_dbname)
{
	struct attempt a;
	attempt_begin(&a, CALLER);
	return start_end(&a, a.real->PQconnectStartParams(keywords, values, expand_dbname));
}

/* A connection whose beginning somebody else may have seen; NULL: nothing to note. */
static struct pq_conn *
known(const struct real_pq **real, void *caller, const PGconn *pg)
{
	bool inner;
	*real = real_pq(caller, &inner);
	return !inner && pg && span_on(KIND_SQL) ? pq_conn_find(pg) : NULL;
}

static PostgresPollingStatusType
poll_end(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg, PostgresPollingStatusType status)
{
	int saved = errno;
	if (conn && conn->connecting && (status == PGRES_POLLING_OK || status == PGRES_POLLING_FAILED))
		connecting_end(conn, real, pg);
	errno = saved;
	return status;
}

WRAPPER PostgresPollingStatusType
PQconnectPoll(PGconn *pg)
{
	const struct real_pq *real;
	struct pq_conn *conn = known(&real, CALLER, pg);
	return poll_end(conn, real, pg, real->PQconnectPoll(pg));
}

/* ---- made anew --------------------------------------------------------------------------------------------------- */

/* What was in flight is over; the state of the connection stays. */
static void
reset_begin(struct attempt *a, void *caller, PGconn *pg)
{
	if (!pg) {
		bool inner;
		a->real = real_pq(caller, &inner);
		a->span = NULL;
		return;
	}
	if (!attempt_begin(a, caller))
		return;
	int saved = errno;
	struct pq_conn *conn = pq_conn_find(pg);
	if (conn)
		pq_conn_reset(conn, a->real, pg);
	span_set(a->span, "reset", (bool)true);
	errno = saved;
}

WRAPPER void
PQreset(PGconn *pg)
{
	struct attempt a;
	reset_begin(&a, CALLER, pg);
	a.real->PQreset(pg);
	int saved = errno;
	if (a.span)
		attempt_leave(&a, NULL, pg);
	errno = saved;
}

WRAPPER int
PQresetStart(PGconn *pg)
{
	struct attempt a;
	reset_begin(&a, CALLER, pg);
	int started = a.real->PQresetStart(pg);
	if (!a.span)
		return started;
	int saved = errno;
	attempt_leave(&a, started ? pq_conn_get(pg) : NULL, pg);
	errno = saved;
	return started;
}

WRAPPER PostgresPollingStatusType
PQresetPoll(PGconn *pg)
{
	const struct real_pq *real;
	struct pq_conn *conn = known(&real, CALLER, pg);
	return poll_end(conn, real, pg, real->PQresetPoll(pg));
}

/* ---- asked after, and given up ----------------------------------------------------------------------------------- */

static PGPing
ping_end(struct attempt *a, PGPing answer)
{
	static const char *const names[] = {
	    [PQPING_OK] = "ok",
	    [PQPING_REJECT] = "reject",
	    [PQPING_NO_RESPONSE] = "no_response",
	    [PQPING_NO_ATTEMPT] = "no_attempt",
	};
	if (!a->span)
		return answer;
	int saved = errno;
	int64_t now = span_clock_ns();
	span_set(a->span, "ping", (unsigned)answer < sizeof names / sizeof *names ? names[answer] : "unknown");
	span_set(a->span, "time", span_seconds(now - a->begin_ns));
	span_note_slow(a->span, KIND_SQL, now - a->begin_ns, NULL);
	span_end_at(a->span, now);
	errno = saved;
	return answer;
}

WRAPPER PGPing
PQping(const char *info)
{
	struct attempt a;
	attempt_begin(&a, CALLER);
	return ping_end(&a, a.real->PQping(info));
}

WRAPPER PGPing
PQpingParams(const char *const *keywords, const char *const *values, int expand_dbname)
{
	struct attempt a;
	attempt_begin(&a, CALLER);
	return ping_end(&a, a.real->PQpingParams(keywords, values, expand_dbname));
}

/* A call of libpq's own ends what we know of the handle too: it is freed. */
WRAPPER void
PQfinish(PGconn *pg)
{
	bool inner;
	const struct real_pq *real = real_pq(CALLER, &inner);
	int saved = errno;
	struct pq_conn *conn = pg && span_on(KIND_SQL) ? pq_conn_find(pg) : NULL;
	if (conn)
		pq_conn_drop(conn, real, pg);
	errno = saved;
	real->PQfinish(pg);
}
