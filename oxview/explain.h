/* SPDX-License-Identifier: ISC */
/* explain: what a query would read of files or of a log directory, file by file, without reading it. */
#ifndef BLUEOX_OXVIEW_EXPLAIN_H
#define BLUEOX_OXVIEW_EXPLAIN_H

#include "oxview/source.h"

/* False, with trouble told: it cannot be read. */
bool explain_files(char *const *paths, size_t count, const struct source_env *env, struct buf *out);
bool explain_logdir(const char *path, const struct source_env *env, struct buf *out);

#endif
