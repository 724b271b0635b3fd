/* SPDX-License-Identifier: ISC */
/*
 * remote: the transport for programs without an oxd on their host.
 *
 * Threads emit into rings as ever, only that these are memory of the process alone; a thread of libbx_tcp.so.1, which is
 * opened when this transport is, empties them and speaks to an oxd elsewhere (libbx/tcp/plugin.h).
 */
#ifndef BLUEOX_REMOTE_H
#define BLUEOX_REMOTE_H

#include "libbx/process.h"
#include "libbx/transport.h"

extern const struct transport transport_remote;

/* True while it is the transport in use. */
bool remote_on(void);

/*
 * Starts this process's sender if it is not there: a forked child has none until it emits.  Called when a ring is taken
 * and now and then while events are emitted.  Not where a signal handler may be running: another event does it, or
 * remote_start_waiting().  Keeps errno.
 */
void remote_need_sender(struct process *p);

/* Starts it if rings hold something that nobody empties, whatever is blocked: for bx_configure(), no call for handlers. */
void remote_start_waiting(void);

#endif
