/* SPDX-License-Identifier: ISC */
/*
 * keys: what oxview shows to a guarded oxd, on each of its sockets.
 */
#ifndef BLUEOX_OXVIEW_KEYS_H
#define BLUEOX_OXVIEW_KEYS_H

#include <stddef.h>

#include "libbx/core/keyfile.h"

struct keys {
	struct keyfile server, own; /* empty public key of the server: nothing is guarded */
};

/*
 * Reads the files; NULL for both: no keys.  Without a key of our own one is made up, for an oxd that allows everyone.
 * False with one line in err.
 */
bool keys_read(struct keys *k, const char *server_path, const char *own_path, char *err, size_t err_cap);

/* Before connect. */
bool keys_show(const struct keys *k, void *socket);

#endif
