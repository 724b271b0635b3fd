/* SPDX-License-Identifier: ISC */
/*
 * wrap_signal: what a host asks and is told about its signals.
 *
 * Every call is carried out as it is.  Only where the answer would be the handler of crash.c, it is what the host had
 * before.  Nothing is remembered here: the kernel knows whose handler is set, for a child of vfork() too.
 */
#include "preload/real.h"

#include <errno.h>

#include "preload/crash.h"

WRAPPER int
sigaction(int number, const struct sigaction *restrict new, struct sigaction *restrict old)
{
	const struct real_libc *real = real_libc();
	int result = real->sigaction ? real->sigaction(number, new, old) : -1;
	if (old && result == 0)
		crash_hide(number, old);
	return result;
}

/* The forms of signal(3), which differ in what they set and not in what they answer. */
#define SIGNAL_FORM(name)                                                                                              \
	WRAPPER __sighandler_t name(int number, __sighandler_t handler)                                                \
	{                                                                                                              \
		const struct real_libc *real = real_libc();                                                            \
		return real->name ? crash_hide_handler(real->name(number, handler)) : SIG_ERR;                         \
	}

SIGNAL_FORM(signal)
SIGNAL_FORM(bsd_signal)
SIGNAL_FORM(ssignal)
SIGNAL_FORM(sysv_signal)
SIGNAL_FORM(__sysv_signal)
SIGNAL_FORM(sigset)
