/* SPDX-License-Identifier: ISC */
/* oxctl_status: how an oxd is, at a glance. */
#include <inttypes.h>

#include "oxd/oxctl.h"
#include "oxd/oxctl_answer.h"

static void
put_names(struct buf *out, struct cursor answer, const char *which, const char *title)
{
	struct cursor at;
	struct mp_token map, name;
	char text[ANSWER_TEXT_MAX];
	double last;
	if (!answer_find(answer, which, &at) || !mp_next(&at, &map) || map.kind != MP_MAP || map.len == 0)
		return;
	buf_printf(out, "%s:\n", title);
	for (uint32_t i = 0; i < map.len && mp_next(&at, &name); i++) {
		if (answer_find_number(at, "last", &last)) {
			buf_printf(out, "  %32s  Last ", answer_text(&name, text));
			answer_put_time(out, last);
			buf_putc(out, '\n');
		}
		if (!mp_skip(&at))
			break;
	}
}

static void
put_counters(struct buf *out, struct cursor answer)
{
	struct cursor at;
	struct mp_token map, name, value;
	char text[ANSWER_TEXT_MAX];
	bool any = false;
	if (!answer_find(answer, "counters", &at) || !mp_next(&at, &map) || map.kind != MP_MAP)
		return;
	for (uint32_t i = 0; i < map.len && mp_next(&at, &name) && mp_next(&at, &value); i++) {
		if (value.kind != MP_UINT || value.u == 0)
			continue;
		if (!any)
			buf_puts(out, "Counters:\n");
		any = true;
		buf_printf(out, "  %32s  %" PRIu64 "\n", answer_text(&name, text), value.u);
	}
}

static void
show_status(struct buf *out, struct cursor answer, const struct oxctl *o)
{
	char text[ANSWER_TEXT_MAX];
	double last, lag;
	buf_printf(out, "Host: %s\nLast: ", o->host);
	if (answer_find_number(answer, "last", &last))
		answer_put_time(out, last);
	else
		buf_puts(out, "never");
	if (answer_find_number(answer, "lag", &lag))
		buf_printf(out, "\nLag: %.6f secs", lag);
	buf_printf(out, "\nState: %s\n", answer_find_text(answer, "state", text));
	put_names(out, answer, "hosts", "Hosts");
	put_names(out, answer, "events", "Events");
	put_counters(out, answer);
}

int
oxctl_status(const struct oxctl *o, char **words)
{
	if (words[0])
		return oxctl_usage("status", words[0]);
	return oxctl_ask_plain(o, "STATUS", OXCTL_SOON_MS, show_status);
}
