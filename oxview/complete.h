/* SPDX-License-Identifier: ISC */
/* complete: what a shell offers behind an option: the types of a log directory, and the fields of its events. */
#ifndef BLUEOX_OXVIEW_COMPLETE_H
#define BLUEOX_OXVIEW_COMPLETE_H

#include "oxview/conf.h"
#include "oxview/out.h"

/* A line each, sorted.  `types` come from the names of files, `fields` from the latest events of each type.  Nothing is told of what
 * cannot be read: nobody is there to see it. */
void complete(const struct conf *c, struct out *out);

#endif
