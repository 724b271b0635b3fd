/* SPDX-License-Identifier: ISC */
/* source_open: the source that was asked for. */
#ifndef BLUEOX_OXVIEW_SOURCE_OPEN_H
#define BLUEOX_OXVIEW_SOURCE_OPEN_H

#include "oxview/conf.h"
#include "oxview/source.h"

/* NULL: why is told to trouble, or out of memory. */
struct source *source_open(const struct conf *c, const struct source_env *env);

#endif
