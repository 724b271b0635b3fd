/* SPDX-License-Identifier: ISC */
/* oxctl_plain: commands that are one word to the daemon and one word back. */
#include "oxd/oxctl.h"
#include "oxd/oxctl_answer.h"

void
oxctl_show_ok(struct buf *out, struct cursor answer, const struct oxctl *o)
{
	(void)answer;
	(void)o;
	buf_puts(out, "ok\n");
}

static void
show_version(struct buf *out, struct cursor answer, const struct oxctl *o)
{
	char text[ANSWER_TEXT_MAX];
	(void)o;
	buf_printf(out, "oxd %s\n", answer_find_text(answer, "version", text));
}

int
oxctl_flush(const struct oxctl *o, char **words)
{
	return words[0] ? oxctl_usage("flush", words[0]) : oxctl_ask_plain(o, "FLUSH", OXCTL_LONG_MS, oxctl_show_ok);
}

int
oxctl_rotate(const struct oxctl *o, char **words)
{
	return words[0] ? oxctl_usage("rotate", words[0]) : oxctl_ask_plain(o, "ROTATE", OXCTL_LONG_MS, oxctl_show_ok);
}

int
oxctl_shutdown(const struct oxctl *o, char **words)
{
	return words[0] ? oxctl_usage("shutdown", words[0])
			: oxctl_ask_plain(o, "SHUTDOWN", OXCTL_SOON_MS, oxctl_show_ok);
}

int
oxctl_version(const struct oxctl *o, char **words)
{
	return words[0] ? oxctl_usage("version", words[0]) : oxctl_ask_plain(o, "VERSION", OXCTL_SOON_MS, show_version);
}
