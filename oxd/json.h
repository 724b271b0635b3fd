/* SPDX-License-Identifier: ISC */
/*
 * json: one MessagePack object as JSON text, for oxctl --raw.
 *
 * For the answers of the control port, which are small.  Bytes that are no text are {"$bin": base64}; a key that is no
 * text is written as the text of its JSON.
 */
#ifndef BLUEOX_OXD_JSON_H
#define BLUEOX_OXD_JSON_H

#include "libbx/core/buf.h"

/* BX_OK when p holds exactly one object; otherwise out holds what could be written before the fault. */
enum bx_err json_from_mp(const void *p, size_t n, struct buf *out);

/* One JSON string. */
void json_add_text(struct buf *out, const void *p, size_t n);

#endif
