/* SPDX-License-Identifier: ISC */
/*
 * pq_call: one call of a libpq function as its wrapper sees it: which library it goes to, whether it is recorded, and
 * what it begins, advances or ends.
 *
 * A wrapper begins a call, says what is asked, does the real call, and ends it:
 *
 *     struct pq_call call;
 *     if (pq_sync_begin(&call, CALLER, pg))
 *             pq_ask(&call, &(struct pq_asked){.query = query});
 *     return pq_sync_end(&call, call.real->PQexec(pg, query));
 *
 * call.real is never NULL.  Where nothing is recorded the rest does nothing.  errno is as the real call left it.
 */
#ifndef BLUEOX_PRELOAD_PQ_CALL_H
#define BLUEOX_PRELOAD_PQ_CALL_H

#include "preload/pq_conn.h"

struct pq_call {
	const struct real_pq *real;
	PGconn *pg;
	struct pq_conn *conn;       /* NULL: not recorded */
	struct pq_command *command; /* that this call begins; NULL: none */
	bool inner;                 /* libpq's own */
};

bool pq_in_pipeline(const struct pq_call *call);

void pq_ask(struct pq_call *call, const struct pq_asked *asked);

/* ---- calls that wait for the server; true: recorded ---- */
bool pq_sync_begin(struct pq_call *call, void *caller, PGconn *pg);
PGresult *pq_sync_end(struct pq_call *call, PGresult *res);

/* The same for calls that return a number or text, and of which the results that pass inside are not the caller's. */
bool pq_plain_begin(struct pq_call *call, void *caller, PGconn *pg, const char *function);
void pq_plain_end(struct pq_call *call, bool failed);

/* ---- calls that send a command; true: recorded ---- */
bool pq_send_begin(struct pq_call *call, void *caller, PGconn *pg);
int pq_send_end(struct pq_call *call, int sent);

/* ---- calls about commands in flight; true: the connection is known, and it is the application that calls ---- */
bool pq_join(struct pq_call *call, void *caller, PGconn *pg);

/* A call that began nothing was refused: an event that says so, with the connection's message. */
void pq_refused(struct pq_call *call, const char *function);

/* What PQgetResult() returned. */
void pq_advance(struct pq_call *call, const PGresult *res);

#endif
