/* SPDX-License-Identifier: ISC */
/*
 * pq_conn: what the shim knows of one connection: its queue of commands in flight and its prepared statements.
 *
 *     head .......... tail      a command or a pipeline's synchronisation point each; PQgetResult advances the head
 *     running                   the synchronous call that has not returned yet; never in the queue
 *     passing                   what was sent before the head and is not recorded; its results come first
 *     spare                     ended commands, used again: nothing is allocated once a connection is warm
 *
 * A pipeline may have any number in flight; of these PQ_IN_FLIGHT_MAX are in the queue, and what is sent meanwhile is only
 * counted, in place, between the ones that are.
 *
 * One thread at a time uses a connection, as libpq itself demands; any thread may look one up.
 */
#ifndef BLUEOX_PRELOAD_PQ_CONN_H
#define BLUEOX_PRELOAD_PQ_CONN_H

#include "preload/pq_command.h"
#include "preload/pq_session.h"
#include "preload/track.h"

enum { PQ_IN_FLIGHT_MAX = 256, PQ_SPARE_MAX = 16 };

struct pq_conn {
	struct track_node node;
	struct pq_session session; /* that the rest belongs to */
	struct pq_command *head, *tail;
	uint32_t in_flight; /* in that queue */
	uint32_t spare_count;
	struct pq_unseen passing;
	struct pq_command *running;
	struct pq_command *spare;
	struct pq_statements *statements;
	bool in_endcopy;    /* inside PQendcopy(), which fetches the head's results itself */
	bx_ctx *connecting; /* PQconnectStart() or PQresetStart() has begun it */
	int64_t connecting_ns;
};

struct pq_conn *pq_conn_find(const PGconn *pg);
struct pq_conn *pq_conn_get(const PGconn *pg); /* NULL: no memory */

/* A command that is nowhere yet; NULL: no memory. */
struct pq_command *pq_conn_command(struct pq_conn *conn);
void pq_conn_push(struct pq_conn *conn, struct pq_command *c);
bool pq_conn_is_full(const struct pq_conn *conn);                   /* what is sent now is passed over */
void pq_conn_give_back(struct pq_conn *conn, struct pq_command *c); /* ended, and not in the queue */

/* Notes which statements there are now that the server has carried the command out. */
void pq_conn_note_statements(struct pq_conn *conn, struct pq_command *c);

/* A command, or a point, that was sent while the queue is full: what it does to statements is not known from here on. */
void pq_conn_pass_over(struct pq_conn *conn, struct pq_command *c);
void pq_conn_pass_over_sync(struct pq_conn *conn);

/* True while results are those of what was passed over. */
bool pq_conn_is_passing(const struct pq_conn *conn);
void pq_conn_pass_result(struct pq_conn *conn, bool some); /* or the NULL behind them */
void pq_conn_pass_sync(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg); /* recorded or not */

/* Ends a command that is in no queue. */
void pq_conn_end(struct pq_conn *conn, struct pq_command *c, const struct real_pq *real, const PGconn *pg);

/* Ends the oldest command.  Its event says abandoned when no result of it was waited for to the end. */
void pq_conn_end_head(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg);

/* Ends all that is in flight. */
void pq_conn_end_all(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg);

/* As that, and forgets the session: there is another from now on. */
void pq_conn_reset(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg);

/* As that, and gives up the state; the handle may be another connection's next. */
void pq_conn_drop(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg);

#endif
