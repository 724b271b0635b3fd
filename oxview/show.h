/* SPDX-License-Identifier: ISC */
/*
 * show: takes events and shows them, in the style, order and number that were asked for.
 *
 * Events are shown as they come, unless they must all be known first (--sort, --tree); then show_end() shows them.
 */
#ifndef BLUEOX_OXVIEW_SHOW_H
#define BLUEOX_OXVIEW_SHOW_H

#include <stdbool.h>

#include "oxview/conf.h"
#include "oxview/grid.h"
#include "oxview/out.h"
#include "oxview/repeats.h"
#include "oxview/sort.h"
#include "oxview/symbolize.h"
#include "oxview/term.h"
#include "oxview/trouble.h"

struct show {
	const struct conf *conf; /* borrowed */
	struct out *out;         /* borrowed */
	struct trouble *trouble; /* borrowed */
	struct term term;
	struct symbolizer *symbols; /* made at the first event in --pretty */
	struct sorter held;
	struct sums sums;
	struct repeats repeats; /* no memory: --all */
	struct grid grid;       /* rows of --table that wait for their width */
	bool holds;             /* until show_end() */
	bool gave_up;           /* too much to hold: nothing will be shown */
	uint64_t shown;
};

void show_init(struct show *s, const struct conf *conf, struct out *out, struct trouble *trouble);
void show_fini(struct show *s);

/* One event in a style that is text behind text: JSON, CSV, MessagePack.  Any thread, with columns of its own. */
void show_text(const struct conf *conf, struct paths *columns, const struct event *ev, struct buf *out);

/* As after show_init(): nothing was seen, counted or shown. */
void show_restart(struct show *s);

/* What events are best read through (source.h) where the events are shown in the order in which they are read; NULL: nothing. */
struct filter *show_finder(const struct show *s);

/* False when no more is wanted: the limit is reached, nobody reads any more, or memory is used up. */
bool show_event(struct show *s, const struct event *ev);
void show_end(struct show *s);

/* Writes what can be written now: the source is about to wait. */
void show_flush(struct show *s);

#endif
