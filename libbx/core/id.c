/* SPDX-License-Identifier: ISC */
/* id: the general hex routines; the hot ones are inline in the header. */
#include "libbx/core/id.h"

void
hex_encode(char *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = p;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[b[i] >> 4];
		out[2 * i + 1] = digits[b[i] & 15];
	}
	out[2 * n] = '\0';
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
hex_decode(void *out, const char *hex, size_t n)
{
	uint8_t *b = out;
	for (size_t i = 0; i < n; i++) {
		int high = digit(hex[2 * i]);
		int low = high < 0 ? -1 : digit(hex[2 * i + 1]);
		if (low < 0)
			return -1;
		b[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
