/* SPDX-License-Identifier: ISC */
/*
 * pq_connect: how a `.sql.connect` event ends.
 *
 * No password gets into it: what the application gave is never looked at, only what libpq made of it, and libpq's message
 * is left out where that was misread or holds the password.
 */
#ifndef BLUEOX_PRELOAD_PQ_CONNECT_H
#define BLUEOX_PRELOAD_PQ_CONNECT_H

#include "preload/real.h"
#include "preload/span.h"

/* Writes the event.  `pg` may be NULL: libpq had no memory.  `abandoned`: the program gave up before it was known. */
void pq_connect_end(bx_ctx *span, int64_t begin_ns, const struct real_pq *real, const PGconn *pg, bool abandoned);

#endif
