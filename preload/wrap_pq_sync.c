/* SPDX-License-Identifier: ISC */
/* wrap_pq_sync: libpq's calls that send a command and wait for what comes of it. */
#include "preload/real.h"

#include <errno.h>

#include "preload/pq_call.h"

WRAPPER PGresult *
PQexec(PGconn *pg, const char *query)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.query = query});
	return pq_sync_end(&call, call.real->PQexec(pg, query));
}

WRAPPER PGresult *
PQexecParams(PGconn *pg, const char *query, int count, const Oid *types, const char *const *values, const int *lengths,
    const int *formats, int result_format)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.query = query,
				  .has_params = true,
				  .param_count = count,
				  .values = values,
				  .lengths = lengths,
				  .formats = formats});
	return pq_sync_end(
	    &call, call.real->PQexecParams(pg, query, count, types, values, lengths, formats, result_format));
}

WRAPPER PGresult *
PQprepare(PGconn *pg, const char *name, const char *query, int count, const Oid *types)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.query = query, .statement = name, .prepares = true});
	return pq_sync_end(&call, call.real->PQprepare(pg, name, query, count, types));
}

WRAPPER PGresult *
PQexecPrepared(PGconn *pg, const char *name, int count, const char *const *values, const int *lengths,
    const int *formats, int result_format)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.statement = name,
				  .has_params = true,
				  .param_count = count,
				  .values = values,
				  .lengths = lengths,
				  .formats = formats});
	return pq_sync_end(&call, call.real->PQexecPrepared(pg, name, count, values, lengths, formats, result_format));
}

WRAPPER PGresult *
PQdescribePrepared(PGconn *pg, const char *name)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.function = "PQdescribePrepared", .statement = name});
	return pq_sync_end(&call, call.real->PQdescribePrepared(pg, name));
}

WRAPPER PGresult *
PQdescribePortal(PGconn *pg, const char *name)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.function = "PQdescribePortal", .portal = name});
	return pq_sync_end(&call, call.real->PQdescribePortal(pg, name));
}

WRAPPER PGresult *
newer_PQclosePrepared(PGconn *pg, const char *name)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.function = "PQclosePrepared", .statement = name, .forgets = true});
	return pq_sync_end(&call, call.real->PQclosePrepared(pg, name));
}
NEWER_WRAPPER(PQclosePrepared);

WRAPPER PGresult *
newer_PQclosePortal(PGconn *pg, const char *name)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg))
		pq_ask(&call, &(struct pq_asked){.function = "PQclosePortal", .portal = name});
	return pq_sync_end(&call, call.real->PQclosePortal(pg, name));
}
NEWER_WRAPPER(PQclosePortal);

/* Its own inner ALTER USER is not shown, nor who it is for. */
WRAPPER PGresult *
newer_PQchangePassword(PGconn *pg, const char *user, const char *password)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg)) {
		call.command->whole_seen = false;
		pq_ask(&call, &(struct pq_asked){.function = "PQchangePassword"});
	}
	return pq_sync_end(&call, call.real->PQchangePassword(pg, user, password));
}
NEWER_WRAPPER(PQchangePassword);

/* ---- one call, and maybe several commands of libpq's own inside it ----------------------------------------------- */

/* The large objects' functions call it; then it tells what went wrong, which they do not. */
WRAPPER PGresult *
PQfn(PGconn *pg, int function, int *result, int *result_len, int result_is_int, const PQArgBlock *args, int arg_count)
{
	struct pq_call call;
	if (pq_sync_begin(&call, CALLER, pg)) {
		pq_ask(&call, &(struct pq_asked){.function = "PQfn"});
		span_set(call.command->span, "oid", function);
	}
	PGresult *res = call.real->PQfn(pg, function, result, result_len, result_is_int, args, arg_count);
	if (call.inner && pg && span_on(KIND_SQL)) {
		call.conn = pq_conn_find(pg);
		pq_advance(&call, res);
	}
	return pq_sync_end(&call, res);
}

WRAPPER int
PQsetClientEncoding(PGconn *pg, const char *encoding)
{
	struct pq_call call;
	if (pq_plain_begin(&call, CALLER, pg, "PQsetClientEncoding") && encoding)
		span_set(call.command->span, "encoding", encoding);
	int failed = call.real->PQsetClientEncoding(pg, encoding);
	pq_plain_end(&call, failed != 0);
	return failed;
}

WRAPPER char *
PQencryptPasswordConn(PGconn *pg, const char *password, const char *user, const char *algorithm)
{
	struct pq_call call;
	pq_plain_begin(&call, CALLER, pg, "PQencryptPasswordConn");
	char *encrypted = call.real->PQencryptPasswordConn(pg, password, user, algorithm);
	pq_plain_end(&call, !encrypted);
	return encrypted;
}
