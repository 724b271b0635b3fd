/* SPDX-License-Identifier: ISC */
/* wrap_pq_async: libpq's calls that send a command and do not wait, and those that fetch what comes of it. */
#include "preload/real.h"

#include <errno.h>

#include "preload/pq_call.h"

WRAPPER int
PQsendQuery(PGconn *pg, const char *query)
{
	struct pq_call call;
	if (pq_send_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.query = query});
	return pq_send_end(&call, call.real->PQsendQuery(pg, query));
}

WRAPPER int
PQsendQueryParams(PGconn *pg, const char *query, int count, const Oid *types, const char *const *values,
    const int *lengths, const int *formats, int result_format)
{
	struct pq_call call;
	if (pq_send_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.query = query,
				  .has_params = true,
				  .param_count = count,
				  .values = values,
				  .lengths = lengths,
				  .formats = formats});
	return pq_send_end(
	    &call, call.real->PQsendQueryParams(pg, query, count, types, values, lengths, formats, result_format));
}

WRAPPER int
PQsendPrepare(PGconn *pg, const char *name, const char *query, int count, const Oid *types)
{
	struct pq_call call;
	if (pq_send_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.query = query, .statement = name, .prepares = true});
	return pq_send_end(&call, call.real->PQsendPrepare(pg, name, query, count, types));
}

WRAPPER int
PQsendQueryPrepared(PGconn *pg, const char *name, int count, const char *const *values, const int *lengths,
    const int *formats, int result_format)
{
	struct pq_call call;
	if (pq_send_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.statement = name,
				  .has_params = true,
				  .param_count = count,
				  .values = values,
				  .lengths = lengths,
				  .formats = formats});
	return pq_send_end(
	    &call, call.real->PQsendQueryPrepared(pg, name, count, values, lengths, formats, result_format));
}

WRAPPER int
PQsendDescribePrepared(PGconn *pg, const char *name)
{
	struct pq_call call;
	if (pq_send_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.function = "PQsendDescribePrepared", .statement = name});
	return pq_send_end(&call, call.real->PQsendDescribePrepared(pg, name));
}

WRAPPER int
PQsendDescribePortal(PGconn *pg, const char *name)
{
	struct pq_call call;
	if (pq_send_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.function = "PQsendDescribePortal", .portal = name});
	return pq_send_end(&call, call.real->PQsendDescribePortal(pg, name));
}

WRAPPER int
newer_PQsendClosePrepared(PGconn *pg, const char *name)
{
	struct pq_call call;
	if (pq_send_begin(&call, CALLER, pg))
		pq_ask(
		    &call, &(struct pq_asked){.function = "PQsendClosePrepared", .statement = name, .forgets = true});
	return pq_send_end(&call, call.real->PQsendClosePrepared(pg, name));
}
NEWER_WRAPPER(PQsendClosePrepared);

WRAPPER int
newer_PQsendClosePortal(PGconn *pg, const char *name)
{
	struct pq_call call;
	if (pq_send_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.function = "PQsendClosePortal", .portal = name});
	return pq_send_end(&call, call.real->PQsendClosePortal(pg, name));
}
NEWER_WRAPPER(PQsendClosePortal);

/* ---- results ----------------------------------------------------------------------------------------------------- */

WRAPPER PGresult *
PQgetResult(PGconn *pg)
{
	struct pq_call call;
	pq_join(&call, CALLER, pg);
	PGresult *res = call.real->PQgetResult(pg);
	pq_advance(&call, res);
	return res;
}

/* The rows will tell by themselves; refused, it is a mistake of the program that it should know of. */
static int
mode_end(struct pq_call *call, bool known, int set, const char *function)
{
	if (known && !set)
		pq_refused(call, function);
	return set;
}

WRAPPER int
PQsetSingleRowMode(PGconn *pg)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	return mode_end(&call, known, call.real->PQsetSingleRowMode(pg), "PQsetSingleRowMode");
}

WRAPPER int
newer_PQsetChunkedRowsMode(PGconn *pg, int rows)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	return mode_end(&call, known, call.real->PQsetChunkedRowsMode(pg, rows), "PQsetChunkedRowsMode");
}
NEWER_WRAPPER(PQsetChunkedRowsMode);

/* Fetching tells better what went wrong; a program that gives up here never fetches. */
WRAPPER int
PQconsumeInput(PGconn *pg)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	int read = call.real->PQconsumeInput(pg);
	if (known && !read && call.conn->head)
		call.conn->head->broken = true;
	return read;
}
