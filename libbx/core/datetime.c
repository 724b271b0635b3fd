/* SPDX-License-Identifier: ISC */
/* datetime: a day, then perhaps a time, then perhaps an offset; each reader takes what is its own and moves on. */
#include "libbx/core/datetime.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "libbx/core/parse.h"

static const int64_t second_ns = 1000000000;
static const int64_t day_ns = 86400 * (int64_t)1000000000;

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly n digits. */
static bool
take_digits(const char **at, int n, int *out)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (!digit((*at)[i]))
			return false;
		v = v * 10 + ((*at)[i] - '0');
	}
	*at += n;
	*out = v;
	return true;
}

static bool
take_char(const char **at, char c)
{
	bool there = **at == c;
	*at += there;
	return there;
}

static const char *
take_day(const char **at, int64_t *ns)
{
	int year, month, day;
	if (!take_digits(at, 4, &year))
		return "does not start with a year of four digits";
	bool dashes = take_char(at, '-');
	if (!take_digits(at, 2, &month) || (dashes && !take_char(at, '-')) || !take_digits(at, 2, &day))
		return "has no month and day of two digits each";
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
	time_t s = timegm(&tm);
	if (month < 1 || month > 12 || tm.tm_mday != day || tm.tm_mon != month - 1)
		return "names a day that the calendar does not have";
	if (year < 1678 || year > 2261) /* what 64 bits of nanoseconds can say */
		return "is too far from now";
	*ns = (int64_t)s * second_ns;
	return NULL;
}

/* Digits behind a decimal point, as nanoseconds; those behind the ninth say nothing more. */
static bool
take_fraction(const char **at, int64_t *ns)
{
	int64_t unit = second_ns / 10;
	if (!digit(**at))
		return false;
	for (; digit(**at); (*at)++, unit /= 10)
		*ns += unit * (**at - '0');
	return true;
}

static const char *
take_time(const char **at, int64_t *ns)
{
	int hour, minute = 0, second = 0;
	if (!take_digits(at, 2, &hour))
		return "has no hour of two digits behind the day";
	if (take_char(at, ':') && !take_digits(at, 2, &minute))
		return "has no minute of two digits behind the hour";
	if (take_char(at, ':') && !take_digits(at, 2, &second))
		return "has no second of two digits behind the minute";
	if (hour > 23 || minute > 59 || second > 60)
		return "names a time that the clock does not have";
	*ns += ((int64_t)hour * 3600 + minute * 60 + second) * second_ns;
	if (take_char(at, '.') && !take_fraction(at, ns))
		return "has no digits behind the decimal point";
	return NULL;
}

/* Local time, written as if it were UTC, as what it is.  `days` are added by the calendar. */
static int64_t
from_local(int64_t ns, int days)
{
	int64_t fraction = ((ns % second_ns) + second_ns) % second_ns;
	time_t written = (time_t)((ns - fraction) / second_ns);
	struct tm tm;
	gmtime_r(&written, &tm);
	tm.tm_mday += days;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * second_ns + fraction;
}

/* The other way round. */
static int64_t
to_local(int64_t ns)
{
	int64_t fraction = ((ns % second_ns) + second_ns) % second_ns;
	time_t s = (time_t)((ns - fraction) / second_ns);
	struct tm tm;
	localtime_r(&s, &tm);
	return (int64_t)timegm(&tm) * second_ns + fraction;
}

static const char *
take_offset(const char **at, bool local, int64_t *ns)
{
	if (take_char(at, 'Z') || take_char(at, 'z'))
		return NULL;
	if (**at != '+' && **at != '-') {
		if (local)
			*ns = from_local(*ns, 0);
		return NULL;
	}
	int sign = **at == '+' ? -1 : 1, hour, minute = 0;
	(*at)++;
	if (!take_digits(at, 2, &hour))
		return "has an offset without hours";
	bool colon = take_char(at, ':');
	if ((colon || digit(**at)) && !take_digits(at, 2, &minute))
		return "has an offset without minutes";
	if (hour > 18 || minute > 59)
		return "has an offset that no place has";
	*ns += sign * ((int64_t)hour * 3600 + minute * 60) * second_ns;
	return NULL;
}

