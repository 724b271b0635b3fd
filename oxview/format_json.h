/* SPDX-License-Identifier: ISC */
/*
 * format_json: MessagePack as JSON, and nothing lost.
 *
 * Keys keep the order of the file, integers their 64 bits, floats their shortest exact form.  What JSON cannot say:
 * bytes, and text that is not UTF-8, are {"$bin": base64}; NaN and infinities {"$num": "nan"|"inf"|"-inf"}; a map with a
 * key that is not text, or that has one of these four keys itself, {"$map": [[key, value], ...]}; an ext
 * {"$ext": [type, base64]}.
 */
#ifndef BLUEOX_OXVIEW_FORMAT_JSON_H
#define BLUEOX_OXVIEW_FORMAT_JSON_H

#include "libbx/core/buf.h"
#include "libbx/core/event.h"

/* One line an event, newline included. */
void format_json(const struct event *ev, struct buf *out);

/* One whole object, which the caller has seen to be well formed; no newline. */
void json_object(struct bytes object, struct buf *out);

/* A text in quotes; what is not UTF-8 in its form for that. */
void json_text(struct bytes text, struct buf *out);

#endif
