/* SPDX-License-Identifier: ISC */
/*
 * format_errors: groups of errors, one after the other.
 *
 *     1,204  pq 42P01: relation "baskets" does not exist  (and others)
 *            9f0c1d2e3f405162  2025-11-22 15:40:00 .. 2025-11-23 03:12:09
 *            shop.request.sql  on web1, web2
 *            #0 load_basket+0x1c at basket.c:42 (shop)
 *
 * As JSON a line a group: print, count, first, last, hosts, types, class, code, message, varied, and top, the place.
 */
#ifndef BLUEOX_OXVIEW_FORMAT_ERRORS_H
#define BLUEOX_OXVIEW_FORMAT_ERRORS_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "oxview/errors.h"
#include "oxview/stack.h"
#include "oxview/symbolize.h"
#include "oxview/term.h"

/* The first `most` of them (0: all); for people with a line behind them that says how many there are. */
void format_errors(
    const struct errors *e, uint64_t most, const struct term *term, struct symbolizer *symbols, struct buf *out);
void format_errors_json(const struct errors *e, uint64_t most, struct symbolizer *symbols, struct buf *out);

/* Parts of it, for format_error.h: `pq 42P01: relation ...`; `2025-11-22 15:40:00`; names with commas; the pairs of the object. */
void errors_put_said(const struct fault *f, struct buf *out);
void errors_put_time(double when, struct buf *out);
void errors_put_names(const struct fault_names *names, struct buf *out);
void errors_json_group(const struct fault_group *g, struct buf *out);
void errors_json_frame(const struct stack_frame *f, struct symbolizer *symbols, struct buf *out);

#endif
