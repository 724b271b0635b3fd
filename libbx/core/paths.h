/* SPDX-License-Identifier: ISC */
/*
 * paths: the values that an event has at some paths, found in one pass.
 *
 *    type, response.status, duration
 *
 * A path is what it is in a filter (doc/FILTER.md): looked for in the body first, then at the top; with a dot in front at
 * the top only; `duration` is end - start where there is no field of that name.  Nothing is decoded or copied: values are
 * borrowed from the event's bytes.
 *
 * As a filter, they belong to one thread at a time.
 */
#ifndef BLUEOX_CORE_PATHS_H
#define BLUEOX_CORE_PATHS_H

#include "libbx/core/event.h"
#include "libbx/core/filter.h"
#include "libbx/core/mp.h"

enum { PATHS_MAX = 64 };

struct paths;

/* Paths with commas between them; NULL with *err filled. */
struct paths *paths_parse(const char *text, size_t n, struct filter_error *err);
void paths_free(struct paths **p);

size_t paths_count(const struct paths *p);
struct bytes paths_name(const struct paths *p, size_t i); /* as it was written */

/* Finds all of them in the event that the bytes start with; what the following tell is about it until the next call. */
enum bx_err paths_find(struct paths *p, const void *event, size_t n);

/* The same for an event that was read, quickly where it was read through the paths' filter.  False: it is none. */
bool paths_find_in(struct paths *p, const struct event *ev);
struct filter *paths_filter(struct paths *p); /* for filter_read() alone */

/* The first token of value i.  False: the event has none. */
bool paths_token(const struct paths *p, size_t i, struct mp_token *t);

/* The whole object that value i is, absent when there is none.  A computed one is kept in p until the next call. */
struct bytes paths_object(struct paths *p, size_t i);

#endif
