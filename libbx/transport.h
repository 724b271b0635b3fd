/* SPDX-License-Identifier: ISC */
/*
 * transport: who takes the events away.
 *
 * While recording is on exactly one transport is in use: `ring`, the oxd of this host through shared memory, or one that
 * sends from inside the process.  configure.c opens and closes them, one call at a time, never from a signal handler;
 * other threads may be in the middle of an event meanwhile, and finish it as they began it.
 *
 * When recording is turned on again (another transport or the same), each thread at its next call drops what it had
 * open and gives its ring back to the process; see thread_enter_new().
 */
#ifndef BLUEOX_TRANSPORT_H
#define BLUEOX_TRANSPORT_H

#include <stdbool.h>

struct transport {
	const char *name;
	/* Gets ready; bx_config is complete.  host and port are as given to bx_configure(), for `ring` NULL and 0.  Called
	 * again, without a close, when only these change.  False: recording is off. */
	bool (*open)(const char *host, int port);
	/* Takes what is there to its end, as far as may be waited.  Also called in a forked child, which has none of the
	 * parent's threads. */
	void (*close)(void);
};

extern const struct transport transport_ring;

/*
 * Turns recording on over this transport, in place of what was before: the one before is closed first.  With the same
 * transport, host and port as are in use now it does nothing.  0, or -1 when recording is off afterwards.
 */
int configure_over(const struct transport *next, const char *host, int port);

/* While bx_config.on is CONFIG_OFFERED: has the shim begin, or decline.  In libbx/shim.c. */
void configure_offered(void);

#endif
