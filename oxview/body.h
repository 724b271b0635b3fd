/* SPDX-License-Identifier: ISC */
/*
 * body: looking fields up in an event without decoding it.
 *
 * All of it is linear scans over borrowed bytes, which for a body of a dozen fields is faster than anything clever.
 */
#ifndef BLUEOX_OXVIEW_BODY_H
#define BLUEOX_OXVIEW_BODY_H

#include <stdbool.h>

#include "libbx/core/event.h"
#include "libbx/core/mp.h"

/* The value at `key` in a map (key is one part, dots are plain characters); absent when there is none. */
struct bytes map_get(struct bytes map, const char *key, size_t key_len);

/*
 * The value at a dotted path in the event's body.  At each level a key that has dots itself is found as well: the
 * longest match wins, so `a.b.c` finds {a: {b: {c: 1}}}, {"a.b": {c: 1}} and {"a.b.c": 1}.
 */
struct bytes body_get(const struct event *ev, const char *path);

/* The first token of an object; kind MP_NIL when the object is absent. */
struct mp_token object_token(struct bytes object);

/* Text of a str or bin, else absent. */
struct bytes object_text(struct bytes object);

/* The event's `error`, absent when it has none or it is nil. */
struct bytes body_error(const struct event *ev);
bool body_has_error(const struct event *ev);

#endif
