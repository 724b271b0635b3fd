/* SPDX-License-Identifier: ISC */
/* source_open: a kind of source is one line in source_open(). */
#include "oxview/source_open.h"

static struct source *
open_live(const struct conf *c, const struct source_env *env)
{
	struct keys keys;
	char err[600];
	if (keys_read(&keys, c->server_key, c->curve_key, err, sizeof err))
		return source_live(c->host, &keys, env);
	trouble_add(env->trouble, "%s", err);
	return NULL;
}

struct source *
source_open(const struct conf *c, const struct source_env *env)
{
	char *const standard_input[] = {"-"};
	switch (c->source) {
	case FROM_LIVE:
		return open_live(c, env);
	case FROM_LOGDIR:
		return c->follow ? source_follow_logdir(c->log_path, env) : source_logdir(c->log_path, env);
	case FROM_FILES:
		if (c->follow)
			return source_follow(c->files, c->file_count, env);
		return source_files(c->files, c->file_count, env);
	case FROM_STDIN:
		break;
	}
	return source_files(standard_input, 1, env);
}
