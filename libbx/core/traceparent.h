/* SPDX-License-Identifier: ISC */
/*
 * traceparent: the W3C Trace Context header, read strictly and written.
 *
 *     00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 *     version  trace id (32)              parent span (16) flags
 *
 * https://www.w3.org/TR/trace-context/#traceparent-header: hex digits are lower case, neither id is all zero, version ff
 * is none, version 00 ends behind the flags, and a later version may go on behind a dash.
 */
#ifndef BLUEOX_CORE_TRACEPARENT_H
#define BLUEOX_CORE_TRACEPARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/id.h"

enum { TRACEPARENT_LEN = 55 };

struct traceparent {
	char trace_id[33]; /* NUL-terminated, lower case */
	char span[17];
	bool sampled; /* the caller says that it may have recorded */
};

/* Reads a header value of n bytes.  False, and *out untouched, when it is malformed in any way. */
bool traceparent_read(const char *text, size_t n, struct traceparent *out);

/* Writes TRACEPARENT_LEN characters and a NUL. */
void traceparent_write(char out[TRACEPARENT_LEN + 1], struct id trace_id, uint64_t span, bool sampled);

#endif
