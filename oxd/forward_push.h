/* SPDX-License-Identifier: ISC */
/*
 * forward_push: events one by one, in wire version 3, to an original daemon.
 *
 * PUSH says nothing back: what ZeroMQ took counts as gone, and is lost when the connection or either end dies.  Types
 * and hosts are cut to 63 bytes, as that version has it.
 */
#ifndef BLUEOX_OXD_FORWARD_PUSH_H
#define BLUEOX_OXD_FORWARD_PUSH_H

#include <stdbool.h>

#include "libbx/core/frame.h"

/* A frame on its way; all zeroes: none. */
struct forward_push {
	struct frame frame; /* borrowed from the journal's reader */
	struct frame_event event;
	bool has_event;
	uint64_t events; /* sent, in all */
};

/* False when the frame cannot be read. */
bool forward_push_begin(struct forward_push *p, struct bytes frame);

/* Sends what the socket takes now.  True when the frame is through. */
bool forward_push_go_on(struct forward_push *p, void *socket);

#endif
