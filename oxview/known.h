/* SPDX-License-Identifier: ISC */
/*
 * known: fingerprints of errors that were told before, in a file of a line each.
 *
 *     6745a1b2c3d4e5f6 2026-11-23T02:14:07Z web.request
 *
 * The first word counts; the rest is for people.  Lines are only ever added, each by one write that is then synced, so a
 * file that was cut by a crash lacks its last line at most.  One program has the file at a time.
 */
#ifndef BLUEOX_OXVIEW_KNOWN_H
#define BLUEOX_OXVIEW_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "oxview/fault.h"

struct known_print;

struct known {
	int fd;
	bool torn;                  /* the last line in the file is not whole */
	struct known_print *prints; /* owned; those of the file, and those that are on their way there */
};

/* Opens the file, which is made where there is none.  NULL, or what is wrong. */
const char *known_open(struct known *k, const char *path);
void known_close(struct known *k);

/* True for a fingerprint that was never asked about, which is known from now on, in memory. */
bool known_is_new(struct known *k, const char *print);

/* Takes that back: it is new again. */
void known_forget(struct known *k, const char *print);

/* Adds it to the file, with the type of its event.  False with errno. */
bool known_keep(struct known *k, const char *print, int64_t now_ns, struct bytes type);

#endif
