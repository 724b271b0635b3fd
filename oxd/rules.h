/* SPDX-License-Identifier: ISC */
/*
 * rules: what the operator wants of the events that this oxd makes into frames.
 *
 *    rule   = TYPEGLOB [where FILTER] : keep | drop | sample R       the first that matches decides
 *    quota  = TYPEGLOB: N/s                                          per type and program
 *    redact = body.password,*.cookie                                 fields taken out
 *
 * They are applied once, between a ring or a version 3 client and the journal: a frame is never rewritten afterwards, so
 * a replay of the journal, and every oxd on the way, sees what was decided here.  Language and reasons: doc/RULES.md.
 * Sampling goes by a hash of the id, so that a whole group stays or goes, on every host alike.  Ingest thread.
 */
#ifndef BLUEOX_OXD_RULES_H
#define BLUEOX_OXD_RULES_H

#include "libbx/core/frame.h"
#include "libbx/core/settings.h"

struct rules;

struct rules_config {
	struct setting_list rules, quotas, redact;
};

/* Tells one mistake; `list` and `item` say which text it is in. */
typedef void rules_wrong(void *arg, const struct setting_list *list, size_t item, const char *why);

/* NULL when there is a mistake, after all of them have been told; also NULL, with none told, when nothing is asked for. */
struct rules *rules_new(const struct rules_config *config, int64_t now_ns, rules_wrong *wrong, void *arg);
void rules_free(struct rules **r);

/* What became of an event. */
struct rules_verdict {
	const char *reason; /* NULL: kept.  "rule" or "quota" */
	const char *text;   /* of that rule or quota; lives as long as the rules */
};

/*
 * Decides about one event; a kept one is added to the frame, with fields taken out of it.  An event never becomes longer.
 */
struct rules_verdict rules_take(struct rules *r, const struct frame_event *ev, const char *program, int64_t now_ns,
    struct buf *frame, size_t frame_at);

/* A MessagePack array: {rule|quota|redact: text, matched, dropped | fields}. */
void rules_encode(const struct rules *r, struct buf *out);

#endif
