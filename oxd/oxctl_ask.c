/* SPDX-License-Identifier: ISC */
/* oxctl_ask: one request, its answer shown, an exit status. */
#include <stdio.h>

#include "oxd/json.h"
#include "oxd/oxctl.h"
#include "oxd/oxctl_answer.h"
#include "oxd/oxctl_link.h"
#include "oxd/say.h"

int
oxctl_print(struct buf *out)
{
	bool ok = out->err == BX_OK && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
	buf_fini(out);
	return ok ? 0 : 1;
}

int
oxctl_usage(const char *command, const char *words)
{
	say(SAY_ERROR, "'%s' is nothing that 'oxctl %s' takes; see oxctl --help", words, command);
	return 2;
}

static int
show(const struct oxctl *o, const struct buf *answer, oxctl_show *for_people)
{
	struct cursor c, at;
	struct buf out = {0};
	char why[ANSWER_TEXT_MAX];
	cursor_init(&c, answer->data, answer->len);
	bool refused = answer_find(c, "error", &at);
	if (o->json) {
		json_from_mp(answer->data, answer->len, &out);
		buf_putc(&out, '\n');
	} else if (refused) {
		say(SAY_ERROR, "%s", answer_find_text(c, "error", why));
	} else {
		for_people(&out, c, o);
	}
	int printed = oxctl_print(&out);
	return refused ? 1 : printed;
}

int
oxctl_ask_and_show(const struct oxctl *o, const struct buf *request, int wait_ms, oxctl_show *for_people)
{
	struct oxctl_link link;
	struct buf answer = {0};
	int status = oxctl_link_open(&link, o);
	if (status != 0)
		return status;
	if (oxctl_link_ask(&link, request, wait_ms, &answer)) {
		status = show(o, &answer, for_people);
	} else {
		say(SAY_ERROR, "no oxd answers at %s", o->host);
		status = 1;
	}
	oxctl_link_close(&link);
	buf_fini(&answer);
	return status;
}

int
oxctl_ask_plain(const struct oxctl *o, const char *cmd, int wait_ms, oxctl_show *for_people)
{
	struct buf request = {0};
	mp_add_map(&request, 1);
	mp_pair_text(&request, "cmd", cmd);
	int status = oxctl_ask_and_show(o, &request, wait_ms, for_people);
	buf_fini(&request);
	return status;
}
