/* SPDX-License-Identifier: ISC */
/*
 * forward_cursor: up to which journal number everything has been acknowledged upstream, durably (rules S1, J7).
 *
 * A cursor that is behind is harmless: what is sent again is known there.  So it is saved once a second, in two
 * generations, and the journal keeps what the older one might still ask for.
 */
#ifndef BLUEOX_OXD_FORWARD_CURSOR_H
#define BLUEOX_OXD_FORWARD_CURSOR_H

#include "oxd/audit.h"
#include "oxd/journal.h"

struct forward_cursor {
	struct journal *journal; /* borrowed; NULL while it is not held */
	int state_fd;            /* borrowed */
	unsigned place;          /* in the journal's list of cursors */
	_Atomic uint64_t number; /* acknowledged; any thread reads */
	bool durable;            /* there is a generation at all */
	uint64_t saved, before;  /* the newest generation and the one before */
	int64_t saved_ns;
	struct audit *audit; /* borrowed; its sums of what was sent are saved with the number; NULL: somebody else's */
};

/* The number in the state directory; false when there is none. */
bool forward_cursor_read(int state_fd, uint64_t *number);

/* Holds the journal at what the state directory says, else at `fresh`. */
void forward_cursor_open(struct forward_cursor *c, struct journal *journal, int state_fd, uint64_t fresh);

/* Nothing is held any more; with `forget` the files go too. */
void forward_cursor_close(struct forward_cursor *c, bool forget);

/* Never back. */
void forward_cursor_move(struct forward_cursor *c, uint64_t number);

/* Saves when that is due, or `now` in any case.  False with errno when the disk said no; then it is tried again. */
bool forward_cursor_save(struct forward_cursor *c, int64_t mono_ns, bool now);

#endif
