/* SPDX-License-Identifier: ISC */
/* stream: subscriptions in, frames out. */
#include "oxd/stream.h"

#include <zmq.h>

enum { RECORDS_AT_ONCE = 64 };

void
stream_init(struct stream *s, void *socket, struct journal *journal, struct stats *stats)
{
	*s = (struct stream){.socket = socket, .stats = stats};
	reader_init(&s->reader, journal, 1);
}

void
stream_fini(struct stream *s)
{
	reader_fini(&s->reader);
}

void
stream_listen(struct stream *s)
{
	zmq_msg_t m;
	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, s->socket, ZMQ_DONTWAIT) >= 0) {
		const uint8_t *p = zmq_msg_data(&m);
		size_t n = zmq_msg_size(&m);
		if (n > 0 && p[0] == 1 && s->subscriptions++ == 0)
			reader_seek(&s->reader, journal_synced(s->reader.journal) + 1);
		else if (n > 0 && p[0] == 0 && s->subscriptions > 0)
			s->subscriptions--;
	}
	zmq_msg_close(&m);
}

static void
send_frame(struct stream *s, const struct record *rec)
{
	struct frame frame;
	struct frame_event ev;
	if (rec->frame.n == 0 || frame_open_summed(rec->frame.p, rec->frame.n, &frame) != BX_OK)
		return;
	while (frame_next(&frame, &ev)) {
		if (zmq_send(s->socket, ev.type.p, ev.type.n, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
		    zmq_send(s->socket, ev.map.p, ev.map.n, ZMQ_DONTWAIT) >= 0)
			stats_add(s->stats, STAT_stream_events, 1);
	}
}

bool
stream_send(struct stream *s)
{
	struct record rec;
	enum bx_err err = BX_ESHORT;
	if (!stream_is_wanted(s))
		return false;
	for (int i = 0; i < RECORDS_AT_ONCE; i++) {
		err = reader_next(&s->reader, &rec);
		if (err != BX_OK)
			break;
		send_frame(s, &rec);
	}
	uint64_t skipped = s->reader.gone + s->reader.damaged;
	stats_add(s->stats, STAT_stream_skipped, skipped - s->skipped);
	s->skipped = skipped;
	return err == BX_OK;
}
