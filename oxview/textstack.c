/* SPDX-License-Identifier: ISC */
/*
 * textstack: Python writes the innermost frame and the message last, Java, Ruby, Go, Node and PHP the innermost first and
 * the message, if any, in front of it.
 */
#include "oxview/textstack.h"

#include <ctype.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "oxview/body.h"

enum { CLASS_MAX = 120 }; /* no name of an exception is longer */

bool
textstack_is(struct bytes object)
{
	struct textstack t;
	struct bytes line;
	textstack_open(&t, object);
	return textstack_next(&t, &line);
}

void
textstack_open(struct textstack *t, struct bytes object)
{
	struct mp_token token;
	*t = (struct textstack){.rest = object_text(object)};
	cursor_init(&t->items, object.p, object.n);
	if (!t->rest.p && object.n > 0 && mp_next(&t->items, &token) && token.kind == MP_ARRAY)
		t->left = token.len;
}

static bool
next_item(struct textstack *t)
{
	if (t->left == 0)
		return false;
	const uint8_t *from = t->items.at;
	t->left--;
	if (!mp_skip(&t->items)) {
		t->left = 0;
		return false;
	}
	t->rest = object_text((struct bytes){from, (size_t)(t->items.at - from)});
	return true;
}

bool
textstack_next(struct textstack *t, struct bytes *line)
{
	while (t->lines < TEXTSTACK_LINES_MOST) {
		if (t->rest.n == 0) {
			if (!next_item(t))
				return false;
			continue;
		}
		const uint8_t *end = memchr(t->rest.p, '\n', t->rest.n);
		size_t n = end ? (size_t)(end - t->rest.p) : t->rest.n;
		*line = (struct bytes){t->rest.p, n};
		t->rest.p += n + (end != NULL);
		t->rest.n -= n + (end != NULL);
		while (line->n > 0 && isspace(line->p[line->n - 1]))
			line->n--;
		t->lines++;
		if (line->n > 0)
			return true;
	}
	return false;
}

static bool
is_indented(struct bytes line)
{
	return *line.p == ' ' || *line.p == '\t';
}

static bool
any_indented(struct bytes object)
{
	struct textstack t;
	struct bytes line;
	textstack_open(&t, object);
	while (textstack_next(&t, &line))
		if (is_indented(line))
			return true;
	return false;
}

static size_t
hex_digits(struct bytes line, size_t at)
{
	size_t n = 0;
	while (at + n < line.n && isxdigit(line.p[at + n]))
		n++;
	return n;
}

/* Bytes in runs, so that a fingerprint does not depend on how they were cut. */
struct sink {
	uint64_t print;
	uint8_t bytes[256];
	size_t n;
};

static void
sink_flush(struct sink *s)
{
	s->print = XXH3_64bits_withSeed(s->bytes, s->n, s->print);
	s->n = 0;
}

static void
sink_put(struct sink *s, uint8_t byte)
{
	s->bytes[s->n++] = byte;
	if (s->n == sizeof s->bytes)
		sink_flush(s);
}

static void
print_frame(struct sink *s, struct bytes line)
{
	for (size_t i = 0; i < line.n; i++) {
		sink_put(s, line.p[i]);
		if (line.p[i] == 'x' && i > 0 && line.p[i - 1] == '0')
			i += hex_digits(line, i + 1);
	}
	sink_put(s, '\n');
}

static void
print_said(struct sink *s, struct bytes line)
{
	for (size_t i = 0; i < line.n && line.p[i] != ':'; i++)
		if (!isdigit(line.p[i]))
			sink_put(s, line.p[i]);
	sink_put(s, '\n');
}

uint64_t
textstack_print(struct bytes object, uint64_t seed)
{
	struct textstack t;
	struct bytes line;
	struct sink s = {.print = seed};
	bool indented = any_indented(object);
	textstack_open(&t, object);
	while (textstack_next(&t, &line)) {
		if (indented && !is_indented(line))
			print_said(&s, line);
		else
			print_frame(&s, line);
	}
	sink_flush(&s);
	return s.print;
}

static bool
starts_with(struct bytes line, const char *text)
{
	size_t n = strlen(text);
	return line.n >= n && memcmp(line.p, text, n) == 0;
}

static struct bytes
trimmed(struct bytes b)
{
	while (b.n > 0 && isspace(*b.p)) {
		b.p++;
		b.n--;
	}
	return b;
}

/* `shop.IndexError: list index`, `IndexError`: a word, and what stands behind its colon. */
static bool
split_said(struct bytes line, struct textstack_gist *out)
{
	size_t n = 0;
	while (n < line.n && n < CLASS_MAX &&
	       (isalnum(line.p[n]) || line.p[n] == '_' || line.p[n] == '.' || line.p[n] == '$'))
		n++;
	if (n == 0 || (n < line.n && line.p[n] != ':'))
		return false;
	out->class_name = (struct bytes){line.p, n};
	out->message = n < line.n ? trimmed((struct bytes){line.p + n + 1, line.n - n - 1}) : (struct bytes){0};
	return true;
}

void
textstack_gist(struct bytes object, struct textstack_gist *out)
{
	struct textstack t;
	struct bytes line, said = {0};
	bool indented = any_indented(object), python = false;
	*out = (struct textstack_gist){0};
	textstack_open(&t, object);
	while (textstack_next(&t, &line)) {
		bool frame = !indented || is_indented(line);
		python = python || starts_with(line, "Traceback (most recent call last)");
		if (frame && (!out->top.p || starts_with(trimmed(line), "File \"")))
			out->top = trimmed(line);
		if (!frame && (!said.p || python))
			said = line;
	}
	if (said.p && !split_said(said, out))
		out->message = said;
	if (!indented && t.lines == 1) { /* one line, which is what was said */
		split_said(out->top, out);
		if (!out->class_name.p)
			out->message = out->top;
		out->top = (struct bytes){0};
	}
}
