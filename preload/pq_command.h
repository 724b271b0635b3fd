/* SPDX-License-Identifier: ISC */
/*
 * pq_command: one command sent to PostgreSQL and the `.sql` event it becomes.
 *
 * Results are noted as they pass; the event is written when the command ends.  What is asked of libpq here is free: it
 * reads memory that the connection or result holds, never the socket.  Parameter values, and the texts of DETAIL and
 * CONTEXT, which may quote rows, are left out unless BLUEOX_SQL_PARAMS asks for them: they are other people's data.
 */
#ifndef BLUEOX_PRELOAD_PQ_COMMAND_H
#define BLUEOX_PRELOAD_PQ_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/pq_session.h"
#include "preload/pq_statements.h"
#include "preload/real.h"
#include "preload/span.h"

enum { PQ_TAGS_MAX = 16, PQ_TAG_LEN = 64 /* as libpq's own CMDSTATUS_LEN */, PQ_NAME_MAX = 64 /* NAMEDATALEN */ };

/*
 * A run of what a pipeline has sent beyond the commands that are recorded in flight: how many commands and points, not in
 * which order.  That is enough to know when the run has been passed, and a lost count is right again at its last point.
 */
struct pq_unseen {
	uint64_t before; /* commands before the last point */
	uint64_t points; /* synchronisation points */
	uint64_t behind; /* commands behind the last point */
	bool answered;   /* some result of the command that is its oldest has come */
};

struct pq_command {
	struct pq_command *next;
	struct pq_unseen unseen; /* what was sent between this one and the next */
	bool is_sync;            /* a synchronisation point of a pipeline: no event, only its place in the queue */
	bool answered;           /* some result of it has come */
	bool partial;            /* more of its newest result is to come: rows one by one, a COPY */
	bool failed;             /* its error is told */
	bool
	    broken; /* reading or writing went wrong: the reason is the connection's, if no result tells a better one */
	bool aborted;     /* not run: the pipeline had failed before it */
	bool has_rows;    /* some result told a number of rows */
	bool whole_seen;  /* its results are noted from inside libpq's own loop, one by one */
	bool errors_seen; /* what fails in there is of this call */
	bool forgets_all; /* DEALLOCATE ALL, DISCARD ALL */
	bx_ctx *span;
	struct span_asked asked; /* by which call, once that has returned */
	int64_t begin_ns;
	int64_t first_row_ns; /* single-row mode: the first row; else 0 */
	int64_t last_ns;      /* the newest result; 0 before the first, and while a synchronous call runs */
	uint64_t rows;
	uint64_t copied_bytes;
	struct pq_statement *prepares; /* owned; enters the connection's map when the server accepts it */
	char forgets[PQ_NAME_MAX];     /* leaves the map then; empty: none */
	char first_code[8]; /* SQLSTATE and text of an error that a later result of the same call would hide */
	char first_message[512];
	uint32_t tag_count;
	struct pq_tag {
		uint8_t len;
		uint8_t packed[PQ_TAG_LEN + PACK_MORE]; /* as it is in the event */
	} tags[PQ_TAGS_MAX];
};

/* What is asked of the server; what does not apply is zero. */
struct pq_asked {
	const char *function; /* what was called, where there is no query to tell */
	const char *query;
	bool prepares; /* the query, as a statement of that name */
	bool forgets;  /* that statement */
	const char *statement;
	const char *portal;
	bool has_params;
	int param_count;
	const char *const *values;
	const int *lengths;
	const int *formats;
};

/* Makes it new and begins its event. */
void pq_command_begin(struct pq_command *c);

/* `size` is the query's, `how` the way in which it is shown. */
void pq_command_ask(struct pq_command *c, const struct pq_asked *asked, size_t size, const struct pq_statements *known,
    enum pq_text how);

/* True for a result that tells an error. */
bool pq_result_failed(const struct real_pq *real, const PGresult *res);

/*
 * A result has come.  True when the server has carried out a command: then statements that it prepared or took away are
 * for the caller to note.
 */
bool pq_command_result(struct pq_command *c, const struct real_pq *real, const PGresult *res);

/*
 * An error passed inside a synchronous call that has not returned.  It is told at the return, where the stack is the
 * application's, and only if what is returned names no SQLSTATE: a server that ends a session says why before libpq
 * finds the connection closed.
 */
void pq_command_foresee(struct pq_command *c, const struct real_pq *real, const PGresult *res);

/* No result came: the reason is the connection's own message, or what was foreseen. */
void pq_command_failed(struct pq_command *c, const struct real_pq *real, const PGconn *pg);

/* Writes the event.  `abandoned`: the program did not wait for the end.  Gives up all that the command holds. */
void pq_command_end(struct pq_command *c, const struct real_pq *real, const PGconn *pg,
    const struct pq_session *session, bool abandoned);

#endif
