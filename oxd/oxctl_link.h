/* SPDX-License-Identifier: ISC */
/*
 * oxctl_link: a connection to an oxd's control port.
 *
 * Whether anything answers there at all is known within a few seconds, whatever a command then takes.  One thread;
 * blocks, never longer than it was told to.
 */
#ifndef BLUEOX_OXD_OXCTL_LINK_H
#define BLUEOX_OXD_OXCTL_LINK_H

#include "oxd/oxctl.h"

struct oxctl_link {
	void *zmq, *socket, *monitor;
};

/* 0, else what was said to the user: 1 when nothing answers there, 2 when the address makes no sense. */
int oxctl_link_open(struct oxctl_link *l, const struct oxctl *o);
void oxctl_link_close(struct oxctl_link *l);

/* Sends a request and puts the answer, one whole map, into `answer`.  False when none came in time. */
bool oxctl_link_ask(struct oxctl_link *l, const struct buf *request, int wait_ms, struct buf *answer);

#endif
