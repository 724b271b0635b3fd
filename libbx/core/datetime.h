/* SPDX-License-Identifier: ISC */
/*
 * datetime: dates as people write them, and as ISO 8601.
 *
 * Everything is UTC unless an offset is written.  What is read is a stretch of time, not a point: a day is as long as
 * a day, so that a range that ends with a day ends with its last nanosecond.  No locale, no allocation.
 */
#ifndef BLUEOX_CORE_DATETIME_H
#define BLUEOX_CORE_DATETIME_H

#include <stdbool.h>
#include <stdint.h>

struct datetime {
	int64_t first_ns; /* since the epoch */
	int64_t last_ns;  /* the same for a point in time, the last of the day for a bare day */
};

/*
 * Reads the whole text as one of
 *
 *    20120313            2012-03-13                            a day
 *    20120313 10         20120313 10:30     20120313 10:30:15  a time of that day
 *    2012-03-13T10:30:15.123Z     2012-03-13 10:30+02:00       ISO 8601, with Z or an offset
 *    1331634600          1331634600.25                         seconds since the epoch (9 digits or more)
 *    now   today   yesterday   -2h   -30m   -1.5d              relative to now_ns
 *
 * NULL when it is well formed, else a phrase saying what is wrong with it.
 */
const char *datetime_parse(const char *text, int64_t now_ns, struct datetime *out);

/*
 * The same, but what has no offset is local time: of the zone that TZ or the system names.  A local day is as long as it
 * is there; a time that a change of clocks leaves out is the one an hour on, one that comes twice is the first.
 */
const char *datetime_parse_local(const char *text, int64_t now_ns, struct datetime *out);

enum { DATETIME_TEXT = 40 };

/* `2012-03-13T10:30:15.123456Z`, in microseconds, NUL-terminated.  What is outside the years 0000 to 9999, or no number, is `?`. */
void datetime_format(double epoch_s, char out[DATETIME_TEXT]);

#endif
