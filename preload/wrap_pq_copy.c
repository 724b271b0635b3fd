/* SPDX-License-Identifier: ISC */
/*
 * wrap_pq_copy: what goes through a COPY, in bytes.
 *
 * The command that began it stands in the queue until its last result; PQendcopy, of the oldest interface, fetches that
 * itself.  What cannot be read or written is told by that result too; where the program never fetches it, by the
 * connection.
 */
#include "preload/real.h"

#include <errno.h>
#include <string.h>

#include "preload/pq_call.h"

static void
note(struct pq_call *call, size_t bytes, bool broken)
{
	struct pq_command *head = call->conn->head;
	if (!head)
		return;
	head->copied_bytes += bytes;
	head->broken = head->broken || broken;
}

WRAPPER int
PQgetCopyData(PGconn *pg, char **buffer, int async)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	int n = call.real->PQgetCopyData(pg, buffer, async);
	if (known)
		note(&call, n > 0 ? (size_t)n : 0, n == -2);
	return n;
}

WRAPPER int
PQputCopyData(PGconn *pg, const char *buffer, int n)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	int taken = call.real->PQputCopyData(pg, buffer, n);
	if (known)
		note(&call, taken == 1 && n > 0 ? (size_t)n : 0, taken < 0);
	return taken;
}

WRAPPER int
PQputCopyEnd(PGconn *pg, const char *reason)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	int taken = call.real->PQputCopyEnd(pg, reason);
	if (known)
		note(&call, 0, taken < 0);
	return taken;
}

/* ---- before there was PQgetCopyData ------------------------------------------------------------------------------ */

/* 0: a line, whose newline is not in the buffer; 1: the buffer is full. */
WRAPPER int
PQgetline(PGconn *pg, char *buffer, int size)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	int more = call.real->PQgetline(pg, buffer, size);
	bool is_end = more == 0 && buffer && strcmp(buffer, "\\.") == 0;
	if (known && buffer && size > 0 && more >= 0 && !is_end)
		note(&call, strnlen(buffer, (size_t)size) + (more == 0), false);
	return more;
}

WRAPPER int
PQgetlineAsync(PGconn *pg, char *buffer, int size)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	int n = call.real->PQgetlineAsync(pg, buffer, size);
	if (known)
		note(&call, n > 0 ? (size_t)n : 0, false);
	return n;
}

WRAPPER int
PQputline(PGconn *pg, const char *line)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	int failed = call.real->PQputline(pg, line);
	if (known)
		note(&call, !failed && line ? strlen(line) : 0, failed != 0);
	return failed;
}

WRAPPER int
PQputnbytes(PGconn *pg, const char *bytes, int n)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg);
	int failed = call.real->PQputnbytes(pg, bytes, n);
	if (known)
		note(&call, !failed && n > 0 ? (size_t)n : 0, failed != 0);
	return failed;
}

WRAPPER int
PQendcopy(PGconn *pg)
{
	struct pq_call call;
	bool known = pq_join(&call, CALLER, pg) && call.conn->head;
	if (known)
		call.conn->in_endcopy = true;
	int failed = call.real->PQendcopy(pg);
	if (!known)
		return failed;
	int saved = errno;
	call.conn->in_endcopy = false;
	if (failed && call.conn->head)
		pq_command_failed(call.conn->head, call.real, pg);
	pq_conn_end_head(call.conn, call.real, pg);
	errno = saved;
	return failed;
}
