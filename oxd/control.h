/* SPDX-License-Identifier: ISC */
/*
 * control: what oxctl and oxview ask of a running oxd.
 *
 * REP socket, MessagePack: a map with `cmd` in, a map out; `error` in it says what was wrong.  Whatever arrives is
 * answered, garbage too, or the socket would wait for its answer for ever.  Commands and answers are in
 * doc/CONTROL.md.  Some take a while: their answer is given later, and until then no other request is read.  Control
 * thread only.
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

enum { CONTROL_MAX = 64 * 1024 }; /* bytes of a request; ZeroMQ closes the connection for twice that */

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

struct control {
	void *socket; /* a bound REP, borrowed */
	struct control_world world;
	struct buf answer;
	control_look *look; /* what the command at hand waits for; NULL: none is at hand */
	unsigned ticket;
	uint64_t upto;
	int64_t give_up_ns;
	bool shutdown; /* somebody asked for it */
};

void control_init(struct control *c, void *socket, const struct control_world *world);
void control_fini(struct control *c);

/* Reads and answers one request, or begins to.  Call when the socket has something and nothing is awaited. */
void control_take(struct control *c);

/* Gives the answer that is awaited, if it is there by now. */
void control_go_on(struct control *c);

static inline bool
control_waits(const struct control *c)
{
	return c->look != NULL;
}

#endif
