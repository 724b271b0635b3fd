/* SPDX-License-Identifier: ISC */
/* oxctl_forward: where the oxd sends to, shown and changed. */
#include <string.h>

#include "oxd/oxctl.h"
#include "oxd/oxctl_answer.h"

static void
show_forward(struct buf *out, struct cursor answer, const struct oxctl *o)
{
	struct cursor forward, at;
	struct mp_token list, t;
	char text[ANSWER_TEXT_MAX], used[ANSWER_TEXT_MAX];
	(void)o;
	if (!answer_find(answer, "forward", &forward) || !answer_find(forward, "to", &at) || !mp_next(&at, &list) ||
	    list.kind != MP_ARRAY)
		return;
	answer_find_text(forward, "at", used);
	for (uint32_t i = 0; i < list.len && mp_next(&at, &t); i++) {
		answer_text(&t, text);
		buf_printf(out, "%c %s", strcmp(text, used) == 0 ? '*' : ' ', text);
		if (strcmp(text, used) == 0)
			buf_printf(out, "  %s, acknowledged up to journal record %.0f",
			    answer_find_text(forward, "state", text), answer_number_or(forward, "acked", 0));
		buf_putc(out, '\n');
	}
	if (list.len == 0)
		buf_puts(out, "this oxd does not forward\n");
}

int
oxctl_forward(const struct oxctl *o, char **words)
{
	struct buf request = {0};
	const char *op = words[0] ? words[0] : "list";
	bool takes = strcmp(op, "set") == 0 || strcmp(op, "add") == 0 || strcmp(op, "remove") == 0;
	uint32_t count = 0;
	while (words[0] && words[count + 1])
		count++;
	if (!takes && strcmp(op, "list") != 0 && strcmp(op, "off") != 0)
		return oxctl_usage("forward", op);
	if (takes != (count > 0))
		return oxctl_usage("forward", takes ? op : words[1]);
	mp_add_map(&request, takes ? 3 : 2);
	mp_pair_text(&request, "cmd", "FORWARD");
	mp_pair_text(&request, "op", op);
	if (takes) {
		mp_add_strz(&request, "to");
		mp_add_array(&request, count);
		for (uint32_t i = 0; i < count; i++)
			mp_add_strz(&request, words[1 + i]);
	}
	int status = oxctl_ask_and_show(o, &request, OXCTL_SOON_MS, show_forward);
	buf_fini(&request);
	return status;
}
