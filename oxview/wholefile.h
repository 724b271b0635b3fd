/* SPDX-License-Identifier: ISC */
/*
 * wholefile: a file that is there whole, or not at all.
 *
 * It is written beside its place under another name and put there at the end, so that nobody ever opens half of it and
 * an older one stays until the new one is whole.  Only a file gives way to it: what a link leads to is replaced, not the
 * link, and a pipe or device is refused.
 */
#ifndef BLUEOX_OXVIEW_WHOLEFILE_H
#define BLUEOX_OXVIEW_WHOLEFILE_H

#include <stdbool.h>

struct wholefile {
	char *path;   /* owned; where it goes */
	char *beside; /* owned; its name until it is whole */
	int fd;
	bool nameless; /* it does not have that yet */
};

/* NULL, or what is wrong. */
const char *wholefile_open(struct wholefile *f, const char *path);

/* Puts it in its place.  False with errno; it is then gone.  To be abandoned in any case. */
bool wholefile_finish(struct wholefile *f);
void wholefile_abandon(struct wholefile *f);

#endif
