/* SPDX-License-Identifier: ISC */
/*
 * redact: fields that are taken out of an event before anything of it is kept.
 *
 * A pattern is a glob over a field's dotted path from the top: `body.password`, `*.cookie`, `body.request.headers.*`.
 * Items of a list have the path of their list.  Only what lies in the body is ever taken out; a field goes with all that
 * is in it.  One thread.
 */
#ifndef BLUEOX_OXD_REDACT_H
#define BLUEOX_OXD_REDACT_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/buf.h"
#include "libbx/core/event.h"

struct redact_pattern {
	const char *glob;      /* borrowed */
	uint64_t fields_taken; /* counted here */
};

struct redact {
	struct redact_pattern *patterns; /* borrowed */
	size_t count;
	struct buf path; /* of the field at hand */
};

/* Appends the map without what the patterns name, and says whether anything was taken out.  The map is valid. */
bool redact_event(struct redact *r, struct bytes map, struct buf *out);
void redact_fini(struct redact *r);

#endif
