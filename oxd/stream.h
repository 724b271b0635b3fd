/* SPDX-License-Identifier: ISC */
/*
 * stream: events as they become durable, to whoever subscribes.
 *
 * A journal reader without a cursor of its own: it starts where the journal stands when the first subscriber comes, and
 * reads nothing while there is none.  Two parts a message, the type and the event's map unchanged; subscriptions are
 * prefixes of the type, as ZeroMQ has them.  A subscriber that is too slow loses messages.  Control thread only.
 */
#ifndef BLUEOX_OXD_STREAM_H
#define BLUEOX_OXD_STREAM_H

#include "oxd/reader.h"

struct stream {
	void *socket; /* a bound XPUB, borrowed */
	struct reader reader;
	struct stats *stats; /* borrowed */
	unsigned subscriptions;
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
