/* SPDX-License-Identifier: ISC */
/*
 * pq_text: how an event shows the text of a query: as it is, without its literals (BLUEOX_SQL=strip), or not at all.
 *
 * `query` is cut at BLUEOX_SQL_MAX bytes; `query_size` tells how long a text was that was cut, and `fingerprint`, with
 * strip, is the hash of the whole stripped text.  A query that may set a password is shown without its literals always.
 */
#ifndef BLUEOX_PRELOAD_PQ_TEXT_H
#define BLUEOX_PRELOAD_PQ_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/pack.h"

enum { PQ_TEXT_FIELDS = 3 };

enum pq_text {
	PQ_AS_IS,
	PQ_STRIPPED,
	PQ_STRIPPED_BACKSLASHES, /* and standard_conforming_strings is off */
	PQ_HIDDEN,               /* where its literals end is not known for sure: its size alone */
};

/* How a query is to be shown, but for backslashes. */
enum pq_text pq_text_how(const char *query, size_t size);

/* Bytes that pq_text_pack() writes at most for a query of that size. */
size_t pq_text_room(size_t size);

void pq_text_pack(struct pack *p, const char *query, size_t size, enum pq_text how);

#endif
