/* SPDX-License-Identifier: ISC */
/* pq_error: the `error` of an event, from what PostgreSQL or libpq says; with the stack of the application. */
#ifndef BLUEOX_PRELOAD_PQ_ERROR_H
#define BLUEOX_PRELOAD_PQ_ERROR_H

#include "preload/real.h"
#include "preload/span.h"

/* From a text alone: libpq's own.  `code` may be NULL. */
void pq_error_text(bx_ctx *span, const char *code, const char *message);

/* From a result, with the server's fields; where it names no SQLSTATE, that code and message are better (or NULL). */
void pq_error_result(
    bx_ctx *span, const struct real_pq *real, const PGresult *res, const char *better_code, const char *better_message);

#endif
