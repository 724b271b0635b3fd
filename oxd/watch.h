/* SPDX-License-Identifier: ISC */
/*
 * watch: a thread that is told by ZeroMQ what happens to the connections of our sockets.
 *
 * It counts those that come and go by address and closes what is beyond a share (callers.h), notes that a connection
 * could not be taken for want of descriptors, and tells of handshakes that fail: a wrong key would otherwise look like a
 * peer that is down.
 *
 * watch_open() comes before the first socket that is to be watched.
 */
#ifndef BLUEOX_OXD_WATCH_H
#define BLUEOX_OXD_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "oxd/stats.h"

/* Ports have so many connections at a time, and never more than half of the open files.  False with errno. */
bool watch_open(void *zmq, size_t most, struct stats *stats);

/* Ends the thread and closes what is left of it; before the ZeroMQ context goes. */
void watch_close(void);

/* Before bind: who connects has a share.  `name` says in a message which socket it is, and is copied. */
void watch_port(void *socket, const char *name, bool keys);

/* Before connect: handshakes only. */
void watch_link(void *socket, const char *name);

#endif
