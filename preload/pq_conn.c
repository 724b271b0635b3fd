/* SPDX-License-Identifier: ISC */
#include "preload/pq_conn.h"

#include <stdlib.h>

#include "preload/pq_connect.h"

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
pq_conn_note_statements(struct pq_conn *conn, struct pq_command *c)
{
	if (c->forgets_all)
		pq_statements_free(&conn->statements);
	if (c->forgets[0])
		pq_statements_remove(conn->statements, c->forgets);
	if (c->prepares)
		pq_statements_put(&conn->statements, c->prepares);
	c->prepares = NULL;
	c->forgets[0] = '\0';
	c->forgets_all = false;
}

static void
end(struct pq_conn *conn, struct pq_command *c, const struct real_pq *real, const PGconn *pg, bool abandoned)
{
	if (!conn->session.count)
		pq_session_ask(&conn->session, real, pg);
	pq_command_end(c, real, pg, &conn->session, abandoned);
	pq_conn_give_back(conn, c);
}

void
pq_conn_end(struct pq_conn *conn, struct pq_command *c, const struct real_pq *real, const PGconn *pg)
{
	end(conn, c, real, pg, false);
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
	if (c->is_sync)
		pq_conn_give_back(conn, c);
	else
		end(conn, c, real, pg, !c->failed && (!c->answered || c->partial));
}

void
pq_conn_end_all(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg)
{
	while (conn->head)
		pq_conn_end_head(conn, real, pg);
	struct pq_command *lost = conn->running; /* longjmp, an exception or a cancellation left the call */
	conn->running = NULL;
	conn->in_endcopy = false;
	if (lost)
		end(conn, lost, real, pg, true);
}

void
pq_conn_reset(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg)
{
	pq_conn_end_all(conn, real, pg);
	pq_statements_free(&conn->statements);
	conn->session.server_pid = 0;
	conn->session.count = 0;
	if (!conn->connecting)
		return;
	pq_connect_end(conn->connecting, conn->connecting_ns, real, pg, true);
	conn->connecting = NULL;
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
