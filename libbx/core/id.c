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

bool
hex_read_u64(const char *hex, uint64_t *out)
{
	uint64_t v = 0;
	for (int i = 0; i < 16; i++) {
		int d = digit(hex[i]);
		if (d < 0)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	*out = v;
	return true;
}

bool
id_read(const char *text, size_t n, struct id *out)
{
	char back[ID_LEN];
	struct id id;
	if (n != ID_LEN || !hex_read_u64(text, &id.high) || !hex_read_u64(text + 16, &id.low) || !(id.high | id.low))
		return false;
	id_hex(back, id);
	if (memcmp(back, text, ID_LEN) != 0) /* upper case stays as it was given */
		return false;
	*out = id;
	return true;
}
