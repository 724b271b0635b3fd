/* SPDX-License-Identifier: ISC */
/*
 * pq_call: a synchronous call is one event, begun before it and ended behind it, unless it returns in the middle of a
 * COPY: then it goes on as a sent one.  A sent command stands in its connection's queue; PQgetResult notes its results,
 * and its NULL ends it.  A synchronisation point of a pipeline stands in the queue too and has no NULL of its own.  What
 * is overtaken (the next command, a reset, the connection's end) ends as `abandoned`.
 *
 * While a synchronous call runs, libpq fetches its results through its own PQgetResult, which passes here as an inner
 * call: so the results of `a; b; c` are all seen.
 */
#include "preload/pq_call.h"

#include <errno.h>
#include <string.h>

bool
pq_in_pipeline(const struct pq_call *call)
{
	return call->real->PQpipelineStatus && call->real->PQpipelineStatus(call->pg) != PQ_PIPELINE_OFF;
}

/* A session other than the one we knew: reset without PQreset, or a new connection where an old one lay. */
static void
check_session(struct pq_call *call)
{
	struct pq_conn *conn = call->conn;
	int pid = call->real->PQbackendPID(call->pg);
	if (__builtin_expect(pid == conn->session.server_pid && conn->session.count, 1))
		return;
	if (conn->session.server_pid && pid != conn->session.server_pid)
		pq_conn_reset(conn, call->real, call->pg);
	pq_session_ask(&conn->session, call->real, call->pg);
}

/* True: a command has begun. */
static bool
begin(struct pq_call *call, void *caller, PGconn *pg)
{
	call->pg = pg;
	call->conn = NULL;
	call->command = NULL;
	call->real = real_pq(caller, &call->inner);
	if (call->inner || !pg || !span_on(KIND_SQL))
		return false;
	int saved = errno;
	struct pq_conn *conn = pq_conn_get(pg);
	struct pq_command *command = conn ? pq_conn_command(conn) : NULL;
	if (command) {
		call->conn = conn;
		call->command = command;
		check_session(call);
		pq_command_begin(command);
	}
	errno = saved;
	return command != NULL;
}

/* In these the second byte of a character may be a backslash, and no server has them. */
static bool
has_backslashes_in_characters(const char *encoding)
{
	static const char *const names[] = {"BIG5", "GB18030", "GBK", "JOHAB", "SHIFT_JIS_2004", "SJIS", "UHC"};
	for (size_t i = 0; encoding && i < sizeof names / sizeof *names; i++)
		if (strcmp(encoding, names[i]) == 0)
			return true;
	return false;
}

/* Some backslash may be the end of a character rather than one. */
static bool
is_ambiguous(const struct pq_call *call, const char *query, const char *backslash, size_t size)
{
	const char *end = query + size, *p = backslash;
	for (; p; p = memchr(p + 1, '\\', (size_t)(end - p - 1)))
		if (p > query && (p[-1] & 0x80))
			break;
	return p && has_backslashes_in_characters(call->real->PQparameterStatus(call->pg, "client_encoding"));
}

/* Backslashes matter where there are some: libpq is asked by a search. */
static enum pq_text
text_how(const struct pq_call *call, const char *query, size_t size)
{
	if (__builtin_expect(pq_text_how(query, size) == PQ_AS_IS, 1))
		return PQ_AS_IS;
	const char *backslash = memchr(query, '\\', size);
	if (!backslash)
		return PQ_STRIPPED;
	if (is_ambiguous(call, query, backslash, size))
		return PQ_HIDDEN;
	const char *standard = call->real->PQparameterStatus(call->pg, "standard_conforming_strings");
	return standard && strcmp(standard, "off") == 0 ? PQ_STRIPPED_BACKSLASHES : PQ_STRIPPED;
}

void
pq_ask(struct pq_call *call, const struct pq_asked *asked)
{
	int saved = errno;
	size_t size = asked->query ? strlen(asked->query) : 0;
	enum pq_text how = size ? text_how(call, asked->query, size) : PQ_AS_IS;
	pq_command_ask(call->command, asked, size, call->conn->statements, how);
	errno = saved;
}

/* ---- synchronous calls ------------------------------------------------------------------------------------------- */

/* Nothing is left over of other commands whose results would pass inside this call. */
static bool
is_clean(const struct pq_conn *conn)
{
	return !conn->head && !conn->running && !pq_conn_is_passing(conn);
}

static void
run(struct pq_call *call)
{
	bool over = is_clean(call->conn) && !call->conn->in_endcopy;
	if (!over && !pq_in_pipeline(call))
		pq_conn_end_all(call->conn, call->real, call->pg);
	call->conn->running = call->command;
}

bool
pq_sync_begin(struct pq_call *call, void *caller, PGconn *pg)
{
	if (!begin(call, caller, pg))
		return false;
	/* Leftovers would be fetched by libpq inside this call; in a pipeline it refuses the call and keeps them. */
	call->command->whole_seen = call->command->errors_seen = is_clean(call->conn);
	run(call);
	return true;
}

