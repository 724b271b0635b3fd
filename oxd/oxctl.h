/* SPDX-License-Identifier: ISC */
/*
 * oxctl: what the commands of oxctl share.
 *
 * A command is a function in an oxctl_*.c, declared here, and a line in the table in oxctl.c: its name, the words that
 * may follow it, and a sentence.  It gets those words and returns the exit status: 0, 1 when no oxd answers or it could
 * not do what was asked, 2 for a mistake on the command line.
 */
#ifndef BLUEOX_OXD_OXCTL_H
#define BLUEOX_OXD_OXCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/buf.h"
#include "libbx/core/cursor.h"

struct oxctl {
	const char *host; /* as given, else found in the run directory's oxd.json, else 127.0.0.1:3513 */
	const char *run_dir;
	const char *curve_key, *server_key;
	bool json; /* answers as JSON */
	uint64_t count;
	int64_t interval_ns;
	const char *log_path, *state_path, *from, *to, *before, *out; /* of `store` */
	uint64_t size;
	bool yes;
	bool help, version, man;
};

enum { OXCTL_SOON_MS = 4000, OXCTL_LONG_MS = 70000 }; /* how long an answer may take */

/* Writes an answer for people. */
typedef void oxctl_show(struct buf *out, struct cursor answer, const struct oxctl *o);

/* The usual command: ask once, print the answer for people or as JSON.  `request` is one MessagePack map. */
int oxctl_ask_and_show(const struct oxctl *o, const struct buf *request, int wait_ms, oxctl_show *show);

/* The same for a request that is its name only. */
int oxctl_ask_plain(const struct oxctl *o, const char *cmd, int wait_ms, oxctl_show *show);

/* Prints and frees; the exit status. */
int oxctl_print(struct buf *out);

/* Says that the words behind a command are not what it takes; 2. */
int oxctl_usage(const char *command, const char *words);

/* Shows `ok`. */
void oxctl_show_ok(struct buf *out, struct cursor answer, const struct oxctl *o);

/* ---- commands: `words` are what stands behind the command, NULL-terminated ---------------------------------------- */

int oxctl_audit(const struct oxctl *o, char **words);
int oxctl_forward(const struct oxctl *o, char **words);
int oxctl_flush(const struct oxctl *o, char **words);
int oxctl_peers(const struct oxctl *o, char **words);
int oxctl_keygen(const struct oxctl *o, char **words);
int oxctl_rings(const struct oxctl *o, char **words);
int oxctl_rotate(const struct oxctl *o, char **words);
int oxctl_rules(const struct oxctl *o, char **words);
int oxctl_shutdown(const struct oxctl *o, char **words);
int oxctl_store(const struct oxctl *o, char **words);
int oxctl_status(const struct oxctl *o, char **words);
int oxctl_top(const struct oxctl *o, char **words);
int oxctl_version(const struct oxctl *o, char **words);

#endif
