/* SPDX-License-Identifier: ISC */
/*
 * left_out: what intake has left out of the frame at hand, in few words, to be journaled with what it kept.
 *
 * One item a host, reason and rule.  Its bytes, behind one another: a MessagePack array [host, reason, rule, events,
 * bytes] each, host nil for a program's own, rule nil where there is none.  Ingest thread.
 */
#ifndef BLUEOX_OXD_LEFT_OUT_H
#define BLUEOX_OXD_LEFT_OUT_H

#include "libbx/core/buf.h"
#include "libbx/core/cursor.h"
#include "libbx/core/event.h"

struct left_item {
	char host[256]; /* empty: of the program whose ring it is */
	char reason[32];
	char rule[400]; /* cut there; empty: none */
	uint64_t events, bytes;
	size_t host_n; /* these three while a list is made only; the two are borrowed */
	const char *reason_at, *rule_at;
};

/* All zeroes is valid and empty. */
struct left_out {
	struct left_item *items; /* owned */
	size_t count, cap;
};

void left_out_fini(struct left_out *l);

/* The first so many items are told. */
void left_out_passed(struct left_out *l, size_t count);

/* The rules that items were borrowed from go, or are put in again at the same place. */
void left_out_outlive_rules(struct left_out *l);

void left_out_add(
    struct left_out *l, struct bytes host, const char *reason, const char *rule, uint64_t events, uint64_t bytes);

/*
 * Adds items from *at on to out, while they take no more than `most` bytes, and moves *at on.  With `all` what does not fit
 * is told without its rule, in the room that is kept for that: nothing is left for another call.
 */
void left_out_encode(struct left_out *l, size_t *at, bool all, size_t most, struct buf *out);

/* The next item; false at the end, or with the cursor failed where the bytes are not such items. */
bool left_out_next(struct cursor *c, struct left_item *item);

#endif
