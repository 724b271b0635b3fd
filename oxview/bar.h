/* SPDX-License-Identifier: ISC */
/* bar: a stretch of time as a line in a row of cells, half a cell exact. */
#ifndef BLUEOX_OXVIEW_BAR_H
#define BLUEOX_OXVIEW_BAR_H

#include <stdbool.h>

#include "libbx/core/buf.h"

/*
 * Draws what of 0 .. 1 lies between from and to into so many cells (columns), at least half a cell of it.  Without utf8
 * in ASCII.  Anything is allowed for from and to.
 */
void bar_draw(double from, double to, int cells, bool utf8, struct buf *out);

#endif
