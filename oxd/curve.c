/* SPDX-License-Identifier: ISC */
/* curve: one thread with a ZAP socket. */
#include "oxd/curve.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "oxd/say.h"

enum { POLL_MS = 100, ZAP_PARTS = 7, KEY_BYTES = 32 };

static struct {
	struct curve_config cfg;
	struct keyfile key, server;
	bool has_key, has_server;
	struct stats *stats;
	void *zap;
	pthread_t thread;
	bool runs;
	_Atomic bool stop;
} curve;

/* ---- who may come in (https://rfc.zeromq.org/spec/27/) ------------------------------------------------------------ */

/* A directory is read for each handshake: a key that is taken out of it opens nothing any more. */
static bool
is_allowed(const char *key)
{
	if (!curve.cfg.allow_path)
		return true;
	DIR *dir = opendir(curve.cfg.allow_path);
	bool found = false;
	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry && !found; entry = readdir(dir)) {
		char path[4096];
		struct keyfile file;
		size_t n = strlen(entry->d_name);
		if (n < 5 || strcmp(entry->d_name + n - 4, ".pub") != 0 ||
		    snprintf(path, sizeof path, "%s/%s", curve.cfg.allow_path, entry->d_name) >= (int)sizeof path)
			continue;
		found = !keyfile_read(path, false, &file) && strcmp(file.public_key, key) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

static void
zap_answer(const char *id, size_t id_n, bool allowed)
{
	const char *status = allowed ? "200" : "400", *text = allowed ? "OK" : "key not allowed";
	zmq_send(curve.zap, "1.0", 3, ZMQ_SNDMORE);
	zmq_send(curve.zap, id, id_n, ZMQ_SNDMORE);
	zmq_send(curve.zap, status, 3, ZMQ_SNDMORE);
	zmq_send(curve.zap, text, strlen(text), ZMQ_SNDMORE);
	zmq_send(curve.zap, "", 0, ZMQ_SNDMORE);
	zmq_send(curve.zap, "", 0, 0);
}

/* version, request id, domain, address, identity, mechanism, key */
static void
zap_serve(void)
{
	static struct say_limit limit;
	char parts[ZAP_PARTS][256] = {{0}};
	size_t sizes[ZAP_PARTS] = {0};
	int more = 1;
	for (int i = 0; more; i++) {
		char extra[256];
		char *to = i < ZAP_PARTS ? parts[i] : extra;
		int n = zmq_recv(curve.zap, to, sizeof extra, 0);
		size_t size = sizeof more;
		if (n < 0 || zmq_getsockopt(curve.zap, ZMQ_RCVMORE, &more, &size) != 0)
			return;
		if (i < ZAP_PARTS)
			sizes[i] = (size_t)n < sizeof extra ? (size_t)n : sizeof extra;
	}
	char key[KEY_TEXT] = "";
	bool is_curve = sizes[5] == 5 && memcmp(parts[5], "CURVE", 5) == 0 && sizes[6] == KEY_BYTES;
	bool allowed = is_curve && zmq_z85_encode(key, (const uint8_t *)parts[6], KEY_BYTES) && is_allowed(key);
	zap_answer(parts[1], sizes[1], allowed);
	if (allowed)
		return;
	stats_add(curve.stats, STAT_curve_refused, 1);
	say_limited(&limit, SAY_WARNING, "a client at %.*s with key %s is refused: no file in %s has that key",
	    (int)sizes[3], parts[3], key[0] ? key : "(none)",
	    curve.cfg.allow_path ? curve.cfg.allow_path : "(nowhere)");
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void *
curve_main(void *arg)
{
	zmq_pollitem_t item = {.socket = curve.zap, .events = ZMQ_POLLIN};
	(void)arg;
	pthread_setname_np(pthread_self(), "curve");
	while (!atomic_load(&curve.stop))
		if (zmq_poll(&item, 1, POLL_MS) > 0)
			zap_serve();
	zmq_close(curve.zap);
	return NULL;
}

/* ---- keys on sockets --------------------------------------------------------------------------------------------- */

static bool
set_text(void *socket, int option, const char *text)
{
	return zmq_setsockopt(socket, option, text, strlen(text) + (option == ZMQ_ZAP_DOMAIN ? 0 : 1)) == 0;
}

bool
curve_guard(void *socket, const struct addr *where, bool *on)
{
	int yes = 1;
	*on = curve.has_key && !addr_is_local(where);
	return !*on || (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0 &&
			   set_text(socket, ZMQ_CURVE_SECRETKEY, curve.key.secret_key) &&
			   set_text(socket, ZMQ_ZAP_DOMAIN, "blueox"));
}

bool
curve_call(void *socket)
{
	char fresh_public[KEY_TEXT], fresh_secret[KEY_TEXT];
	const char *public_key = curve.key.public_key, *secret_key = curve.key.secret_key;
	if (!curve.has_server)
		return true;
	if (!curve.has_key) { /* unknown, but private: enough where the upstream allows everyone */
		if (zmq_curve_keypair(fresh_public, fresh_secret) != 0)
			return false;
		public_key = fresh_public;
		secret_key = fresh_secret;
	}
	return set_text(socket, ZMQ_CURVE_SERVERKEY, curve.server.public_key) &&
	       set_text(socket, ZMQ_CURVE_PUBLICKEY, public_key) && set_text(socket, ZMQ_CURVE_SECRETKEY, secret_key);
}

bool
curve_is_on(void)
{
	return curve.runs;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static bool
read_key(const char *path, bool secret, struct keyfile *out, bool *has, char *err, size_t err_cap)
{
	*has = path && *path;
	const char *wrong = *has ? keyfile_read(path, secret, out) : NULL;
	if (wrong)
		snprintf(err, err_cap, "key file %s: %s", path, wrong);
	return !wrong;
}

bool
curve_open(void *zmq, const struct curve_config *config, struct stats *stats, char *err, size_t err_cap)
{
	curve.cfg = *config;
	curve.stats = stats;
	if (!read_key(config->key_path, true, &curve.key, &curve.has_key, err, err_cap) ||
	    !read_key(config->server_path, false, &curve.server, &curve.has_server, err, err_cap))
		return false;
	if (!curve.has_key && !curve.has_server)
		return true;
	if (!zmq_has("curve")) {
		snprintf(err, err_cap, "this libzmq has no CURVE");
		return false;
	}
	curve.zap = zmq_socket(zmq, ZMQ_REP);
	int none = 0;
	if (!curve.zap || zmq_setsockopt(curve.zap, ZMQ_LINGER, &none, sizeof none) != 0 ||
	    zmq_bind(curve.zap, "inproc://zeromq.zap.01") != 0 ||
	    (errno = pthread_create(&curve.thread, NULL, curve_main, NULL)) != 0) {
		snprintf(err, err_cap, "keys: %s", zmq_strerror(errno));
		return false;
	}
	curve.runs = true;
	return true;
}

void
curve_close(void)
{
	if (!curve.runs)
		return;
	atomic_store(&curve.stop, true);
	pthread_join(curve.thread, NULL);
	curve.runs = false;
}
