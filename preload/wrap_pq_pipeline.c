/* SPDX-License-Identifier: ISC */
/*
 * wrap_pq_pipeline: libpq's pipeline mode.
 *
 * What is sent stands in the queue with the synchronisation points between; whether there is a pipeline is asked of
 * libpq itself.  A call that is refused is an event that says so: it sent nothing, or the program is mistaken about what
 * it has fetched.
 */
#include "preload/real.h"

#include <errno.h>

#include "preload/pq_call.h"

/* Both are taken only while nothing is in flight: what we think is, has been left. */
static int
mode_end(struct pq_call *call, bool known, int changed, const char *function)
{
	int saved = errno;
	if (known && changed)
		pq_conn_end_all(call->conn, call->real, call->pg);
	else if (known)
		pq_refused(call, function);
	errno = saved;
	return changed;
}

WRAPPER int
PQenterPipelineMode(PGconn *pg)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	return mode_end(&call, known, call.real->PQenterPipelineMode(pg), "PQenterPipelineMode");
}

WRAPPER int
PQexitPipelineMode(PGconn *pg)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	return mode_end(&call, known, call.real->PQexitPipelineMode(pg), "PQexitPipelineMode");
}

/* True when there is a queue for the point, though it be the first that we see of the connection. */
static bool
sync_begin(struct pq_call *call, void *caller, PGconn *pg)
{
	bool known = pq_join(call, caller, pg);
	if (known || call->inner || !pg || !span_on(KIND_SQL))
		return known;
	int saved = errno;
	call->conn = pq_conn_get(pg);
	errno = saved;
	return call->conn != NULL;
}

static int
sync_end(struct pq_call *call, bool known, int sent, const char *function)
{
	int saved = errno;
	bool full = known && sent && pq_conn_is_full(call->conn);
	struct pq_command *point = known && sent && !full ? pq_conn_command(call->conn) : NULL;
	if (full) {
		pq_conn_pass_over_sync(call->conn);
	} else if (point) {
		point->is_sync = true;
		point->span = NULL;
		pq_conn_push(call->conn, point);
	} else if (known && !sent) {
		pq_refused(call, function);
	}
	errno = saved;
	return sent;
}

WRAPPER int
PQpipelineSync(PGconn *pg)
{
	struct pq_call call;
	bool known = sync_begin(&call, CALLER, pg);
	return sync_end(&call, known, call.real->PQpipelineSync(pg), "PQpipelineSync");
}

WRAPPER int
newer_PQsendPipelineSync(PGconn *pg)
{
	struct pq_call call;
	bool known = sync_begin(&call, CALLER, pg);
	return sync_end(&call, known, call.real->PQsendPipelineSync(pg), "PQsendPipelineSync");
}
NEWER_WRAPPER(PQsendPipelineSync);

WRAPPER int
PQsendFlushRequest(PGconn *pg)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	int sent = call.real->PQsendFlushRequest(pg);
	if (known && !sent)
		pq_refused(&call, "PQsendFlushRequest");
	return sent;
}
