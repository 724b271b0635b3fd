/* SPDX-License-Identifier: ISC */
#include "libbx/core/traceparent.h"

#include <string.h>

enum { AT_TRACE_ID = 3, AT_SPAN = 36, AT_FLAGS = 53, SPAN_DIGITS = 16, TRACE_ID_DIGITS = 32 };

static bool
is_lower_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

static bool
is_zero(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != '0')
			return false;
	return true;
}

static bool
well_formed(const char *s, size_t n)
{
	if (n < TRACEPARENT_LEN || s[AT_TRACE_ID - 1] != '-' || s[AT_SPAN - 1] != '-' || s[AT_FLAGS - 1] != '-')
		return false;
	if (!is_lower_hex(s, 2) || memcmp(s, "ff", 2) == 0)
		return false;
	if (n > TRACEPARENT_LEN && (memcmp(s, "00", 2) == 0 || s[TRACEPARENT_LEN] != '-'))
		return false;
	return is_lower_hex(s + AT_TRACE_ID, TRACE_ID_DIGITS) && !is_zero(s + AT_TRACE_ID, TRACE_ID_DIGITS) &&
	       is_lower_hex(s + AT_SPAN, SPAN_DIGITS) && !is_zero(s + AT_SPAN, SPAN_DIGITS) &&
	       is_lower_hex(s + AT_FLAGS, 2);
}

bool
traceparent_read(const char *text, size_t n, struct traceparent *out)
{
	static const char odd[] = "13579bdf";
	if (!well_formed(text, n))
		return false;
	memcpy(out->trace_id, text + AT_TRACE_ID, TRACE_ID_DIGITS);
	out->trace_id[TRACE_ID_DIGITS] = '\0';
	memcpy(out->span, text + AT_SPAN, SPAN_DIGITS);
	out->span[SPAN_DIGITS] = '\0';
	out->sampled = strchr(odd, text[AT_FLAGS + 1]) != NULL;
	return true;
}

void
traceparent_write(char out[TRACEPARENT_LEN + 1], struct id trace_id, uint64_t span, bool sampled)
{
	memcpy(out, "00-", AT_TRACE_ID);
	id_hex(out + AT_TRACE_ID, trace_id);
	out[AT_SPAN - 1] = '-';
	hex_u64(out + AT_SPAN, span);
	memcpy(out + AT_FLAGS - 1, sampled ? "-01" : "-00", 4);
}
