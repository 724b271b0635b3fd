/* SPDX-License-Identifier: ISC */
/* select: cheapest condition first. */
#include "oxview/select.h"

#include <math.h>
#include <string.h>

#include "libbx/core/id.h"
#include "libbx/core/name.h"
#include "oxview/body.h"
#include "oxview/format_json.h"

bool
select_type(const struct select *s, struct bytes type)
{
	for (size_t i = 0; i < s->types.count; i++)
		if (name_glob(s->types.items[i], (const char *)type.p, type.n))
			return true;
	return s->types.count == 0;
}

static bool
whole_id(const struct select *s)
{
	return s->id && strlen(s->id) == ID_LEN && strspn(s->id, "0123456789abcdef") == ID_LEN;
}

static bool
starts_with(struct bytes text, const char *prefix)
{
	size_t n = strlen(prefix);
	return text.n >= n && memcmp(text.p, prefix, n) == 0;
}

static bool
id_matches(const struct select *s, const struct event *ev)
{
	const char *wanted = s->id;
	if (ev->id.p || !ev->id_raw.p)
		return ev->id.p && starts_with(ev->id, wanted) && (!whole_id(s) || ev->id.n == ID_LEN);
	struct buf text = {0}; /* an id that is a number or worse: as JSON writes it, and whole */
	json_object(ev->id_raw, &text);
	bool same = text.len == strlen(wanted) && memcmp(text.data, wanted, text.len) == 0;
	buf_fini(&text);
	return same;
}

/* In whole microseconds: a double of today's seconds cannot say more. */
static bool
microseconds(double s, int64_t *us)
{
	if (!(fabs(s * 1e6) < 9e18))
		return false;
	*us = llround(s * 1e6);
	return true;
}

/* `first` .. `last` touches the range. */
static bool
touches(const struct select *s, double first, double last)
{
	int64_t from, to;
	return microseconds(first, &from) && microseconds(last, &to) && (!s->has_from || to >= s->from_ns / 1000) &&
	       (!s->has_to || from <= s->to_ns / 1000);
}

static bool
in_range(const struct select *s, const struct event *ev)
{
	if (!ev->has_end && !ev->has_start)
		return false;
	double last = ev->has_end ? ev->end : ev->start;
	return touches(s, s->overlap && ev->has_start ? ev->start : last, last);
}

bool
select_uses_index(const struct select *s)
{
	return s->has_from || s->has_to || whole_id(s);
}

bool
select_block(const struct select *s, const struct index_entry *b)
{
	if (s->has_from || s->has_to) {
		double first = s->overlap && b->least_start < b->least_when ? b->least_start : b->least_when;
		int64_t us;
		/* What cannot be counted in microseconds is in no range, but may stand beside what is. */
		if (microseconds(b->greatest_when, &us) && s->has_from && us < s->from_ns / 1000)
			return false;
		if (microseconds(first, &us) && s->has_to && us > s->to_ns / 1000)
			return false;
		if (b->count == b->untimed)
			return false;
	}
	return !whole_id(s) || index_may_have_id(b, (struct bytes){(const uint8_t *)s->id, strlen(s->id)});
}

bool
select_event(const struct select *s, const struct event *ev)
{
	if (s->types.count && !select_type(s, ev->type))
		return false;
	if ((s->has_from || s->has_to) && !in_range(s, ev))
		return false;
	if (s->id && !id_matches(s, ev))
		return false;
	if (s->errors_only && !body_has_error(ev))
		return false;
	return !s->where || filter_holds(s->where, ev);
}

/* A type too long for a file name is cut there, and the cut ends in `~` and 16 hex digits. */
static bool
was_cut(const struct logname *file)
{
	return file->type_len >= 17 && file->type[file->type_len - 17] == '~' &&
	       strspn(file->type + file->type_len - 16, "0123456789abcdef") == 16;
}

bool
select_file(const struct select *s, const struct logname *file)
{
	return was_cut(file) || select_type(s, (struct bytes){(const uint8_t *)file->type, file->type_len});
}
