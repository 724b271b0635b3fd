/* SPDX-License-Identifier: ISC */
/*
 * debuginfod: debug files by build id, from the servers that DEBUGINFOD_URLS names.
 *
 * Nobody is asked where that variable is not set.  All questions together may take so long, and no longer; then, and
 * where libdebuginfod is not installed, there is no answer.  On a terminal progress is shown on stderr.
 *
 * What was fetched is kept where libdebuginfod keeps it (DEBUGINFOD_CACHE_PATH, else ~/.cache/debuginfod_client).
 */
#ifndef BLUEOX_OXVIEW_DEBUGINFOD_H
#define BLUEOX_OXVIEW_DEBUGINFOD_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct debuginfod {
	bool asked; /* servers are named, and can be asked */
	bool shown; /* progress is on the screen */
	bool tired; /* the time is over */
	int64_t left_ns, since_ns, shown_ns;
	void (*set_progress)(debuginfod_client *client, int (*progress)(debuginfod_client *client, long a, long b));
	int (*find)(debuginfod_client *client, const unsigned char *build_id, int build_id_len, char **path);
};

/* From now on nobody is asked, in no session.  Changes the environment: before there are threads. */
void debuginfod_refuse(void);

/* With no time to wait the same. */
void debuginfod_init(struct debuginfod *d, int64_t wait_ns);

/*
 * From now on what elfutils asks for this session takes no longer than is left.  Then call debuginfod_rest().  One session
 * of one thread at a time.
 */
void debuginfod_watch(struct debuginfod *d, Dwfl *session);
void debuginfod_rest(struct debuginfod *d);

/* The path of the debug file of a build, to be freed; NULL: none.  Blocks.  The session is watched. */
char *debuginfod_fetch(struct debuginfod *d, Dwfl *session, const uint8_t *build_id, size_t n);

#endif
