/* SPDX-License-Identifier: ISC */
/* error: the `error` field of an event, {class, code, message, fields, stack, print}; and the calls of shim.h. */
#ifndef BLUEOX_ERROR_H
#define BLUEOX_ERROR_H

#include "libbx/shim.h"

/* n, or fewer bytes, at most max, so that a text that is cut there ends with a whole character. */
size_t error_text_cut(const char *s, size_t n, size_t max);

enum { ERROR_MESSAGE_MAX = 4096, ERROR_FIELDS_MAX = 24 };

#endif
