/* SPDX-License-Identifier: ISC */
/*
 * serve_query: one question of a page, from its texts to the data that answer it.
 *
 * A question ends by itself: after QUERY_SECONDS the answer is what was found until then, and says so.
 */
#ifndef BLUEOX_OXVIEW_SERVE_QUERY_H
#define BLUEOX_OXVIEW_SERVE_QUERY_H

#include <stdatomic.h>

#include "oxview/conf.h"
#include "oxview/out.h"
#include "oxview/serve_recent.h"
#include "oxview/symbolize.h"

enum { QUERY_SECONDS = 20, QUERY_TYPES = 32, QUERY_TEXT = 4096 };

/* As typed into the page; NULL or empty: nothing. */
struct query_texts {
	const char *where, *types, *from, *to;
};

enum query_result {
	QUERY_ANSWERED,
	QUERY_WRONG, /* why is in `wrong`: lines of text, with a mark under the column where that is known */
	QUERY_CANCELLED,
	QUERY_FAILED, /* out of memory or of room for the answer */
};

/*
 * Writes the data to `out`.  `conf` has what is the same for all questions: the log directory, --id, --errors-only, --overlap,
 * --local, --all.  `recent` is NULL where no oxd is listened to.  `symbols` names places in stacks as long as there is time.  Ends
 * early when *cancelled turns true.
 */
enum query_result serve_query(const struct conf *conf, const struct query_texts *texts, struct serve_recent *recent,
    struct symbolizer *symbols, const atomic_bool *cancelled, struct out *out, struct buf *wrong);

#endif
