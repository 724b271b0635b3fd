/* SPDX-License-Identifier: ISC */
/*
 * pq_statements: the texts of one connection's prepared statements, so that an execution by name can show its SQL.
 *
 * A text is kept as the fields that an event shows of it, ready to be copied.  Bounded: a connection keeps at most
 * PQ_STATEMENTS_MAX of them; past that executions carry only the name.  Allocates when a statement is prepared, never
 * when it is executed.
 */
#ifndef BLUEOX_PRELOAD_PQ_STATEMENTS_H
#define BLUEOX_PRELOAD_PQ_STATEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/pq_text.h"

enum { PQ_STATEMENTS_MAX = 4096 };

struct pq_statement {
	struct pq_statement *next;
	uint32_t hash; /* of the name */
	uint32_t field_count;
	size_t fields_len;
	const uint8_t *fields; /* what pq_text_pack() made of its text; behind the struct, as the name is */
	const char *name;
};

struct pq_statements; /* NULL is a valid, empty one */

/* A statement on its way to the server, owned by the caller; NULL: no memory. */
struct pq_statement *pq_statement_new(const char *name, const char *query, size_t size, enum pq_text how);
void pq_statement_free(struct pq_statement **statement);

/* The server has taken it: replaces one of the same name.  Takes ownership. */
void pq_statements_put(struct pq_statements **all, struct pq_statement *statement);

const struct pq_statement *pq_statements_find(const struct pq_statements *all, const char *name);
void pq_statements_remove(struct pq_statements *all, const char *name);
void pq_statements_free(struct pq_statements **all);

#endif
