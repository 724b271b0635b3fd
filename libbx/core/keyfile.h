/* SPDX-License-Identifier: ISC */
/*
 * keyfile: a CURVE key as a file of two lines, `public = …` and `secret = …`, in ZeroMQ's Z85 text.
 *
 * A file with a secret must be its owner's alone.  A file without one is for the other side.
 */
#ifndef BLUEOX_CORE_KEYFILE_H
#define BLUEOX_CORE_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>

enum { KEY_TEXT = 41 }; /* 40 characters and a zero byte */

struct keyfile {
	char public_key[KEY_TEXT];
	char secret_key[KEY_TEXT]; /* empty: the file has none */
};

/* NULL when it was read, else what is wrong with it.  With `secret` it must have one that nobody else can read. */
const char *keyfile_read(const char *path, bool secret, struct keyfile *out);

#endif
