/* SPDX-License-Identifier: ISC */
/* signals: says what it is told of its signals by every call that tells, after the shim has begun to watch. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGUSR1};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset() */
__sighandler_t bsd_signal(int number, __sighandler_t handler);

static void
own(int number)
{
	(void)number;
}

static const char *
name_of(__sighandler_t handler)
{
	return handler == SIG_DFL ? "default" : handler == SIG_IGN ? "ignored" : handler == own ? "own" : "another";
}

static void
say(const char *how, int number, const struct sigaction *sa)
{
	printf("%s %d: %s, flags %x, SIGHUP %d\n", how, number, name_of(sa->sa_handler), (unsigned)sa->sa_flags,
	    sigismember(&sa->sa_mask, SIGHUP));
}

static void
by_sigaction(void)
{
	struct sigaction set = {.sa_handler = own, .sa_flags = SA_NODEFER}, old;
	sigaddset(&set.sa_mask, SIGHUP);
	for (int i = 0; i < NUMBERS; i++) {
		memset(&old, 0xff, sizeof old);
		sigaction(numbers[i], NULL, &old);
		say("asked", numbers[i], &old);
		sigaction(numbers[i], &set, &old);
		say("set", numbers[i], &old);
		sigaction(numbers[i], NULL, &old);
		say("asked", numbers[i], &old);
	}
}

static void
by_form(const char *name, __sighandler_t (*form)(int, __sighandler_t))
{
	for (int i = 0; i < NUMBERS; i++) {
		printf("%s %d: %s", name, numbers[i], name_of(form(numbers[i], SIG_IGN)));
		printf(", %s", name_of(form(numbers[i], own)));
		printf(", %s\n", name_of(form(numbers[i], SIG_DFL)));
	}
}

int
main(int argc, char **argv)
{
	struct sigaction kept = {.sa_handler = SIG_DFL, .sa_flags = SA_RESTART};
	stack_t stack;
	sigaddset(&kept.sa_mask, SIGHUP);
	sigaction(SIGFPE, &kept, NULL); /* the default, with what nobody needs: to be shown as it was set */
	signal(SIGBUS, SIG_IGN);
	syslog(LOG_INFO, "start");
	const char *how = argc > 1 ? argv[1] : "sigaction";
	if (strcmp(how, "sigaction") == 0)
		by_sigaction();
	else if (strcmp(how, "signal") == 0)
		by_form(how, signal);
	else if (strcmp(how, "bsd_signal") == 0)
		by_form(how, bsd_signal);
	else if (strcmp(how, "ssignal") == 0)
		by_form(how, ssignal);
	else if (strcmp(how, "sysv_signal") == 0)
		by_form(how, sysv_signal);
	else if (strcmp(how, "sigset") == 0)
		by_form(how, sigset);
	sigaltstack(NULL, &stack);
	fprintf(stderr, "stack flags %d\n", stack.ss_flags);
	return 0;
}
