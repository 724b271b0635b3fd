/* SPDX-License-Identifier: ISC */
/*
 * crew: log files read by several threads, and shown as if by one.
 *
 * Files are cut into pieces of the same size.  Where in a piece the first event begins nobody knows before the piece in front of it was
 * read, so each thread guesses: the first place from which an event of the usual form can be read.  Then the
 * pieces have their turn, in their order.  When the piece in front ended exactly where this one was begun, what was
 * found in it is good, since there is one way only to read on from a border; else, and where anything was wrong with the bytes, the
 * rest of the file is read again, in turn, as one thread would.  So the guess costs time and never an answer.
 *
 * In its turn a piece is held against the events that were shown before (repeats.h), and what is printed is printed; so order,
 * limits and repeats are those of one thread.  Sums are gathered by each thread for itself and merged at the end.  A thread whose
 * piece has not its turn yet keeps what it found (haul.h) and goes on, a piece ahead at most, so that none waits for one that is
 * a little slower.
 */
#ifndef BLUEOX_OXVIEW_CREW_H
#define BLUEOX_OXVIEW_CREW_H

#include <stdbool.h>

#include "oxview/show.h"

enum crew_result {
	CREW_NOT_FOR_IT, /* one thread is better or the only way: nothing was shown or told */
	CREW_SHOWN,
};

/* Reads what the conf asks for into show; the caller ends the show. */
enum crew_result crew_run(const struct conf *conf, struct show *show);

#endif
