/* SPDX-License-Identifier: ISC */
/* forward_push: Python's `!Bd64p64p`, then the map. */
#include "oxd/forward_push.h"

#include <string.h>
#include <zmq.h>

#include "libbx/core/bytes.h"
#include "oxd/seen.h"
#include "oxd/wire3.h"

bool
forward_push_begin(struct forward_push *p, struct bytes frame)
{
	p->has_event = false;
	return frame_open(frame.p, frame.n, &p->frame) == BX_OK;
}

static void
put_pascal(uint8_t *to, struct bytes text)
{
	size_t n = text.n > WIRE3_TEXT ? WIRE3_TEXT : text.n;
	to[0] = (uint8_t)n;
	if (n)
		memcpy(to + 1, text.p, n);
}

static bool
send_event(void *socket, const struct frame_event *ev)
{
	uint8_t meta[WIRE3_META] = {WIRE3_VERSION};
	put_u64be(meta + 1, bits_of_double(ev->end));
	put_pascal(meta + 9, seen_host_of(ev->map));
	put_pascal(meta + 73, ev->type);
	if (zmq_send(socket, meta, sizeof meta, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		return false;
	return zmq_send(socket, ev->map.p, ev->map.n, ZMQ_DONTWAIT) >= 0;
}

bool
forward_push_go_on(struct forward_push *p, void *socket)
{
	for (;;) {
		if (!p->has_event)
			p->has_event = frame_next(&p->frame, &p->event);
		if (!p->has_event)
			return true;
		if (!send_event(socket, &p->event))
			return false;
		p->has_event = false;
		p->events++;
	}
}
