/* SPDX-License-Identifier: ISC */
/* stream: subscriptions in, frames out. */
#include "oxd/stream.h"

#include <zmq.h>

#include "libbx/core/clock.h"
#include "oxd/own.h"

enum { RECORDS_AT_ONCE = 64 };
static const int64_t notice_every_ns = 1000000000, notices_ns = 60000000000, grace_ns = 200000000;

/* With `yes` a message passes by those who have no room, else it is refused to all as long as one has none. */
static void
drop_for_the_slow(struct stream *s, bool yes)
{
	int refuse = !yes;
	zmq_setsockopt(s->socket, ZMQ_XPUB_NODROP, &refuse, sizeof refuse);
}

void
stream_init(struct stream *s, void *socket, struct journal *journal, struct stats *stats)
{
	*s = (struct stream){.socket = socket, .stats = stats};
	drop_for_the_slow(s, false);
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

static bool
send_parts(struct stream *s, const struct frame_event *ev)
{
	return zmq_send(s->socket, ev->type.p, ev->type.n, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
	       zmq_send(s->socket, ev->map.p, ev->map.n, ZMQ_DONTWAIT) >= 0;
}

/*
 * A burst fills the pipes of the quick as well, so for a moment the stream waits.  Who has no room after that is passed by,
 * until all have room again: nobody waits for a slow subscriber.  ZeroMQ leaves one out until it has read half of its queue
 * and says nothing of that, so what is counted is the least that it lost.  False: wait, then go on.
 */
static bool
send_event(struct stream *s, const struct frame_event *ev)
{
	bool sent = send_parts(s, ev);
	if (sent) {
		s->refused_ns = 0;
		s->passing = false;
	} else {
		int64_t now_ns = clock_mono_ns();
		if (!s->passing && s->refused_ns == 0)
			s->refused_ns = now_ns;
		if (!s->passing && now_ns - s->refused_ns < grace_ns)
			return false;
		s->passing = true;
		drop_for_the_slow(s, true);
		sent = send_parts(s, ev);
		drop_for_the_slow(s, false);
		if (s->lost++ == 0)
			s->lost_first = clock_seconds(clock_wall_ns());
		s->notices_until_ns = now_ns + notices_ns;
		stats_add(s->stats, STAT_stream_lost, 1);
	}
	if (sent)
		stats_add(s->stats, STAT_stream_events, 1);
	return true;
}

/* Who has lost may be left out of this one too, so the total is told again and again. */
static void
send_notice(struct stream *s)
{
	struct buf frame = {0};
	struct frame_event ev;
	int64_t now_ns = clock_mono_ns();
	if (s->lost == 0 || now_ns < s->notice_ns || now_ns > s->notices_until_ns)
		return;
	s->notice_ns = now_ns + notice_every_ns;
	frame_start(&frame);
	own_add_stream_lost(&frame, 0, s->lost, s->lost_first);
	struct frame one = {.data = frame.data, .len = (uint32_t)frame.len, .count = 1, .at = FRAME_HEADER};
	if (frame.err == BX_OK && frame_next(&one, &ev))
		send_parts(s, &ev);
	buf_fini(&frame);
}

/* Sends what is left of the frame at hand.  False: wait, then go on. */
static bool
send_frame(struct stream *s)
{
	while (s->has_event || frame_next(&s->frame, &s->event)) {
		s->has_event = true;
		if (!send_event(s, &s->event))
			return false;
		s->has_event = false;
	}
	s->has_frame = false;
	return true;
}

static enum bx_err
take_frame(struct stream *s)
{
	struct record rec;
	enum bx_err err = reader_next(&s->reader, &rec);
	s->has_frame =
	    err == BX_OK && rec.frame.n > 0 && frame_open_summed(rec.frame.p, rec.frame.n, &s->frame) == BX_OK;
	return err;
}

bool
stream_send(struct stream *s)
{
	enum bx_err err = BX_OK;
	if (!stream_is_wanted(s)) {
		s->lost = 0; /* whoever lost has left */
		s->has_frame = s->has_event = s->passing = false;
		s->refused_ns = 0;
		return false;
	}
	send_notice(s);
	for (int i = 0; i < (s->passing ? 1 : RECORDS_AT_ONCE); i++) {
		if (!s->has_frame && (err = take_frame(s)) != BX_OK)
			break;
		if (s->has_frame && !send_frame(s))
			return false;
	}
	uint64_t skipped = s->reader.gone + s->reader.damaged;
	stats_add(s->stats, STAT_stream_skipped, skipped - s->skipped);
	s->skipped = skipped;
	return err == BX_OK;
}
