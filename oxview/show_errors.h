/* SPDX-License-Identifier: ISC */
/*
 * show_errors: what --errors and --error show: events are read to the end, and for one error those of its group once more.
 */
#ifndef BLUEOX_OXVIEW_SHOW_ERRORS_H
#define BLUEOX_OXVIEW_SHOW_ERRORS_H

#include "oxview/conf.h"
#include "oxview/out.h"
#include "oxview/source.h"
#include "oxview/trouble.h"

void show_errors(const struct conf *c, struct out *out, struct trouble *trouble);

#endif
