/* SPDX-License-Identifier: ISC */
/* text: one loop over code points; what each caller allows beyond printable text is its own decision. */
#include "oxview/text.h"

#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "libbx/core/mp.h"

/* Length of the code point at s, 0 when it is none. */
static size_t
code_point(const uint8_t *s, size_t n, uint32_t *out)
{
	size_t len = *s < 0x80 ? 1 : *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;
	if (len > n || !mp_is_utf8(s, len))
		return 0;
	uint32_t c = len == 1 ? *s : *s & (0x7fU >> len);
	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3f);
	*out = c;
	return len;
}

static bool
commands_terminal(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029 || c == 0x061c || c == 0xfeff;
}

static void
put_escape(struct buf *out, uint32_t c)
{
	if (c == '\n')
		buf_puts(out, "\\n");
	else if (c == '\t')
		buf_puts(out, "\\t");
	else if (c == '\r')
		buf_puts(out, "\\r");
	else if (c < 0x80)
		buf_printf(out, "\\x%02x", c);
	else
		buf_printf(out, "\\u{%x}", c);
}

/* Bytes at the front that are printable ASCII, which most text is. */
static size_t
plain_run(const uint8_t *s, size_t n)
{
	size_t i = 0;
	while (i < n && s[i] >= 0x20 && s[i] < 0x7f)
		i++;
	return i;
}

/* Writes the code point (or broken byte) at s safely and returns its length. */
static size_t
put_one(struct buf *out, const uint8_t *s, size_t n)
{
	uint32_t c;
	size_t len = code_point(s, n, &c);
	if (len == 0) {
		buf_printf(out, "\\x%02x", *s);
		return 1;
	}
	if (commands_terminal(c))
		put_escape(out, c);
	else
		buf_put(out, s, len);
	return len;
}

void
text_line(struct buf *out, const void *text, size_t n)
{
	if (n == 0) /* text may then be NULL */
		return;
	const uint8_t *s = text, *end = s + n;
	while (s < end) {
		size_t run = plain_run(s, (size_t)(end - s));
		buf_put(out, s, run);
		s += run;
		if (s < end)
			s += put_one(out, s, (size_t)(end - s));
	}
}

void
text_block(struct buf *out, const void *text, size_t n, int indent)
{
	if (n == 0) /* text may then be NULL */
		return;
	const uint8_t *s = text, *end = s + n;
	for (;;) {
		const uint8_t *newline = s < end ? memchr(s, '\n', (size_t)(end - s)) : NULL;
		text_line(out, s, (size_t)((newline ? newline : end) - s));
		if (!newline)
			return;
		buf_printf(out, "\n%*s", indent, "");
		s = newline + 1;
	}
}

static bool
space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void
text_folded(struct buf *out, const void *text, size_t n)
{
	if (n == 0) /* text may then be NULL */
		return;
	const uint8_t *s = text, *end = s + n;
	bool first = true;
	for (;;) {
		while (s < end && space(*s))
			s++;
		if (s == end)
			return;
		const uint8_t *word = s;
		while (s < end && !space(*s))
			s++;
		if (!first)
			buf_putc(out, ' ');
		first = false;
		text_line(out, word, (size_t)(s - word));
	}
}

static size_t
columns_of(uint32_t c)
{
	if (c < 0x300)
		return 1;
	int w = wcwidth((wchar_t)c); /* -1 for what this locale does not know */
	return w < 0 ? 1 : (size_t)w;
}

/* Bytes at the front that fit into this many columns, and the columns they take. */
static size_t
fitting(const uint8_t *s, size_t n, size_t columns, size_t *taken)
{
	size_t at = 0;
	*taken = 0;
	while (at < n) {
		uint32_t c;
		size_t len = code_point(s + at, n - at, &c);
		size_t w = len ? columns_of(c) : 1;
		if (*taken + w > columns)
			break;
		*taken += w;
		at += len ? len : 1;
	}
	return at;
}

size_t
text_columns(const void *s, size_t n)
{
	size_t taken;
	fitting(s, n, SIZE_MAX, &taken);
	return taken;
}

void
text_cut(struct buf *out, size_t start, size_t columns, bool utf8)
{
	const char *ellipsis = utf8 ? "\xe2\x80\xa6" : "...";
	size_t own = utf8 ? 1 : 3, taken;
	if (out->err != BX_OK || out->len == start ||
	    fitting(out->data + start, out->len - start, columns, &taken) == out->len - start)
		return;
	out->len = start + fitting(out->data + start, out->len - start, columns > own ? columns - own : 0, &taken);
	if (columns >= own)
		buf_puts(out, ellipsis);
}