bool
pq_plain_begin(struct pq_call *call, void *caller, PGconn *pg, const char *function)
{
	if (!begin(call, caller, pg))
		return false;
	call->command->errors_seen = is_clean(call->conn);
	run(call);
	pq_ask(call, &(struct pq_asked){.function = function});
	return true;
}

/* Flat, since a stack is taken in here, and every frame of ours costs that as much as one of the application's. */
static __attribute__((flatten)) void
note_result(struct pq_call *call, struct pq_command *command, const PGresult *res)
{
	if (pq_command_result(command, call->real, res))
		pq_conn_note_statements(call->conn, command);
}

/* The command outlives the call that asks for it. */
static void
go_on(struct pq_call *call)
{
	span_keep_asked(KIND_SQL, &call->command->asked);
	pq_conn_push(call->conn, call->command);
}

/* It has returned: the end, or the beginning of a COPY. */
static void
leave(struct pq_call *call)
{
	struct pq_command *command = call->command;
	call->conn->running = NULL;
	command->last_ns = span_clock_ns();
	if (command->partial)
		go_on(call);
	else
		pq_conn_end(call->conn, command, call->real, call->pg);
}

PGresult *
pq_sync_end(struct pq_call *call, PGresult *res)
{
	struct pq_command *command = call->command;
	if (!command)
		return res;
	int saved = errno;
	if (!res)
		pq_command_failed(command, call->real, call->pg);
	else if (!command->answered || pq_result_failed(call->real, res)) /* not noted on the way */
		note_result(call, command, res);
	leave(call);
	errno = saved;
	return res;
}

void
pq_plain_end(struct pq_call *call, bool failed)
{
	struct pq_command *command = call->command;
	if (!command)
		return;
	int saved = errno;
	command->answered = true;
	if (failed)
		pq_command_failed(command, call->real, call->pg);
	leave(call);
	errno = saved;
}

/* ---- sent commands ----------------------------------------------------------------------------------------------- */

bool
pq_send_begin(struct pq_call *call, void *caller, PGconn *pg)
{
	return begin(call, caller, pg);
}

int
pq_send_end(struct pq_call *call, int sent)
{
	struct pq_command *command = call->command;
	if (!command)
		return sent;
	int saved = errno;
	if (!sent) {
		pq_command_failed(command, call->real, call->pg);
		pq_conn_end(call->conn, command, call->real, call->pg);
	} else {
		if (!pq_in_pipeline(call)) /* libpq took it, so what came before is over */
			pq_conn_end_all(call->conn, call->real, call->pg);
		if (pq_conn_is_full(call->conn))
			pq_conn_pass_over(call->conn, command);
		else
			go_on(call);
	}
	errno = saved;
	return sent;
}

/* ---- commands in flight ------------------------------------------------------------------------------------------ */

bool
pq_join(struct pq_call *call, void *caller, PGconn *pg)
{
	call->pg = pg;
	call->conn = NULL;
	call->command = NULL;
	call->real = real_pq(caller, &call->inner);
	if (pg && span_on(KIND_SQL))
		call->conn = pq_conn_find(pg);
	return call->conn && !call->inner;
}

void
pq_refused(struct pq_call *call, const char *function)
{
	int saved = errno;
	struct pq_command *command = pq_conn_command(call->conn);
	if (command) {
		call->command = command;
		pq_command_begin(command);
		pq_ask(call, &(struct pq_asked){.function = function});
		pq_command_failed(command, call->real, call->pg);
		pq_conn_end(call->conn, command, call->real, call->pg);
	}
	errno = saved;
}

static void
note_head(struct pq_call *call, struct pq_command *head, const PGresult *res)
{
	bool one_of_many = head->partial && head->first_row_ns != 0;
	note_result(call, head, res);
	if (!(one_of_many && head->partial))
		head->last_ns = span_clock_ns();
}

static void
advance(struct pq_call *call, const PGresult *res)
{
	struct pq_command *head = call->conn->head;
	bool passing = pq_conn_is_passing(call->conn);
	if (!head && !passing)
		return;
	if (res && call->real->PQresultStatus(res) == PGRES_PIPELINE_SYNC)
		pq_conn_pass_sync(call->conn, call->real, call->pg);
	else if (passing)
		pq_conn_pass_result(call->conn, res != NULL);
	else if (res && !head->is_sync)
		note_head(call, head, res);
	else if (!res && !head->is_sync && (head->answered || !pq_in_pipeline(call)))
		pq_conn_end_head(call->conn, call->real, call->pg);
}

/* A result on its way to PQexec and its like, or to PQendcopy. */
static void
note_inner(struct pq_call *call, const PGresult *res)
{
	struct pq_command *running = call->conn->running;
	if (!res)
		return;
	if (!running && call->conn->in_endcopy && call->conn->head)
		note_head(call, call->conn->head, res);
	else if (running && running->errors_seen && pq_result_failed(call->real, res))
		pq_command_foresee(running, call->real, res);
	else if (running && running->whole_seen)
		note_result(call, running, res);
}

void
pq_advance(struct pq_call *call, const PGresult *res)
{
	if (!call->conn)
		return;
	int saved = errno;
	if (call->inner)
		note_inner(call, res);
	else
		advance(call, res);
	errno = saved;
}
