/* SPDX-License-Identifier: ISC */
/* logname: encode and stamp on the way out; split from the right on the way in, since a type may hold dots and digits. */
#include "libbx/core/logname.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/id.h"

enum { CUT_MARK = 17, UNCUT_MAX = LOGNAME_TYPE_MAX - CUT_MARK }; /* encoded bytes: of the mark, and of a type without */

static bool
plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-';
}

static size_t
encode_type(struct bytes type, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;
	for (size_t i = 0; i < type.n; i++) {
		uint8_t c = type.p[i];
		bool as_is = plain(c) && !(c == '.' && i == 0);
		if (n + (as_is ? 1 : 3) > UNCUT_MAX) {
			out[n++] = '~';
			hex_u64(out + n, XXH3_64bits(type.p, type.n));
			return n + 16;
		}
		if (as_is) {
			out[n++] = (char)c;
		} else {
			out[n++] = '%';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		}
	}
	if (n == 0) { /* a type of no bytes still needs a name */
		memcpy(out, "%", 1);
		n = 1;
	}
	return n;
}

void
logname_make(struct bytes type, int64_t arrival_ns, bool hourly, unsigned part, char out[LOGNAME_MAX])
{
	char name[LOGNAME_TYPE_MAX + 1];
	name[encode_type(type, name)] = '\0';
	time_t t = (time_t)(arrival_ns / 1000000000);
	struct tm tm;
	if (arrival_ns < 0 || !gmtime_r(&t, &tm))
		memset(&tm, 0, sizeof tm);
	char stamp[16], suffix[16] = "";
	strftime(stamp, sizeof stamp, hourly ? "%y%m%d%H" : "%y%m%d", &tm);
	if (part)
		snprintf(suffix, sizeof suffix, ".%u", part % 10000);
	snprintf(out, LOGNAME_MAX, "%s.%s%s.log", name, stamp, suffix);
}

/* Where the type was cut: `~` and the 16 digits of its hash at the end, which then stand for themselves. */
static bool
is_cut_mark(const char *s, size_t n)
{
	return n == CUT_MARK && *s == '~' && strspn(s + 1, "0123456789abcdef") >= 16;
}

/* One character that encode_type wrote; its length in s, or 0 when it would have written something else. */
static size_t
decode_one(const char *s, size_t n, bool first, uint8_t *byte)
{
	*byte = (uint8_t)*s;
	if (plain(*byte))
		return first && *byte == '.' ? 0 : 1;
	if (*s != '%' || n < 3 || strspn(s + 1, "0123456789ABCDEF") < 2)
		return 0;
	hex_decode(byte, s + 1, 1);
	return plain(*byte) && !(first && *byte == '.') ? 0 : 3;
}

static bool
decode_type(const char *s, size_t n, struct logname *out)
{
	if (n == 1 && *s == '%')
		return true; /* a type of no bytes */
	if (n > LOGNAME_TYPE_MAX)
		return false;
	size_t len = 0;
	for (size_t i = 0; i < n;) {
		if (i + 3 > UNCUT_MAX && is_cut_mark(s + i, n - i)) { /* shorter ones are not cut */
			memcpy(out->type + len, s + i, n - i);
			len += n - i;
			break;
		}
		uint8_t byte;
		size_t taken = decode_one(s + i, n - i, i == 0, &byte);
		if (taken == 0 || i + taken > UNCUT_MAX)
			return false;
		out->type[len++] = (char)byte;
		i += taken;
	}
	out->type[len] = '\0';
	out->type_len = len;
	return len > 0;
}

static bool
parse_stamp(const char *s, size_t n, struct logname *out)
{
	int v[4] = {0};
	if (n != 6 && n != 8)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v[i / 2] = v[i / 2] * 10 + (s[i] - '0');
	}
	if (v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23)
		return false;
	struct tm tm = {.tm_year = 100 + v[0], .tm_mon = v[1] - 1, .tm_mday = v[2], .tm_hour = v[3]};
	out->day_start = (int64_t)timegm(&tm);
	if (tm.tm_mday != v[2]) /* no such day: it was taken for one of the next month */
		return false;
	out->hourly = n == 8;
	return true;
}

/* Cuts the last dotted part off and returns it: `a.b.c` -> `c`, leaving n at the length of `a.b`. */
static const char *
last_part(const char *s, size_t *n, size_t *part_len)
{
	size_t end = *n;
	for (size_t i = end; i-- > 1;) {
		if (s[i] == '.') {
			*part_len = end - i - 1;
			*n = i;
			return s + i + 1;
		}
	}
	return NULL;
}

bool
logname_parse(const char *file, struct logname *out)
{
	size_t n = strlen(file), part_len;
	*out = (struct logname){0};
	if (n < 5 || strcmp(file + n - 4, ".log") != 0)
		return false;
	n -= 4;
	const char *part = last_part(file, &n, &part_len);
	if (!part)
		return false;
	if (part_len >= 1 && part_len <= 4 && strspn(part, "0123456789") >= part_len && *part != '0') {
		for (size_t i = 0; i < part_len; i++)
			out->part = out->part * 10 + (unsigned)(part[i] - '0');
		part = last_part(file, &n, &part_len);
		if (!part)
			return false;
	}
	return parse_stamp(part, part_len, out) && decode_type(file, n, out);
}
