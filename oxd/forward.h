/* SPDX-License-Identifier: ISC */
/*
 * forward: the journal reader that sends everything to another oxd.
 *
 * A thread of its own, with a durable cursor.  It uses the first upstream of its list that answers; the others are
 * backups.  While a backup is in use the earlier ones are asked every ten seconds, and when one answers, what is under
 * way is waited for and the next session is with that one.  One session at a time, always from the same cursor: what
 * was sent and not acknowledged is sent again, and is known by its name where it has arrived (rules S1 to S4).
 */
#ifndef BLUEOX_OXD_FORWARD_H
#define BLUEOX_OXD_FORWARD_H

#include "oxd/forward_cursor.h"
#include "oxd/ingest.h"
#include "oxd/seen.h"
#include "oxd/upstream.h"

struct forward_config {
	void *zmq; /* borrowed, as all here */
	struct journal *journal;
	struct ingest *ingest; /* is told what is lost */
	struct seen *seen;     /* NULL when a log writer fills it */
	struct audit *audit;   /* likewise */
	struct stats *stats;
	const char *state_path;
	struct upstreams settings; /* as options, environment and file say */
	uint64_t fresh;            /* where to begin when there is no cursor */
};

struct forward;

/* The number that its cursor covers, 0 without one: part of what journal_open() wants as its floor. */
uint64_t forward_covered(const char *state_path);

/* Loads list and cursor, and holds the journal; one line in err on failure. */
enum bx_err forward_open(struct forward **out, const struct forward_config *config, char *err, size_t err_cap);
bool forward_start(struct forward *f);

/* Sends what is synced, for at most two seconds and only while it is acknowledged; saves the cursor, ends the thread. */
void forward_stop(struct forward *f);
void forward_close(struct forward **f);

/* ---- any thread -------------------------------------------------------------------------------------------------- */

bool forward_is_on(struct forward *f); /* there is somewhere to send to */
uint64_t forward_acked(struct forward *f);

/* One MessagePack map: {to: [...], at, state, acked, in_flight}. */
void forward_encode(struct forward *f, struct buf *out);
void forward_list(struct forward *f, struct upstreams *out);

/*
 * Changes the list, durably first.  An empty one ends forwarding: the cursor is forgotten, and what was not yet sent
 * stays here.  False with errno when it could not be saved; then nothing has changed.
 */
bool forward_set(struct forward *f, const struct upstreams *list);

#endif
