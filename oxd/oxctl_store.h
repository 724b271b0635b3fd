/* SPDX-License-Identifier: ISC */
/*
 * oxctl_store: what the commands of `oxctl store` share: the directory, and what is in it.
 *
 * The directory is --log-path, else that of the oxd which answers.  While an oxd runs it holds a lock on its log
 * directory; what changes files is then asked of it.  Otherwise oxctl takes that lock itself.
 */
#ifndef BLUEOX_OXD_OXCTL_STORE_H
#define BLUEOX_OXD_OXCTL_STORE_H

#include "libbx/core/logdir.h"
#include "oxd/kept.h"
#include "oxd/oxctl.h"

struct store_dir {
	const struct oxctl *o;
	char log_path[4096], state_path[4096]; /* the latter may be empty: not known */
	int fd;
	bool held; /* by a running oxd, or by another oxctl */
	struct logdir_list files;
	struct kept kept;
	struct kept_look live; /* what the last checkpoints list, as far as the state directory can be read */
};

/* One subcommand: `type` is a pattern or NULL.  The exit status. */
typedef int store_command(struct store_dir *d, const char *type);

store_command oxctl_store_list, oxctl_store_verify, oxctl_store_cat, oxctl_store_export;
store_command oxctl_store_compress, oxctl_store_prune, oxctl_store_reindex;

static inline bool
store_dir_lists(const struct store_dir *d, const struct logdir_file *f)
{
	return kept_find(&d->live, f->path) != NULL;
}

bool store_dir_wants(const struct logdir_file *f, const char *type);

/* `1.5 GiB`, of at least 6 characters. */
void store_put_size(struct buf *out, uint64_t bytes);

/* Reads a DATE of the command line; a bare duration is so long ago.  False when that was said to be wrong. */
bool store_read_date(const char *option, const char *text, bool last, int64_t *ns);

#endif
