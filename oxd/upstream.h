/* SPDX-License-Identifier: ISC */
/*
 * upstream: where an oxd forwards to, as people write it, and the list of them that outlives a restart.
 *
 * HOST:PORT names the collection port of another oxd (its relay is the next one), relay://HOST:PORT the relay port
 * itself, push://HOST:PORT an original daemon.  The first that answers is used, the others are backups.
 *
 * The newest word counts: a list that was set on the running oxd is kept in the state directory, together with what the
 * settings said at that time, and holds until the settings say something else.
 */
#ifndef BLUEOX_OXD_UPSTREAM_H
#define BLUEOX_OXD_UPSTREAM_H

#include "libbx/core/addr.h"
#include "libbx/core/buf.h"
#include "libbx/core/settings.h"

enum { UPSTREAM_TEXT = 300, UPSTREAMS_MAX = 16 };

struct upstream {
	char text[UPSTREAM_TEXT]; /* as given */
	char endpoint[ADDR_ENDPOINT_MAX];
	bool push; /* wire version 3, to an original daemon */
	bool v6;
};

struct upstreams {
	struct upstream list[UPSTREAMS_MAX];
	size_t count;
};

/* NULL when it is well formed, else a phrase that says what is wrong. */
const char *upstream_parse(const char *text, struct upstream *out);

/* Adds one; one that is in the list already is left where it is.  NULL, or what is wrong. */
const char *upstreams_add(struct upstreams *u, const char *text);
bool upstreams_remove(struct upstreams *u, const char *text);
bool upstreams_equal(const struct upstreams *a, const struct upstreams *b);

/*
 * What holds at a start: the list that was set on a running oxd, when the settings are what they were then, else that of
 * the settings.
 */
void upstreams_load(int state_fd, const struct upstreams *settings, struct upstreams *out);

/* Durable when it returns true; false with errno. */
bool upstreams_save(int state_fd, const struct upstreams *settings, const struct upstreams *list);

#endif
