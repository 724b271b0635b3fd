/* SPDX-License-Identifier: ISC */
#include "preload/pq_conn.h"

#include <stdlib.h>
#include <string.h>

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
	conn->spare_count--;
	return c;
}

void
pq_conn_push(struct pq_conn *conn, struct pq_command *c)
{
	c->next = NULL;
	c->unseen = (struct pq_unseen){0};
	conn->in_flight++;
	if (conn->tail)
		conn->tail->next = c;
	else
		conn->head = c;
	conn->tail = c;
}

void
pq_conn_give_back(struct pq_conn *conn, struct pq_command *c)
{
	if (conn->spare_count == PQ_SPARE_MAX) {
		free(c);
		return;
	}
	c->next = conn->spare;
	conn->spare = c;
	conn->spare_count++;
}

/* ---- beyond what is recorded in flight --------------------------------------------------------------------------- */

bool
pq_conn_is_full(const struct pq_conn *conn)
{
	return conn->in_flight >= PQ_IN_FLIGHT_MAX;
}

/* Whether the statement will be what it was is not seen. */
static void
forget_statement(struct pq_conn *conn, const char *name)
{
	pq_statements_remove(conn->statements, name);
	for (struct pq_command *c = conn->head; c; c = c->next)
		if (c->prepares && strcmp(c->prepares->name, name) == 0)
			pq_statement_free(&c->prepares);
}

void
pq_conn_pass_over(struct pq_conn *conn, struct pq_command *c)
{
	conn->tail->unseen.behind++;
	if (c->prepares) {
		forget_statement(conn, c->prepares->name);
		pq_statement_free(&c->prepares);
	}
	if (c->forgets[0])
		forget_statement(conn, c->forgets);
	span_drop(c->span);
	c->span = NULL;
	pq_conn_give_back(conn, c);
}

void
pq_conn_pass_over_sync(struct pq_conn *conn)
{
	struct pq_unseen *u = &conn->tail->unseen;
	u->points++;
	u->before += u->behind;
	u->behind = 0;
}

bool
pq_conn_is_passing(const struct pq_conn *conn)
{
	return conn->passing.points || conn->passing.behind;
}

void
pq_conn_pass_result(struct pq_conn *conn, bool some)
{
	struct pq_unseen *u = &conn->passing;
	if (some || !u->answered) {
		u->answered = some;
		return;
	}
	u->answered = false;
	if (u->before)
		u->before--;
	else if (!u->points)
		u->behind--;
}

/* True: the point was one of the run.  Else all of the run is over. */
static bool
pass_unseen_sync(struct pq_unseen *u)
{
	u->answered = false;
	if (!u->points) {
		u->behind = 0;
		return false;
	}
	if (--u->points == 0)
		u->before = 0;
	return true;
}

void
pq_conn_pass_sync(struct pq_conn *conn, const struct real_pq *real, const PGconn *pg)
{
	while (!pass_unseen_sync(&conn->passing) && conn->head) {
		bool found = conn->head->is_sync;
		pq_conn_end_head(conn, real, pg);
		if (found)
			return;
	}
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
	conn->in_flight--;
	conn->passing = c->unseen;
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
	conn->passing = (struct pq_unseen){0};
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
	conn->spare_count = 0;
	track_drop(&conn->node);
}
