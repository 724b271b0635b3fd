/* SPDX-License-Identifier: ISC */
/*
 * control: what oxctl and oxview ask of a running oxd.
 *
 * MessagePack: a map with `cmd` in, a map out; `error` in it says what was wrong.  For who asks, with REQ, it looks like a
 * REP socket: whatever arrives is answered, garbage too, or it would wait for ever.  It is a ROUTER, since some commands
 * take a while: their answer is given later, and others are not kept waiting.  Commands and answers are in doc/CONTROL.md.
 * Control thread only.
 *
 * A command is a line in the table in control.c and a function; one with a concept of its own has its file, and is
 * declared in control_command.h.
 */
#ifndef BLUEOX_OXD_CONTROL_H
#define BLUEOX_OXD_CONTROL_H

#include "oxd/forward.h"
#include "oxd/ingest.h"
#include "oxd/keeper.h"
#include "oxd/logwriter.h"
#include "oxd/ports.h"
#include "oxd/relay_port.h"

enum {
	CONTROL_MAX = 64 * 1024,  /* bytes of a request; ZeroMQ closes the connection for twice that */
	CONTROL_WAITING_MAX = 64, /* requests whose answers are awaited; no further one is read then */
};

/* What control may look at and ask of; all borrowed. */
struct control_world {
	const struct port *stream, *collect, *relay; /* relay may be NULL */
	struct ingest *ingest;
	struct relay_port *peers;
	struct journal *journal;
	struct logwriter *logwriter; /* NULL when nothing is logged here */
	struct keeper *keeper;       /* likewise */
	struct forward *forward;
	struct seen *seen;
	struct stats *stats;
	const char *run_path, *log_path, *state_path;
	int64_t started_ns;
};

struct control;

/* Looks whether what a command waits for is there; true when `answer` is complete. */
typedef bool control_look(struct control *c);

/* A request that is being answered. */
struct control_job {
	uint8_t asker[32]; /* as ZeroMQ names the connection */
	size_t asker_n;
	control_look *look; /* what it waits for; NULL: the answer is complete */
	bool asks;          /* the ingest thread, of which only the newest question is answered */
	enum ingest_ask ask;
	unsigned ticket;
	uint64_t upto;
	int64_t give_up_ns;
	struct control_job *next;
};

struct control {
	void *socket; /* a bound ROUTER, borrowed */
	struct control_world world;
	struct control_job *job;  /* the one at hand */
	struct buf answer;        /* to that one */
	struct control_job *jobs; /* those that wait, oldest first */
	unsigned waiting;
	bool shutdown; /* somebody asked for it */
};

void control_init(struct control *c, void *socket, const struct control_world *world);
void control_fini(struct control *c);

/* Reads and answers one request, or begins to. */
void control_take(struct control *c);

/* Gives the answers that are awaited, as far as they are there by now. */
void control_go_on(struct control *c);

static inline bool
control_waits(const struct control *c)
{
	return c->jobs != NULL;
}

/* Whether to read on. */
static inline bool
control_reads(const struct control *c)
{
	return c->waiting < CONTROL_WAITING_MAX;
}

#endif