/* The day that begins at midnight, written as if it were UTC. */
static struct datetime
day_of(int64_t midnight, bool local)
{
	if (local)
		return (struct datetime){from_local(midnight, 0), from_local(midnight, 1) - 1};
	return (struct datetime){midnight, midnight + day_ns - 1};
}

static const char *
calendar(const char *text, bool local, struct datetime *out)
{
	const char *at = text;
	const char *wrong = take_day(&at, &out->first_ns);
	if (wrong)
		return wrong;
	if (*at == '\0') {
		*out = day_of(out->first_ns, local);
		return NULL;
	}
	if (*at != 'T' && *at != 't' && *at != ' ')
		return "has something behind the day that is no time";
	at++;
	wrong = take_time(&at, &out->first_ns);
	if (!wrong)
		wrong = take_offset(&at, local, &out->first_ns);
	if (!wrong && *at)
		wrong = "has something behind the time";
	out->last_ns = out->first_ns;
	return wrong;
}

static const char *
epoch(const char *text, struct datetime *out)
{
	int64_t s = 0, ns = 0;
	const char *at = text;
	for (; digit(*at); at++)
		if (__builtin_mul_overflow(s, 10, &s) || __builtin_add_overflow(s, *at - '0', &s))
			return "is too far from now";
	if (take_char(&at, '.') && !take_fraction(&at, &ns))
		return "has no digits behind the decimal point";
	if (*at)
		return "has something behind the seconds since the epoch";
	if (__builtin_mul_overflow(s, second_ns, &s) || __builtin_add_overflow(s, ns, &s))
		return "is too far from now";
	out->first_ns = out->last_ns = s;
	return NULL;
}

static const char *
ago(const char *text, int64_t now_ns, struct datetime *out)
{
	int64_t ns;
	if (!parse_duration_ns(text, &ns))
		return "is not a time ago such as -2h, -30m or -1.5d";
	out->first_ns = out->last_ns = now_ns - ns;
	return NULL;
}

static const char *
parse(const char *text, int64_t now_ns, bool local, struct datetime *out)
{
	int64_t clock = local ? to_local(now_ns) : now_ns, today = clock - ((clock % day_ns) + day_ns) % day_ns;
	*out = (struct datetime){now_ns, now_ns};
	if (strcasecmp(text, "now") == 0)
		return NULL;
	if (strcasecmp(text, "today") == 0 || strcasecmp(text, "yesterday") == 0) {
		*out = day_of(today - (strlen(text) == strlen("today") ? 0 : day_ns), local);
		return NULL;
	}
	if (*text == '-')
		return ago(text + 1, now_ns, out);
	return strspn(text, "0123456789") >= 9 ? epoch(text, out) : calendar(text, local, out);
}

const char *
datetime_parse(const char *text, int64_t now_ns, struct datetime *out)
{
	return parse(text, now_ns, false, out);
}

const char *
datetime_parse_local(const char *text, int64_t now_ns, struct datetime *out)
{
	tzset();
	return parse(text, now_ns, true, out);
}

/* v as n digits. */
static char *
put_digits(char *to, long v, int n)
{
	for (int i = n; i-- > 0; v /= 10)
		to[i] = (char)('0' + v % 10);
	return to + n;
}

void
datetime_format(double epoch_s, char out[DATETIME_TEXT])
{
	static const double year_0 = -62167219200.0, year_10000 = 253402300800.0;
	if (!(epoch_s >= year_0 && epoch_s < year_10000 - 1)) {
		memcpy(out, "?", 2);
		return;
	}
	double whole = floor(epoch_s);
	long us = lround((epoch_s - whole) * 1e6);
	time_t s = (time_t)whole + us / 1000000;
	struct tm tm;
	gmtime_r(&s, &tm);
	const struct {
		long value;
		int digits;
		char behind;
	} parts[] = {{tm.tm_year + 1900L, 4, '-'}, {tm.tm_mon + 1L, 2, '-'}, {tm.tm_mday, 2, 'T'}, {tm.tm_hour, 2, ':'},
	    {tm.tm_min, 2, ':'}, {tm.tm_sec, 2, '.'}, {us % 1000000, 6, 'Z'}};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		out = put_digits(out, parts[i].value, parts[i].digits);
		*out++ = parts[i].behind;
	}
	*out = '\0';
}
