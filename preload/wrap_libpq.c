/* SPDX-License-Identifier: ISC */
/*
 * wrap_libpq: PostgreSQL's client library; what begins, advances and ends a `.sql` event.
 *
 * A synchronous call is one event, begun before it and ended behind it, unless it returns in the middle of a COPY: then
 * it goes on as a sent one.  A sent command stands in its connection's queue; PQgetResult notes its results, and its
 * NULL ends it.  A synchronisation point of a pipeline stands in the queue too and has no NULL of its own.  What is
 * overtaken (the next command, a reset, the connection's end) ends as `abandoned`.
 *
 * While a synchronous call runs, libpq fetches its results through its own PQgetResult, which passes here as an inner
 * call: so the results of `a; b; c` are all seen.
 */
#include "preload/real.h"

#include <errno.h>

#include "preload/pq_conn.h"

struct call {
	const struct real_pq *real; /* NULL: there is no libpq to call */
	PGconn *pg;
	struct pq_conn *conn;
	struct pq_command *command;
	int saved_errno;
};

static bool
in_pipeline(const struct call *call)
{
	return call->real->PQpipelineStatus && call->real->PQpipelineStatus(call->pg) != PQ_PIPELINE_OFF;
}

/* A session other than the one we knew: reset without PQreset, or a new connection where an old one lay. */
static void
check_session(struct call *call)
{
	int pid = call->real->PQbackendPID(call->pg);
	if (pid == call->conn->server_pid)
		return;
	if (call->conn->server_pid)
		pq_conn_reset(call->conn, call->real, call->pg);
	call->conn->server_pid = pid;
}

/* False: carry the call out if there is a real one, and record nothing. */
static bool
call_begin(struct call *call, void *caller, PGconn *pg)
{
	bool inner = false;
	*call = (struct call){.real = real_pq(caller, &inner), .pg = pg};
	if (!call->real || inner || !pg || !span_on(KIND_SQL))
		return false;
	call->saved_errno = errno;
	call->conn = pq_conn_get(pg);
	call->command = call->conn ? pq_conn_command(call->conn) : NULL;
	if (call->command) {
		check_session(call);
		pq_command_begin(call->command, call->conn->server_pid);
	}
	errno = call->saved_errno;
	return call->command != NULL;
}

/* ---- synchronous calls ------------------------------------------------------------------------------------------- */

static bool
sync_begin(struct call *call, void *caller, PGconn *pg)
{
	if (!call_begin(call, caller, pg))
		return false;
	/* Leftovers would be fetched by libpq inside this call; in a pipeline it refuses the call and keeps them. */
	call->command->whole_seen = !call->conn->head;
	if (!in_pipeline(call))
		pq_conn_end_all(call->conn, call->real, pg);
	call->conn->running = call->command;
	return true;
}

static void
note_result(struct call *call, struct pq_command *command, const PGresult *res)
{
	struct pq_statement *accepted;
	pq_command_result(command, call->real, res, &accepted);
	if (accepted)
		pq_statements_put(&call->conn->statements, accepted);
}

static PGresult *
sync_end(struct call *call, PGresult *res)
{
	struct pq_command *command = call->command;
	call->saved_errno = errno;
	call->conn->running = NULL;
	if (!res)
		pq_command_failed(command, call->real, call->pg);
	else if (command->last_ns == 0 || pq_result_failed(call->real, res)) /* not noted on the way */
		note_result(call, command, res);
	if (command->partial) {
		pq_conn_push(call->conn, command);
	} else {
		pq_command_end(command, call->real, call->pg, false);
		pq_conn_give_back(call->conn, command);
	}
	errno = call->saved_errno;
	return res;
}

WRAPPER PGresult *
PQexec(PGconn *pg, const char *query)
{
	struct call call;
	if (!sync_begin(&call, CALLER, pg))
		return call.real ? call.real->PQexec(pg, query) : NULL;
	pq_command_query(call.command, query);
	return sync_end(&call, call.real->PQexec(pg, query));
}

