/* SPDX-License-Identifier: ISC */
/*
 * parse: sizes, durations and numbers as people write them in settings.
 *
 * Each reads the whole text or nothing: trailing characters are an error, and *out is then left as it was.  No locale, no allocation,
 * async-signal-safe.  So is what takes white space off before.
 */
#ifndef BLUEOX_CORE_PARSE_H
#define BLUEOX_CORE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

bool parse_uint(const char *s, uint64_t *out);
bool parse_size(const char *s, uint64_t *out); /* 4096, 256k, 64m, 8g; powers of 1024; any case; `kb`, `KiB` too */
bool parse_duration_ns(const char *s, int64_t *out); /* 250ms, 2s, 1.5s, 10us, 5m, 1h, 30d; a bare number is seconds */
bool parse_bool(const char *s, bool *out);           /* 1 yes true on, 0 no false off */

char *parse_trim(char *s); /* its first character that is no white space; what follows the last one is cut off */

#endif
