/* SPDX-License-Identifier: ISC */
/* oxrun_place: whether programs of this environment can put rings where an oxd finds them. */
#ifndef BLUEOX_PRELOAD_OXRUN_PLACE_H
#define BLUEOX_PRELOAD_OXRUN_PLACE_H

#include "preload/oxrun_conf.h"
#include "preload/oxrun_report.h"

void place_check(struct report *r, const struct conf *c);

#endif