WRAPPER PGresult *
PQexecParams(PGconn *pg, const char *query, int count, const Oid *types, const char *const *values, const int *lengths,
    const int *formats, int result_format)
{
	struct call call;
	if (!sync_begin(&call, CALLER, pg))
		return call.real
			   ? call.real->PQexecParams(pg, query, count, types, values, lengths, formats, result_format)
			   : NULL;
	pq_command_query(call.command, query);
	pq_command_params(call.command, count);
	return sync_end(
	    &call, call.real->PQexecParams(pg, query, count, types, values, lengths, formats, result_format));
}

WRAPPER PGresult *
PQprepare(PGconn *pg, const char *name, const char *query, int count, const Oid *types)
{
	struct call call;
	if (!sync_begin(&call, CALLER, pg))
		return call.real ? call.real->PQprepare(pg, name, query, count, types) : NULL;
	pq_command_prepare(call.command, name, query);
	return sync_end(&call, call.real->PQprepare(pg, name, query, count, types));
}

WRAPPER PGresult *
PQexecPrepared(PGconn *pg, const char *name, int count, const char *const *values, const int *lengths,
    const int *formats, int result_format)
{
	struct call call;
	if (!sync_begin(&call, CALLER, pg))
		return call.real ? call.real->PQexecPrepared(pg, name, count, values, lengths, formats, result_format)
				 : NULL;
	pq_command_statement(call.command, call.conn->statements, name);
	pq_command_params(call.command, count);
	return sync_end(&call, call.real->PQexecPrepared(pg, name, count, values, lengths, formats, result_format));
}

/* ---- sent commands ----------------------------------------------------------------------------------------------- */

static int
send_end(struct call *call, int sent)
{
	struct pq_command *command = call->command;
	call->saved_errno = errno;
	if (!sent) {
		pq_command_failed(command, call->real, call->pg);
		pq_command_end(command, call->real, call->pg, false);
		pq_conn_give_back(call->conn, command);
	} else {
		if (!in_pipeline(call)) /* libpq took it, so what came before is over */
			pq_conn_end_all(call->conn, call->real, call->pg);
		pq_conn_push(call->conn, command);
	}
	errno = call->saved_errno;
	return sent;
}

WRAPPER int
PQsendQuery(PGconn *pg, const char *query)
{
	struct call call;
	if (!call_begin(&call, CALLER, pg))
		return call.real ? call.real->PQsendQuery(pg, query) : 0;
	pq_command_query(call.command, query);
	return send_end(&call, call.real->PQsendQuery(pg, query));
}

WRAPPER int
PQsendQueryParams(PGconn *pg, const char *query, int count, const Oid *types, const char *const *values,
    const int *lengths, const int *formats, int result_format)
{
	struct call call;
	if (!call_begin(&call, CALLER, pg))
		return call.real ? call.real->PQsendQueryParams(
				       pg, query, count, types, values, lengths, formats, result_format)
				 : 0;
	pq_command_query(call.command, query);
	pq_command_params(call.command, count);
	return send_end(
	    &call, call.real->PQsendQueryParams(pg, query, count, types, values, lengths, formats, result_format));
}

WRAPPER int
PQsendPrepare(PGconn *pg, const char *name, const char *query, int count, const Oid *types)
{
	struct call call;
	if (!call_begin(&call, CALLER, pg))
		return call.real ? call.real->PQsendPrepare(pg, name, query, count, types) : 0;
	pq_command_prepare(call.command, name, query);
	return send_end(&call, call.real->PQsendPrepare(pg, name, query, count, types));
}

