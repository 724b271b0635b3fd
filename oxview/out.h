/* SPDX-License-Identifier: ISC */
/*
 * out: standard output in big writes.
 *
 * Formats append to `out->buf`; out_done() is called once an event and writes when enough has gathered, or at once when
 * somebody is waiting (a terminal).  Whoever is about to wait for input calls out_flush() first.  A reader that went
 * away is no trouble: `closed` turns true and everything after it is thrown away.
 */
#ifndef BLUEOX_OXVIEW_OUT_H
#define BLUEOX_OXVIEW_OUT_H

#include <stdbool.h>

#include "libbx/core/buf.h"

struct out {
	struct buf buf;
	int fd;
	int terminal;       /* to be asked what it shows and how wide it is; mostly fd itself */
	bool prompt;        /* write after each event */
	bool ends_progress; /* a line on the same terminal is taken away before the first write */
	bool closed;        /* nobody reads any more */
	int error;          /* errno of another failure to write, or to allocate; 0: none */
};

/* `terminal` starts as fd. */
void out_init(struct out *o, int fd, bool prompt);
void out_fini(struct out *o);

/* Behind what is in the buf, without a copy where it is long.  False as out_done(). */
bool out_put(struct out *o, const void *p, size_t n);

/* An event is complete in the buf.  False when no more is wanted: closed or error. */
bool out_done(struct out *o);
bool out_flush(struct out *o);

#endif
