/* SPDX-License-Identifier: ISC */
/*
 * A libpq that answers at once, so that what stands in front of it can be measured.  A query that begins with `E` fails.
 * With -DNESTED its functions call one another through the PLT, as those of libpq do: four inner calls a query.
 */
#include <postgresql/libpq-fe.h>
#include <stddef.h>

struct pg_result {
	int status;
};
struct pg_conn {
	PGresult *next;
};

static PGresult good = {PGRES_TUPLES_OK}, bad = {PGRES_FATAL_ERROR};
static PGconn only;

int
PQsendQuery(PGconn *c, const char *query)
{
	c->next = *query == 'E' ? &bad : &good;
	return 1;
}

PGresult *
PQgetResult(PGconn *c)
{
	PGresult *r = c->next;
	c->next = NULL;
	return r;
}

PGresult *
PQexec(PGconn *c, const char *query)
{
#ifdef NESTED
	while (PQgetResult(c))
		;
	if (!PQsendQuery(c, query))
		return NULL;
	PGresult *last = NULL, *r;
	while ((r = PQgetResult(c)))
		last = r;
	return last;
#else
	(void)c;
	return *query == 'E' ? &bad : &good;
#endif
}

#define TELLS(type, name, args, value)                                                                                 \
	type name args                                                                                                 \
	{                                                                                                              \
		return value;                                                                                          \
	}
TELLS(PGconn *, PQconnectdb, (const char *info), *info == '!' ? NULL : &only)
TELLS(ExecStatusType, PQresultStatus, (const PGresult *r), (ExecStatusType)r->status)
TELLS(char *, PQcmdStatus, (PGresult * r), r ? "SELECT 1" : "")
TELLS(char *, PQcmdTuples, (PGresult * r), r ? "1" : "")
TELLS(int, PQntuples, (const PGresult *r), r ? 1 : 0)
TELLS(char *, PQresultErrorMessage, (const PGresult *r), r ? "ERROR:  no\n" : "")
TELLS(char *, PQerrorMessage, (const PGconn *c), c ? "no\n" : "")
TELLS(ConnStatusType, PQstatus, (const PGconn *c), c ? CONNECTION_OK : CONNECTION_BAD)
TELLS(char *, PQdb, (const PGconn *c), c ? "bench" : NULL)
TELLS(char *, PQuser, (const PGconn *c), c ? "postgres" : NULL)
TELLS(char *, PQhost, (const PGconn *c), c ? "/var/run/postgresql" : NULL)
TELLS(char *, PQport, (const PGconn *c), c ? "5432" : NULL)
TELLS(char *, PQpass, (const PGconn *c), c ? "" : NULL)
TELLS(int, PQbackendPID, (const PGconn *c), c ? 12345 : 0)
TELLS(int, PQserverVersion, (const PGconn *c), c ? 150000 : 0)
TELLS(const char *, PQparameterStatus, (const PGconn *c, const char *name), c &&*name ? "on" : NULL)
TELLS(PGTransactionStatusType, PQtransactionStatus, (const PGconn *c), c ? PQTRANS_IDLE : PQTRANS_UNKNOWN)
TELLS(PGpipelineStatus, PQpipelineStatus, (const PGconn *c), c ? PQ_PIPELINE_OFF : PQ_PIPELINE_ON)
TELLS(char *, PQresultErrorField, (const PGresult *r, int field),
    r->status == PGRES_FATAL_ERROR && field == PG_DIAG_SQLSTATE ? "42P01"
    : field == PG_DIAG_MESSAGE_PRIMARY                          ? "no"
								: NULL)

void
PQclear(PGresult *r)
{
	(void)r;
}

void
PQfinish(PGconn *c)
{
	(void)c;
}
