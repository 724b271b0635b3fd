/* SPDX-License-Identifier: ISC */
/* error: the `error` field of an event, {class, code, message, fields, stack, print}; and the calls of shim.h. */
#ifndef BLUEOX_ERROR_H
#define BLUEOX_ERROR_H

#include "libbx/shim.h"

enum { ERROR_MESSAGE_MAX = 4096, ERROR_FIELDS_MAX = 24 };

#endif
