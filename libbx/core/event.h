/* SPDX-License-Identifier: ISC */
/*
 * event: one event's MessagePack map, as a borrowed view.
 *
 * Nothing is copied and nothing is rewritten: the view points into the bytes it was read from.  Keys come in any order
 * and any of them may be missing or of an unexpected type (old clients, other languages); what could not be understood
 * is simply absent in the view, and the bytes themselves are still whole.  Of a key that comes twice the last counts.  See doc/FORMATS.md, "The event".
 */
#ifndef BLUEOX_CORE_EVENT_H
#define BLUEOX_CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/err.h"

struct bytes {
	const uint8_t *p; /* NULL when absent */
	size_t n;
};

struct event {
	struct bytes raw;    /* the whole map */
	struct bytes id;     /* text of the id; absent when it is not a string or bin */
	struct bytes id_raw; /* the id as one MessagePack object, whatever it is */
	struct bytes type;
	struct bytes host;
	struct bytes span;
	struct bytes parent;
	struct bytes body; /* one MessagePack object, a map unless body_is_map is false */
	bool body_is_map;
	bool
	    written; /* as libbx writes it: each key that it has is one of ours, comes once and has a value of its kind */
	const uint8_t *pid_at, *start_at; /* of these two values, where it is */
	const struct filter *found_by;    /* has its values at hand, until it is asked for another event; NULL: none */
	bool has_pid, has_start, has_end;
	uint64_t pid;
	double start, end; /* seconds since the epoch */
};

/*
 * Reads the event that p starts with; what lies behind it is not looked at.  Gives its length in *used when it is one
 * whole map.  BX_ESHORT when the n bytes end inside it, BX_EBAD or BX_ELIMIT when it is none; the view is then all absent.
 */
enum bx_err event_read(const void *p, size_t n, struct event *ev, size_t *used);

/* Where the value of a double key of ours lies that has no field in the view: the end, in an event as libbx writes it. */
enum { EVENT_END_BEHIND_START = 9 + 4 };

/*
 * As event_read, and the body is passed by somebody else on the way, who moves the cursor behind it, or fails it.  Takes
 * and refuses the same bytes when `pass` takes and refuses what mp_skip_within() does.  False in *passed: the event is not as libbx
 * writes it, and what the passer has seen is void.
 */
struct cursor;
struct event_passer {
	void (*pass)(void *context, struct cursor *body);
	void *context;
};
enum bx_err event_read_through(
    const void *p, size_t n, struct event *ev, size_t *used, const struct event_passer *passer, bool *passed);

/*
 * As event_read, for whoever reads very many: of the view only raw, id, start and end are filled in.  Takes and refuses
 * the same bytes.
 */
enum bx_err event_glance(const void *p, size_t n, struct event *ev, size_t *used);

/* Reads exactly n bytes as one event.  BX_EBAD when they are not one whole map; the view is then all absent. */
enum bx_err event_parse(const void *p, size_t n, struct event *ev);

/* How many bytes the first MessagePack map at p takes, 0 when there is none whole (err tells why, may be NULL). */
size_t event_length(const void *p, size_t n, enum bx_err *err);

static inline bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || __builtin_memcmp(a.p, b.p, a.n) == 0);
}

#endif
