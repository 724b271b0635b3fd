/* SPDX-License-Identifier: ISC */
/*
 * pager: what a terminal gets, a screen at a time.
 *
 * Standard output becomes a pipe to the pager, so that whoever leaves it ends us as `head` does.  A signal that ends us
 * waits for the pager first: it has the terminal, and would go on without us.
 */
#ifndef BLUEOX_OXVIEW_PAGER_H
#define BLUEOX_OXVIEW_PAGER_H

#include <stdbool.h>
#include <sys/types.h>

struct pager {
	pid_t child;  /* 0: none */
	int terminal; /* what standard output was, to be asked how wide it is; -1: standard output still is that */
};

/*
 * `command` is the shell's; NULL: what PAGER says, or less.  None is started, and that is no mistake, for an empty one, for
 * cat, on a dumb terminal, or where there is no less.
 */
void pager_start(struct pager *p, const char *command);

/* Closes standard output and waits for the pager to be left. */
void pager_end(struct pager *p);

#endif
