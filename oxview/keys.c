/* SPDX-License-Identifier: ISC */
/* keys: key files, given to ZeroMQ. */
#include "oxview/keys.h"

#include <stdio.h>
#include <zmq.h>

static bool
read_one(const char *path, bool secret, struct keyfile *out, char *err, size_t err_cap)
{
	const char *wrong = keyfile_read(path, secret, out);
	if (wrong)
		snprintf(err, err_cap, "key file %s: %s", path, wrong);
	return !wrong;
}

bool
keys_read(struct keys *k, const char *server_path, const char *own_path, char *err, size_t err_cap)
{
	*k = (struct keys){0};
	if (!server_path)
		return true;
	if (!read_one(server_path, false, &k->server, err, err_cap))
		return false;
	if (own_path)
		return read_one(own_path, true, &k->own, err, err_cap);
	if (zmq_curve_keypair(k->own.public_key, k->own.secret_key) == 0)
		return true;
	snprintf(err, err_cap, "this libzmq has no CURVE");
	return false;
}

bool
keys_show(const struct keys *k, void *socket)
{
	return !k->server.public_key[0] ||
	       (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, k->server.public_key, KEY_TEXT) == 0 &&
		   zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, k->own.public_key, KEY_TEXT) == 0 &&
		   zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, k->own.secret_key, KEY_TEXT) == 0);
}
