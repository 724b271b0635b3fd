/* SPDX-License-Identifier: ISC */
/* oxctl_find: where the control port of this host's oxd is, when nobody said. */
#ifndef BLUEOX_OXD_OXCTL_FIND_H
#define BLUEOX_OXD_OXCTL_FIND_H

#include <stddef.h>

/*
 * Reads `control` from RUN/oxd.json, RUN being `run_dir` or where it usually is (rundir.h).  Without one: the default
 * port.  Always gives an address.
 */
void oxctl_find_control(const char *run_dir, char *out, size_t cap);

#endif
