/* SPDX-License-Identifier: ISC */
/* oxctl_answer: small readers over a cursor that is copied at will. */
#include "oxd/oxctl_answer.h"

#include <time.h>

#include "libbx/core/clock.h"

bool
answer_find(struct cursor map, const char *name, struct cursor *value)
{
	struct mp_token top, key;
	if (!mp_next(&map, &top) || top.kind != MP_MAP)
		return false;
	for (uint32_t i = 0; i < top.len; i++) {
		struct cursor peek = map;
		if (!mp_next(&peek, &key) || !mp_skip(&map))
			return false;
		if (mp_str_is(&key, name)) {
			*value = map;
			return true;
		}
		if (!mp_skip(&map))
			return false;
	}
	return false;
}

bool
answer_number(const struct mp_token *t, double *out)
{
	if (t->kind == MP_FLOAT)
		*out = t->f;
	else if (t->kind == MP_UINT)
		*out = (double)t->u;
	else if (t->kind == MP_INT)
		*out = (double)t->i;
	else
		return false;
	return true;
}

bool
answer_find_number(struct cursor map, const char *name, double *out)
{
	struct cursor at;
	struct mp_token t;
	return answer_find(map, name, &at) && mp_next(&at, &t) && answer_number(&t, out);
}

double
answer_number_or(struct cursor map, const char *name, double otherwise)
{
	answer_find_number(map, name, &otherwise);
	return otherwise;
}

const char *
answer_text(const struct mp_token *t, char out[ANSWER_TEXT_MAX])
{
	size_t n = 0;
	bool text = t->kind == MP_STR || t->kind == MP_BIN;
	bool utf8 = text && mp_is_utf8(t->data, t->len);
	for (uint32_t i = 0; text && i < t->len && n < ANSWER_TEXT_MAX - 1; i++) {
		uint8_t b = t->data[i];
		out[n++] = b >= ' ' && b != 127 && (utf8 || b < 128) ? (char)b : '?';
	}
	out[n] = '\0';
	return out;
}

const char *
answer_find_text(struct cursor map, const char *name, char out[ANSWER_TEXT_MAX])
{
	struct cursor at;
	struct mp_token t;
	out[0] = '\0';
	return answer_find(map, name, &at) && mp_next(&at, &t) ? answer_text(&t, out) : out;
}

void
answer_put_time(struct buf *out, double when)
{
	char text[32] = "?";
	time_t t = (time_t)when;
	struct tm tm;
	if (when > -1e11 && when < 1e11 && localtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	double ago = clock_seconds(clock_wall_ns()) - when;
	buf_printf(out, "%s (%.0f secs ago)", text, ago);
}