WRAPPER int
PQsendQueryPrepared(PGconn *pg, const char *name, int count, const char *const *values, const int *lengths,
    const int *formats, int result_format)
{
	struct call call;
	if (!call_begin(&call, CALLER, pg))
		return call.real
			   ? call.real->PQsendQueryPrepared(pg, name, count, values, lengths, formats, result_format)
			   : 0;
	pq_command_statement(call.command, call.conn->statements, name);
	pq_command_params(call.command, count);
	return send_end(
	    &call, call.real->PQsendQueryPrepared(pg, name, count, values, lengths, formats, result_format));
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

/* True for a connection that we know; the call is to be carried out in any case. */
static bool
call_join(struct call *call, void *caller, PGconn *pg, bool *inner)
{
	*inner = false;
	*call = (struct call){.real = real_pq(caller, inner), .pg = pg};
	if (call->real && pg && span_on(KIND_SQL))
		call->conn = pq_conn_find(pg);
	return call->conn != NULL;
}

static void
advance_past_sync(struct call *call)
{
	while (call->conn->head && !call->conn->head->is_sync)
		pq_conn_end_head(call->conn, call->real, call->pg);
	pq_conn_end_head(call->conn, call->real, call->pg);
}

static void
advance(struct call *call, const PGresult *res)
{
	struct pq_command *head = call->conn->head;
	if (!head)
		return;
	if (res && call->real->PQresultStatus(res) == PGRES_PIPELINE_SYNC)
		advance_past_sync(call);
	else if (res && !head->is_sync)
		note_result(call, head, res);
	else if (!res && !head->is_sync && (head->last_ns != 0 || !in_pipeline(call)))
		pq_conn_end_head(call->conn, call->real, call->pg);
}

/* A result on its way to PQexec and its like. */
static void
note_inner(struct call *call, const PGresult *res)
{
	struct pq_command *running = call->conn->running;
	if (!res || !running || !running->whole_seen)
		return;
	if (pq_result_failed(call->real, res))
		pq_command_foresee(running, call->real, res);
	else
		note_result(call, running, res);
}

WRAPPER PGresult *
PQgetResult(PGconn *pg)
{
	struct call call;
	bool inner, known = call_join(&call, CALLER, pg, &inner);
	PGresult *res = call.real ? call.real->PQgetResult(pg) : NULL;
	int saved = errno;
	if (known && inner)
		note_inner(&call, res);
	else if (known)
		advance(&call, res);
	errno = saved;
	return res;
}

WRAPPER int
PQgetCopyData(PGconn *pg, char **buffer, int async)
{
	struct call call;
	bool inner, known = call_join(&call, CALLER, pg, &inner);
	int n = call.real ? call.real->PQgetCopyData(pg, buffer, async) : -2;
	if (known && !inner && n > 0 && call.conn->head)
		call.conn->head->copied_bytes += (uint64_t)n;
	return n;
}

WRAPPER int
PQputCopyData(PGconn *pg, const char *buffer, int n)
{
	struct call call;
	bool inner, known = call_join(&call, CALLER, pg, &inner);
	int taken = call.real ? call.real->PQputCopyData(pg, buffer, n) : -1;
	if (known && !inner && taken == 1 && n > 0 && call.conn->head)
		call.conn->head->copied_bytes += (uint64_t)n;
	return taken;
}

WRAPPER int
PQpipelineSync(PGconn *pg)
{
	struct call call;
	bool inner, known = call_join(&call, CALLER, pg, &inner);
	if (!known && call.real && !inner && pg && span_on(KIND_SQL)) /* the first that we see of it */
		known = (call.conn = pq_conn_get(pg)) != NULL;
	int sent = call.real && call.real->PQpipelineSync ? call.real->PQpipelineSync(pg) : 0;
	int saved = errno;
	struct pq_command *point = known && !inner && sent ? pq_conn_command(call.conn) : NULL;
	if (point) {
		point->is_sync = true;
		point->span = NULL;
		pq_conn_push(call.conn, point);
	}
	errno = saved;
	return sent;
}

/* ---- the connection's end ---------------------------------------------------------------------------------------- */

WRAPPER void
PQfinish(PGconn *pg)
{
	struct call call;
	bool inner;
	int saved = errno;
	if (call_join(&call, CALLER, pg, &inner))
		pq_conn_drop(call.conn, call.real, pg);
	errno = saved;
	if (call.real)
		call.real->PQfinish(pg);
}

WRAPPER void
PQreset(PGconn *pg)
{
	struct call call;
	bool inner;
	int saved = errno;
	if (call_join(&call, CALLER, pg, &inner) && !inner)
		pq_conn_reset(call.conn, call.real, pg);
	errno = saved;
	if (call.real)
		call.real->PQreset(pg);
}
