/* SPDX-License-Identifier: ISC */
/*
 * wholefile: a file that is there whole, or not at all.
 *
 * It is written beside its place under another name and put there at the end, so that nobody ever opens half of it and
 * an older one stays until the new one is whole.
 */
#ifndef BLUEOX_OXVIEW_WHOLEFILE_H
#define BLUEOX_OXVIEW_WHOLEFILE_H

#include <stdbool.h>

struct wholefile {
	const char *path; /* borrowed */
	char *beside;     /* owned */
	int fd;
};

/* False with errno. */
bool wholefile_open(struct wholefile *f, const char *path);

/* Puts it in its place.  False with errno; it is then gone. */
bool wholefile_finish(struct wholefile *f);
void wholefile_abandon(struct wholefile *f);

#endif
