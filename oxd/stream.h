/* SPDX-License-Identifier: ISC */
/*
 * stream: events as they become durable, to whoever subscribes.
 *
 * A journal reader without a cursor of its own: it starts where the journal stands when the first subscriber comes, and
 * reads nothing while there is none.  Two parts a message, the type and the event's map unchanged; subscriptions are
 * prefixes of the type, as ZeroMQ has them.  A subscriber that is too slow loses messages: what at least one has lost is
 * counted, and told in events `blueox.stream` {lost}, each second for a minute.  Control thread only.
 */
#ifndef BLUEOX_OXD_STREAM_H
#define BLUEOX_OXD_STREAM_H

#include "libbx/core/frame.h"
#include "oxd/reader.h"

struct stream {
	void *socket; /* a bound XPUB, borrowed */
	struct reader reader;
	struct stats *stats; /* borrowed */
	unsigned subscriptions;
	uint64_t lost; /* since somebody first subscribed */
	int64_t notices_until_ns;
	int64_t notice_ns;        /* not before */
	double lost_first;        /* seconds since the epoch */
	struct frame frame;       /* being sent */
	struct frame_event event; /* of it, refused so far */
	bool has_frame, has_event;
	int64_t refused_ns; /* since when somebody has had no room; 0: all have */
	bool passing;       /* that took too long: who has no room is passed by */
	uint64_t skipped;
};

void stream_init(struct stream *s, void *socket, struct journal *journal, struct stats *stats);
void stream_fini(struct stream *s);

/* Takes what subscribers say. */
void stream_listen(struct stream *s);

/* Sends what is new, a bounded part of it; true when more is left.  Never blocks. */
bool stream_send(struct stream *s);

static inline bool
stream_is_wanted(const struct stream *s)
{
	return s->subscriptions > 0;
}

#endif
