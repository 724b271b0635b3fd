/* SPDX-License-Identifier: ISC */
/*
 * conffile: a file of `a-b = value` lines, read whole and asked for by the names of environment variables.
 *
 * Lines with # in front and empty ones are none; of two with one name the later counts.  The name that stands for
 * BLUEOX_A_B is a-b.  A line that is none of these, and one that nobody has asked for, is told by conffile_wrong().
 */
#ifndef BLUEOX_PRELOAD_CONFFILE_H
#define BLUEOX_PRELOAD_CONFFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFFILE_BYTES = 16384, CONFFILE_LINES = 128 };

struct conffile_line {
	const char *name; /* NULL: the line is not understood */
	const char *value;
	uint32_t number;
	bool asked_for;
};

struct conffile {
	struct conffile_line lines[CONFFILE_LINES];
	uint32_t count;
	uint32_t left_out; /* lines for which there was no room */
	char text[CONFFILE_BYTES + 1];
};

/* Reads a file; 0, or the errno that says why there is none.  Holds no descriptor afterwards; keeps errno. */
int conffile_read(struct conffile *f, const char *path);

/* Takes the n bytes that stand in f->text. */
void conffile_parse(struct conffile *f, size_t n);

/* What the file says of a variable, trimmed; NULL when it says nothing. */
const char *conffile_get(struct conffile *f, const char *variable);

/* How many lines are wrong, once all that there is has been asked for. */
uint32_t conffile_wrong(const struct conffile *f);

#endif
