/* SPDX-License-Identifier: ISC */
/* source_files: one lane. */
#include <stdlib.h>

#include "oxview/lane.h"
#include "oxview/source.h"

struct files {
	struct source source; /* first: the two are one pointer */
	struct lane lane;
};

static bool
files_next(struct source *s, struct event *ev)
{
	struct lane *lane = &((struct files *)s)->lane;
	while (lane_next(lane, ev))
		if (select_event(lane->env->select, ev))
			return true;
	return false;
}

static void
files_free(struct source *s)
{
	lane_fini(&((struct files *)s)->lane);
	free(s);
}

struct source *
source_files(char *const *paths, size_t count, const struct source_env *env)
{
	struct files *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->source = (struct source){files_next, files_free};
	lane_init(&f->lane, FEED_WINDOW, env);
	for (size_t i = 0; i < count; i++) {
		if (!lane_add(&f->lane, paths[i])) {
			files_free(&f->source);
			return NULL;
		}
	}
	return &f->source;
}
