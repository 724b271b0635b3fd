/* SPDX-License-Identifier: ISC */
/* report_json: format_json does the work; what is written here goes over its text once more. */
#include "oxview/report_json.h"

#include <math.h>
#include <stdbool.h>

#include "libbx/core/mp.h"
#include "oxview/double.h"
#include "oxview/format_json.h"

static const char replacement[] = "\xef\xbf\xbd", ellipsis[] = "\xe2\x80\xa6";

void
report_embed(struct buf *out, const void *json, size_t n)
{
	const uint8_t *p = json, *end = p + n, *from = p;
	for (; p < end; p++) {
		bool separator = *p == 0xe2 && end - p >= 3 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8;
		if (!separator && *p != '<' && *p != '>' && *p != '&')
			continue;
		buf_put(out, from, (size_t)(p - from));
		if (separator) {
			buf_puts(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
			p += 2;
		} else {
			buf_printf(out, "\\u%04x", *p);
		}
		from = p + 1;
	}
	buf_put(out, from, (size_t)(end - from));
}

/* Length of the UTF-8 character at p, 0 when there is none. */
static size_t
character(const uint8_t *p, size_t left)
{
	for (size_t n = 1; n <= 4 && n <= left; n++)
		if (mp_is_utf8(p, n))
			return n;
	return 0;
}

static void
put_text(struct buf *out, struct bytes text, size_t limit)
{
	struct buf safe = {0};
	size_t at = 0;
	while (at < text.n && safe.len < limit) {
		size_t n = character(text.p + at, text.n - at);
		if (n > 0)
			buf_put(&safe, text.p + at, n);
		else
			buf_puts(&safe, replacement);
		at += n > 0 ? n : 1;
	}
	if (at < text.n)
		buf_puts(&safe, ellipsis);
	if (safe.err != BX_OK)
		out->err = safe.err;
	json_text((struct bytes){safe.data ? safe.data : (const uint8_t *)"", safe.len}, out);
	buf_fini(&safe);
}

void
report_text(struct buf *out, struct bytes text)
{
	put_text(out, text, REPORT_TEXT);
}

void
report_textz(struct buf *out, const char *text)
{
	report_text(out, (struct bytes){(const uint8_t *)text, strlen(text)});
}

void
report_text_whole(struct buf *out, struct bytes text)
{
	put_text(out, text, SIZE_MAX);
}

void
report_number(struct buf *out, double v)
{
	char text[DOUBLE_TEXT];
	if (isfinite(v))
		buf_put(out, text, double_text(text, v));
	else
		buf_puts(out, "null");
}

/* Keys of ours whose values are short in an event whose body is not. */
static void
put_head(struct buf *out, const struct event *ev)
{
	const struct {
		const char *key;
		struct bytes text;
	} texts[] = {
	    {"id", ev->id}, {"type", ev->type}, {"host", ev->host}, {"span", ev->span}, {"parent", ev->parent}};
	buf_putc(out, '{');
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (!texts[i].text.p)
			continue;
		buf_printf(out, "\"%s\":", texts[i].key);
		report_text(out, texts[i].text);
		buf_putc(out, ',');
	}
	if (ev->has_pid)
		buf_printf(out, "\"pid\":%llu,", (unsigned long long)ev->pid);
	buf_puts(out, "\"start\":");
	report_number(out, ev->has_start ? ev->start : NAN);
	buf_puts(out, ",\"end\":");
	report_number(out, ev->has_end ? ev->end : NAN);
	buf_printf(out, ",\"body\":{\"$cut\":%zu}}", ev->raw.n);
}

void
report_event(struct buf *out, const struct event *ev)
{
	struct buf json = {0};
	if (ev->raw.n <= REPORT_EVENT)
		json_object(ev->raw, &json);
	else
		put_head(&json, ev);
	if (json.err != BX_OK)
		out->err = json.err;
	else
		json_text((struct bytes){json.data, json.len}, out);
	buf_fini(&json);
}
