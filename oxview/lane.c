/* SPDX-License-Identifier: ISC */
/* lane: when a feed ends, the next file's takes its place. */
#include "oxview/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/logdir.h"

void
lane_init(struct lane *l, size_t window, const struct source_env *env)
{
	*l = (struct lane){.window = window, .env = env};
}

void
lane_fini(struct lane *l)
{
	if (l->open)
		feed_close(&l->feed);
	for (size_t i = 0; i < l->count; i++)
		free(l->paths[i]);
	free(l->paths);
	*l = (struct lane){0};
}

bool
lane_add(struct lane *l, const char *path)
{
	char *copy = strdup(path);
	char **grown = copy ? realloc(l->paths, (l->count + 1) * sizeof *grown) : NULL;
	if (!grown) {
		free(copy);
		return false;
	}
	l->paths = grown;
	l->paths[l->count++] = copy;
	return true;
}

int
lane_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = strlen(path);
	char *packed = NULL;
	if (fd >= 0 || errno != ENOENT || n < 4 || strcmp(path + n - 4, ".log") != 0 ||
	    asprintf(&packed, "%s%s", path, logdir_suffix(LOGDIR_ZST)) < 0)
		return fd;
	fd = open(packed, O_RDONLY | O_CLOEXEC);
	free(packed);
	return fd;
}

static void
open_next(struct lane *l)
{
	const char *path = l->paths[l->next++];
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? dup(STDIN_FILENO) : lane_open(path);
	const char *name = standard ? "standard input" : path;
	if (fd < 0) {
		trouble_add(l->env->trouble, "%s: %s", name, strerror(errno));
		return;
	}
	l->open = true;
	struct plan plan = {0};
	bool planned = !standard && select_uses_index(l->env->select);
	if ((planned && !plan_make(&plan, path, l->env->select)) ||
	    !(planned ? feed_open_plan(&l->feed, fd, name, l->window, &plan, l->env->trouble)
		      : feed_open(&l->feed, fd, name, l->window, l->env->trouble))) {
		plan_fini(&plan);
		trouble_add(l->env->trouble, "%s: out of memory", name);
		feed_close(&l->feed);
		l->open = false;
		return;
	}
	l->feed.before_wait = l->env->before_wait;
	l->feed.context = l->env->context;
	l->feed.finder = l->env->finder;
}

bool
lane_next(struct lane *l, struct event *ev)
{
	for (;;) {
		if (l->open) {
			if (feed_next(&l->feed, ev))
				return true;
			feed_close(&l->feed);
			l->open = false;
		}
		if (l->next == l->count)
			return false;
		open_next(l);
	}
}
