/* SPDX-License-Identifier: ISC */
#include "preload/pq_conn.h"

#include <stdlib.h>

static struct track connections = {.node_bytes = sizeof(struct pq_conn)};

struct pq_conn *
pq_conn_find(const PGconn *pg)
{
	return (struct pq_conn *)track_find(&connections, pg);
}

struct pq_conn *
pq_conn_get(const PGconn *pg)
{
	return (struct pq_conn *)track_get(&connections, pg);
}

struct pq_command *
pq_conn_command(struct pq_conn *conn)
{
	struct pq_command *c = conn->spare;
	if (!c)
		return calloc(1, sizeof *c);
	conn->spare = c->next;
	return c;
}

void
pq_conn_push(struct pq_conn *conn, struct pq_command *c)
{
	c->next = NULL;
	if (conn->tail)
		conn->tail->next = c;
	else
		conn->head = c;
	conn->tail = c;
}

void
pq_conn_give_back(struct pq_conn *conn, struct pq_command *c)
{
	c->next = conn->spare;
	conn->spare = c;
}

void
pq_conn_end_head(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg)
{
	struct pq_command *c = conn->head;
	if (!c)
		return;
	conn->head = c->next;
	if (!conn->head)
		conn->tail = NULL;
	if (!c->is_sync)
		pq_command_end(c, real, pg, !c->failed && (c->last_ns == 0 || c->partial));
	pq_conn_give_back(conn, c);
}

void
pq_conn_end_all(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg)
{
	while (conn->head)
		pq_conn_end_head(conn, real, pg);
	struct pq_command *lost = conn->running; /* longjmp, an exception or a cancellation left the call */
	conn->running = NULL;
	if (!lost)
		return;
	pq_command_end(lost, real, pg, true);
	pq_conn_give_back(conn, lost);
}

void
pq_conn_reset(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg)
{
	pq_conn_end_all(conn, real, pg);
	pq_statements_free(&conn->statements);
	conn->server_pid = 0;
}

void
pq_conn_drop(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg)
{
	pq_conn_reset(conn, real, pg);
	while (conn->spare) {
		struct pq_command *c = conn->spare;
		conn->spare = c->next;
		free(c);
	}
	track_drop(&conn->node);
}
