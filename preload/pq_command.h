/* SPDX-License-Identifier: ISC */
/*
 * pq_command: one command sent to PostgreSQL and the `.sql` event it becomes.
 *
 * Results are noted as they pass; the event is written when the command ends.  What is asked of libpq here is free: it
 * reads memory that the connection or result holds, never the socket.  Parameter values, and the texts of DETAIL and
 * CONTEXT, which may quote rows, are left out: they are other people's data.
 */
#ifndef BLUEOX_PRELOAD_PQ_COMMAND_H
#define BLUEOX_PRELOAD_PQ_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/pq_statements.h"
#include "preload/real.h"
#include "preload/span.h"

enum { PQ_TAGS_MAX = 16, PQ_TAG_LEN = 64 /* as libpq's own CMDSTATUS_LEN */ };

struct pq_command {
	struct pq_command *next;
	bool is_sync; /* a synchronisation point of a pipeline: no event, only its place in the queue */
	bool partial; /* more of its newest result is to come: rows one by one, a COPY */
	bool failed;
	bool aborted;    /* not run: the pipeline had failed before it */
	bool has_rows;   /* some result told a number of rows */
	bool whole_seen; /* its results are noted from inside libpq's own loop, one by one */
	bx_ctx *span;
	int server_pid; /* as it was at the beginning: a lost connection forgets it */
	int64_t begin_ns;
	int64_t first_row_ns; /* single-row mode: the first row; else 0 */
	int64_t last_ns;      /* the newest result; 0 before the first */
	uint64_t rows;
	uint64_t copied_bytes;
	char first_code[8]; /* SQLSTATE and text of an error that a later result of the same call would hide */
	char first_message[512];
	struct pq_statement *prepares; /* owned; enters the connection's map when the server accepts it */
	uint32_t tag_count;
	char tags[PQ_TAGS_MAX][PQ_TAG_LEN];
};

/* Makes it new and begins its event. */
void pq_command_begin(struct pq_command *c, int server_pid);

/* What is asked. */
void pq_command_query(struct pq_command *c, const char *query);
void pq_command_params(struct pq_command *c, int count);
void pq_command_prepare(struct pq_command *c, const char *name, const char *query);
void pq_command_statement(struct pq_command *c, const struct pq_statements *known, const char *name);

/* True for a result that tells an error. */
bool pq_result_failed(const struct real_pq *real, const PGresult *res);

/* A result has come.  Afterwards `*accepted` is a statement that the server has prepared, for the caller to keep. */
void pq_command_result(
    struct pq_command *c, const struct real_pq *real, const PGresult *res, struct pq_statement **accepted);

/*
 * An error passed inside a synchronous call that has not returned.  It is told at the return, where the stack is the
 * application's, and only if what is returned names no SQLSTATE: a server that ends a session says why before libpq
 * finds the connection closed.
 */
void pq_command_foresee(struct pq_command *c, const struct real_pq *real, const PGresult *res);

/* None came: the reason is the connection's own message. */
void pq_command_failed(struct pq_command *c, const struct real_pq *real, const PGconn *pg);

/* Writes the event.  `abandoned`: the program did not wait for the end.  Gives up all that the command holds. */
void pq_command_end(struct pq_command *c, const struct real_pq *real, const PGconn *pg, bool abandoned);

#endif
