/* SPDX-License-Identifier: ISC */
/*
 * alert: a command that is run when something has happened, once in a while at most.
 *
 * What happens is gathered as lines; the first runs the command at once, and what comes in the meantime waits for the
 * next time.  The command is the shell's; the events are its standard input, and what is told of the first of them is in
 * its environment: nothing of an event ever becomes part of the command.  It runs beside us, in a process group of its
 * own, and is ended when it takes too long.  One that fails is run again with the same events, a few times.
 */
#ifndef BLUEOX_OXVIEW_ALERT_H
#define BLUEOX_OXVIEW_ALERT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libbx/core/buf.h"
#include "oxview/trouble.h"

enum { ALERT_EVENTS = 100, ALERT_BYTES = 1024 * 1024, ALERT_TRIES = 3 };

/* What is told together. */
struct alert_batch {
	struct buf lines;       /* of the first ALERT_EVENTS, within ALERT_BYTES */
	struct buf environment; /* NAME=value texts, each with its NUL */
	uint64_t count;         /* events, also those that lines has not */
	unsigned tries;
};

struct alert {
	const char *command;                  /* borrowed */
	int64_t every_ns, wait_ns;            /* least time between two runs; most time for one */
	struct trouble *trouble;              /* borrowed */
	void (*began)(void *context);         /* what gathered is told from now on, and something new gathers */
	void (*told)(void *context, bool ok); /* that is over: told, or given up */
	void *context;
	struct alert_batch next, running;
	pid_t child; /* 0: none */
	int64_t started_ns;
	bool ended_by_us;
	uint64_t runs;
};

void alert_fini(struct alert *a);

/* Where a line may be written for one more event, or NULL: it is counted, and others stand for it. */
struct buf *alert_room(struct alert *a);

/* For the first event of a batch: a variable for the command; controls in the value are escaped, and it is cut. */
bool alert_is_first(const struct alert *a);
void alert_tell(struct alert *a, const char *name, const void *value, size_t n);

/* To be called now and then: looks whether the command is over, and runs it when there is something and it is time. */
void alert_tick(struct alert *a, int64_t now_ns);

/* Waits a moment for the command, when one runs. */
void alert_wait(const struct alert *a);

#endif
