/* SPDX-License-Identifier: ISC */
/*
 * pq_statements: the texts of one connection's prepared statements, so that an execution by name can show its SQL.
 *
 * Bounded: a text is kept as far as an event would show it, and a connection keeps at most PQ_STATEMENTS_MAX of them;
 * past that executions carry only the name.  Allocates when a statement is prepared, never when it is executed.
 */
#ifndef BLUEOX_PRELOAD_PQ_STATEMENTS_H
#define BLUEOX_PRELOAD_PQ_STATEMENTS_H

#include <stddef.h>
#include <stdint.h>

enum { PQ_STATEMENTS_MAX = 4096 };

struct pq_statement {
	struct pq_statement *next;
	uint32_t hash;     /* of the name */
	const char *name;  /* behind the struct, as the text is */
	const char *query; /* cut; not NUL-terminated */
	size_t query_kept; /* bytes there are */
	size_t query_size; /* bytes there were */
};

struct pq_statements; /* NULL is a valid, empty one */

/* A statement on its way to the server, owned by the caller; NULL: no memory, or no name or no text. */
struct pq_statement *pq_statement_new(const char *name, const char *query, size_t keep_max);
void pq_statement_free(struct pq_statement **statement);

/* The server has taken it: replaces one of the same name.  Takes ownership. */
void pq_statements_put(struct pq_statements **all, struct pq_statement *statement);

const struct pq_statement *pq_statements_find(const struct pq_statements *all, const char *name);
void pq_statements_free(struct pq_statements **all);

#endif
