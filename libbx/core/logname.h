/* SPDX-License-Identifier: ISC */
/*
 * logname: names of log files.
 *
 * TYPE.YYMMDD.log, hourly TYPE.YYMMDDHH.log, and TYPE.DATE.N.log where that day's file was sealed or replaced already.
 * Dates are UTC, the day of arrival.  In TYPE everything but [A-Za-z0-9._-] is percent-encoded, a leading dot too, so
 * that no type leaves the directory or hides in it.
 */
#ifndef BLUEOX_CORE_LOGNAME_H
#define BLUEOX_CORE_LOGNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/event.h"

enum { LOGNAME_MAX = 256, LOGNAME_TYPE_MAX = 200 };

struct logname {
	char type[LOGNAME_TYPE_MAX + 1]; /* decoded, NUL-terminated; may hold any byte that was encoded */
	size_t type_len;
	int64_t day_start; /* seconds since the epoch, of the day or hour in the name */
	bool hourly;
	unsigned part; /* N, or 0 */
};

/*
 * Writes the file name for events of this type that arrived then.  An encoded type that is too long is cut and ends in
 * `~` and the XXH3 of the whole, so that two long types never share a file.
 * A part is 1 to 9999, or 0 for the day's first file.
 */
void logname_make(struct bytes type, int64_t arrival_ns, bool hourly, unsigned part, char out[LOGNAME_MAX]);

/* Reads a file's name (no directories).  False when it is not one that logname_make writes, letter for letter. */
bool logname_parse(const char *file, struct logname *out);

#endif
