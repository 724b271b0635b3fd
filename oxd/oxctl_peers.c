/* SPDX-License-Identifier: ISC */
/* oxctl_peers: who sends to the relay port. */
#include "oxd/oxctl.h"
#include "oxd/oxctl_answer.h"

static void
put_peer(struct buf *out, struct cursor peer)
{
	char text[ANSWER_TEXT_MAX];
	buf_printf(out, "%-24s", answer_find_text(peer, "address", text));
	buf_printf(out, " %10.0f %10.1f %10.0f", answer_number_or(peer, "frames", 0),
	    answer_number_or(peer, "bytes", 0) / 1e6, answer_number_or(peer, "silent", 0));
	buf_printf(out, "  %-8s", answer_find_text(peer, "state", text));
	buf_printf(out, " %s\n", answer_find_text(peer, "node", text));
}

static void
show_peers(struct buf *out, struct cursor answer, const struct oxctl *o)
{
	struct cursor at;
	struct mp_token list;
	(void)o;
	if (!answer_find(answer, "peers", &at) || !mp_next(&at, &list) || list.kind != MP_ARRAY)
		return;
	buf_printf(out, "%-24s %10s %10s %10s  %-8s %s\n", "address", "frames", "MB", "silent, s", "state", "node");
	for (uint32_t i = 0; i < list.len; i++) {
		put_peer(out, at);
		if (!mp_skip(&at))
			break;
	}
}

int
oxctl_peers(const struct oxctl *o, char **words)
{
	if (words[0])
		return oxctl_usage("peers", words[0]);
	return oxctl_ask_plain(o, "PEERS", OXCTL_LONG_MS, show_peers);
}
