/* SPDX-License-Identifier: ISC */
/* handler: told by what is blocked, and by what would handle it. */
#include "libbx/handler.h"

#include <signal.h>
#include <stddef.h>

static bool
is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGABRT || sig == SIGTRAP ||
	       sig == SIGSYS;
}

bool
handler_may_be_running(void)
{
	stack_t alternate;
	sigset_t blocked;
	if (sigaltstack(NULL, &alternate) != 0 || (alternate.ss_flags & SS_ONSTACK) ||
	    pthread_sigmask(SIG_SETMASK, NULL, &blocked) != 0)
		return true;
	bool all = sigismember(&blocked, SIGTERM) == 1;
	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction sa;
		if (sigaction(sig, NULL, &sa) != 0) /* glibc's own */
			continue;
		bool now = sigismember(&blocked, sig) == 1;
		bool handled = (sa.sa_flags & SA_SIGINFO) || (sa.sa_handler != SIG_DFL && sa.sa_handler != SIG_IGN);
		if (handled && (now || (sa.sa_flags & (SA_NODEFER | SA_ONSTACK)) == SA_NODEFER))
			return true;
		if (now && is_fault(sig) && !all)
			return true;
	}
	return false;
}
