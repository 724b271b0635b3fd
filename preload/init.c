/* SPDX-License-Identifier: ISC */
/*
 * init: the constructor.  It opens nothing, allocates nothing and cannot fail; what it looks up early is what a signal
 * handler must not look up later, because that takes the loader's lock.
 */
#include "preload/crash.h"
#include "preload/process.h"
#include "preload/real.h"

static void __attribute__((constructor)) shim_init(void)
{
	real_libc();
	crash_init();
	process_watch();
}
