/* SPDX-License-Identifier: ISC */
/*
 * format_tree: a group of events as a tree beside a scale of time.
 *
 *     6745a1b2c3d4  psql@host  2026-11-22 15:40:00.123  34.2 ms  3 events, 1 error
 *       ━━━━━━━━━━━━━━━━━━━━  34.2 ms  psql
 *       ━╸                    1.20 ms  ├─ .sql  SELECT 1  (1 rows)
 *            ╺╸                812 µs  └─ .sql  ✗ pq 42P01: relation "x" does not exist  SELECT * FROM x
 */
#ifndef BLUEOX_OXVIEW_FORMAT_TREE_H
#define BLUEOX_OXVIEW_FORMAT_TREE_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "oxview/term.h"
#include "oxview/tree.h"

/* Ends with an empty line.  Unless `all`, long runs of like events are cut short. */
void format_tree(const struct tree_group *g, const struct term *term, bool all, struct buf *out);

#endif
