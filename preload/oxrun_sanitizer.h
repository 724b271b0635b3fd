/* SPDX-License-Identifier: ISC */
/*
 * oxrun_sanitizer: what a program that was built with a sanitizer has to be told, so that it runs with our object in it.
 *
 * It is told by a variable, which the programs that the command starts have too, and before what the user says there,
 * so that the user has the last word.  The sanitizer's library in front of ours would do for one of them; but then it would be in all that
 * the command starts.
 */
#ifndef BLUEOX_PRELOAD_OXRUN_SANITIZER_H
#define BLUEOX_PRELOAD_OXRUN_SANITIZER_H

struct sanitizer {
	const char *library; /* by which a program built with it is known */
	const char *variable, *option;
	const char *why; /* a clause */
};

extern const struct sanitizer sanitizers[]; /* ends with one without a library */

#endif
