/* SPDX-License-Identifier: ISC */
/*
 * json_quick: an object as JSON, where all of it has a plain form.
 *
 * Nearly every event has: its keys are text, its floats are numbers, its texts are UTF-8.  It is then written in one pass
 * into room that is known to suffice, without a look at either after each item.  What has another form is
 * left to format_json, which takes everything.
 */
#ifndef BLUEOX_OXVIEW_JSON_QUICK_H
#define BLUEOX_OXVIEW_JSON_QUICK_H

#include <stdbool.h>

#include "libbx/core/buf.h"
#include "libbx/core/event.h"

/* False, and nothing is appended: it needs another form, it is long, it is not whole, or memory is used up. */
bool json_quick(struct bytes whole, struct buf *out);

/* How each byte is written inside a string: 0 as it is, 1 as \u00XX, else behind a backslash. */
extern const uint8_t json_escapes[256];

/* Writes one byte that is not written as it is; six bytes at most. */
uint8_t *json_put_escape(uint8_t *to, uint8_t c);

/* Base64 with padding, (n + 2) / 3 * 4 bytes of it. */
uint8_t *json_put_base64(uint8_t *to, const uint8_t *p, size_t n);

uint8_t *json_put_uint(uint8_t *to, uint64_t v); /* 20 bytes at most */

#endif
