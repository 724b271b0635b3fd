/* SPDX-License-Identifier: ISC */
/*
 * source: where events come from, as one call whatever it is.
 *
 * Sources tell what goes wrong to the trouble they were given; next() then goes on as far as it can.
 */
#ifndef BLUEOX_OXVIEW_SOURCE_H
#define BLUEOX_OXVIEW_SOURCE_H

#include <stdbool.h>

#include "libbx/core/event.h"
#include "oxview/keys.h"
#include "oxview/select.h"
#include "oxview/trouble.h"

struct source {
	/* The next event that is wanted, which lives until the next call.  False at the end. */
	bool (*next)(struct source *s, struct event *ev);
	void (*free)(struct source *s);
};

/* What every source is told.  All borrowed, all outliving the source. */
struct source_env {
	const struct select *select; /* which events are wanted */
	struct trouble *trouble;
	struct filter *finder; /* events are read through it (filter.h), so that it has its values; NULL: none */
	void (*before_wait)(void *context); /* called before waiting for more, so that what was shown can be written */
	void *context;
	bool (*stopped)(void *stop_context); /* asked now and then, the source ends when it is true; NULL: never */
	void *stop_context;
};

static inline bool
source_stopped(const struct source_env *env)
{
	return env->stopped && env->stopped(env->stop_context);
}

static inline bool
source_next(struct source *s, struct event *ev)
{
	return s->next(s, ev);
}

static inline void
source_free(struct source **s)
{
	if (*s)
		(*s)->free(*s);
	*s = NULL;
}

/* Files in the order given, one after the other; `-` is standard input.  NULL: out of memory. */
struct source *source_files(char *const *paths, size_t count, const struct source_env *env);

/* The same, but files are read on as they grow; `-` is none. */
struct source *source_follow(char *const *paths, size_t count, const struct source_env *env);

/*
 * The same for a log directory: what is there, file by file, then what is appended to the newest file of each type and to files that
 * come.  NULL, with trouble told: it cannot be watched or read.
 */
struct source *source_follow_logdir(const char *path, const struct source_env *env);

/*
 * The log directory.  Files of one type follow each other by date; the types are merged by the events' end, as far as
 * each type is in that order, without holding more than one event of each.  NULL, with trouble told: cannot be read.
 */
struct source *source_logdir(const char *path, const struct source_env *env);

/*
 * The live stream of the oxd whose control port is at `address` (HOST:PORT, PORT, ipc:///path).  Asks it for the stream
 * with the keys, which are copied, and waits for at most 5 seconds for the answer; NULL, with trouble told, when there is none.  Goes on after the daemon
 * went away and came back; the gap is told.
 */
struct source *source_live(const char *address, const struct keys *keys, const struct source_env *env);

/* A log directory needs a descriptor a type: asks for as many as we may have. */
void source_raise_descriptor_limit(void);

/* Tells that the log directory could not be listed. */
void source_tell_unreadable(const struct source_env *env, const char *path, enum bx_err err);

#endif
