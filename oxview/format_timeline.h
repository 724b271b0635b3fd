/* SPDX-License-Identifier: ISC */
/*
 * format_timeline: when the events of each group were, as a line of bars of eight heights.
 *
 *     2026-11-22T10:00:00.000000Z .. 2026-11-22T11:00:00.000000Z, a bar is 1m 00s
 *     shop.request  ▁▁▂▃█▇▃▂▁  12,345  at most 812
 */
#ifndef BLUEOX_OXVIEW_FORMAT_TIMELINE_H
#define BLUEOX_OXVIEW_FORMAT_TIMELINE_H

#include "oxview/format_sums.h"

/* Groups whose time matters, finished.  Stretches are put together until they fit into the terminal. */
void format_timeline(const struct sums *s, const struct sums_shape *shape, const struct term *term, struct buf *out);

#endif
