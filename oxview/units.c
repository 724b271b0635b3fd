/* SPDX-License-Identifier: ISC */
/* units: the largest unit that leaves a number above one. */
#include "oxview/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void
duration_text(double s, bool utf8, char out[UNITS_TEXT])
{
	const char *sign = s < 0 ? "-" : "";
	double a = fabs(s);
	if (!isfinite(s) || a > 1e12)
		snprintf(out, UNITS_TEXT, "?");
	else if (a < 0.0009995)
		snprintf(out, UNITS_TEXT, "%s%.0f %s", sign, a * 1e6, utf8 ? "\xc2\xb5s" : "us");
	else if (a < 0.9995)
		snprintf(out, UNITS_TEXT, "%s%.*f ms", sign, a < 0.00995 ? 2 : a < 0.09995 ? 1 : 0, a * 1e3);
	else if (a < 59.95)
		snprintf(out, UNITS_TEXT, "%s%.*f s", sign, a < 9.995 ? 2 : 1, a);
	else if (a < 3599.5)
		snprintf(out, UNITS_TEXT, "%s%.0fm %02.0fs", sign, floor(round(a) / 60), fmod(round(a), 60));
	else if (a < 86370)
		snprintf(out, UNITS_TEXT, "%s%.0fh %02.0fm", sign, floor(round(a / 60) / 60), fmod(round(a / 60), 60));
	else
		snprintf(
		    out, UNITS_TEXT, "%s%.0fd %02.0fh", sign, floor(round(a / 3600) / 24), fmod(round(a / 3600), 24));
}

void
count_text(uint64_t n, char out[UNITS_TEXT])
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	char *to = out;
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
}
