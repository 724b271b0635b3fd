/* SPDX-License-Identifier: ISC */
/* oxctl_rings: the rings of running programs. */
#include "oxd/oxctl.h"
#include "oxd/oxctl_answer.h"

static void
put_ring(struct buf *out, struct cursor ring)
{
	static const char *const numbers[] = {"pid", "bytes", "waiting", "events", "dropped"};
	char text[ANSWER_TEXT_MAX];
	buf_printf(out, "%-21s", answer_find_text(ring, "name", text));
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		buf_printf(out, " %10.0f", answer_number_or(ring, numbers[i], 0));
	buf_printf(out, "  %s", answer_find_text(ring, "state", text));
	buf_printf(out, "  %s\n", answer_find_text(ring, "program", text));
}

static void
show_rings(struct buf *out, struct cursor answer, const struct oxctl *o)
{
	struct cursor at;
	struct mp_token list;
	(void)o;
	if (!answer_find(answer, "rings", &at) || !mp_next(&at, &list) || list.kind != MP_ARRAY)
		return;
	buf_printf(out, "%-21s %10s %10s %10s %10s %10s  %s\n", "ring", "pid", "bytes", "waiting", "events", "dropped",
	    "state  program");
	for (uint32_t i = 0; i < list.len; i++) {
		put_ring(out, at);
		if (!mp_skip(&at))
			break;
	}
}

int
oxctl_rings(const struct oxctl *o, char **words)
{
	if (words[0])
		return oxctl_usage("rings", words[0]);
	return oxctl_ask_plain(o, "RINGS", OXCTL_LONG_MS, show_rings);
}
