/* SPDX-License-Identifier: ISC */
/*
 * syslog_storm: a SIGALRM handler that logs, while the program makes events of its own and allocates.
 *
 * Prints how many lines the handler wrote and how many events the program ended; the numbers must be found in the log,
 * less what was counted as dropped.
 */
/* LIBS: -L@B@ -lbx */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <syslog.h>

#include "include/blueox.h"

static volatile sig_atomic_t lines;

static void
on_alarm(int number)
{
	syslog(LOG_INFO, "alarm %d line %d", number, (int)lines);
	lines++;
}

int
main(int argc, char **argv)
{
	int wanted = argc > 1 ? atoi(argv[1]) : 2000;
	unsigned long ended = 0;
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval every = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
	bx_configure_default();
	syslog(LOG_INFO, "start");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	while (lines < wanted) {
		char *text = malloc(100 + (size_t)(rand() % 1000));
		if (!text)
			return 1;
		strcpy(text, "tick");
		BX_CONTEXT("storm")
		bx_set("text", text);
		free(text);
		ended++;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	struct bx_counters n;
	bx_stats(&n);
	printf("%d %lu %llu %llu\n", (int)lines, ended, (unsigned long long)n.events,
	    (unsigned long long)n.dropped_in_signal + n.dropped_ring_full + n.dropped_no_ring);
	return 0;
}
