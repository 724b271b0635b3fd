/* SPDX-License-Identifier: ISC */
/*
 * filter: one condition over an event, as people write it, decided on the event's bytes.
 *
 *    response.status >= 500 && duration > 250ms && user_agent ~ "curl"
 *
 * The language is in doc/FILTER.md.  A filter is read once (filter_parse) and then asked for any number of events.  To
 * decide, one pass goes over the event's MessagePack; nothing is decoded into objects and nothing is allocated.  Types
 * never make it fail: a comparison that makes no sense is false.
 *
 *    filter_lex    text to words           filter_parse   words to a tree, paths to a trie
 *    filter_eval   the pass over the event, and the tree over what it found
 *
 * A filter belongs to one thread at a time: what it found in the event at hand is kept in it.
 */
#ifndef BLUEOX_CORE_FILTER_H
#define BLUEOX_CORE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/buf.h"
#include "libbx/core/err.h"

struct filter;

struct filter_error {
	unsigned column; /* in bytes, from 1: where the word starts that is wrong */
	char text[160];  /* what is wrong with it */
};

/* NULL with *err filled.  `now_ns` is what `now` and `-2h` are relative to. */
struct filter *filter_parse(const char *text, size_t n, int64_t now_ns, struct filter_error *err);
void filter_free(struct filter **f);

/* Adds the text with a mark under the column and what is wrong there: three lines for a terminal. */
void filter_error_show(const struct filter_error *err, const char *text, struct buf *out);

/* True when the n bytes are one whole event for which the condition holds. */
bool filter_match(struct filter *f, const void *event, size_t n);

/*
 * The same for the event that p starts with; its length goes to *used, so that a log is walked and filtered in one pass.
 * BX_ESHORT when the n bytes end inside it, BX_EBAD or BX_ELIMIT when it is none; *match is then false.
 */
enum bx_err filter_scan(struct filter *f, const void *p, size_t n, size_t *used, bool *match);

/*
 * The same for events that are read as such.  filter_read() is event_read(), and finds on the way what filter_holds() asks for,
 * which is then cheap as long as no other event is read through this filter.
 */
struct event;
enum bx_err filter_read(struct filter *f, const void *p, size_t n, struct event *ev, size_t *used);
bool filter_holds(struct filter *f, const struct event *ev);

#endif
