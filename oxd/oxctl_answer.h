/* SPDX-License-Identifier: ISC */
/*
 * oxctl_answer: picking answers of the control port apart, and writing them for a terminal.
 *
 * Answers come from another program: whatever is missing or of another kind is left out, and text never carries
 * anything to the terminal but plain characters.
 */
#ifndef BLUEOX_OXD_OXCTL_ANSWER_H
#define BLUEOX_OXD_OXCTL_ANSWER_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "libbx/core/mp.h"

enum { ANSWER_TEXT_MAX = 512 };

/* Finds a key in the map at `map` and leaves `value` in front of its value. */
bool answer_find(struct cursor map, const char *name, struct cursor *value);

bool answer_number(const struct mp_token *t, double *out);
bool answer_find_number(struct cursor map, const char *name, double *out);
double answer_number_or(struct cursor map, const char *name, double otherwise);

/* NUL-terminated, cut to what fits; empty when there is none. */
const char *answer_find_text(struct cursor map, const char *name, char out[ANSWER_TEXT_MAX]);
const char *answer_text(const struct mp_token *t, char out[ANSWER_TEXT_MAX]);

/* `2026-11-22 16:44:25 (3 secs ago)` */
void answer_put_time(struct buf *out, double when);

#endif
