/* SPDX-License-Identifier: ISC */
/*
 * dlopen: what the jump in dlopen.S needs to know: the real dlopen and the flags that it may pass on.
 *
 * PHP before 8.5 opens its extensions with RTLD_DEEPBIND, which makes them look past every preloaded object, this one
 * too.  It takes that flag away and jumps, so the real dlopen still sees the host as its caller and looks up
 * $ORIGIN, RUNPATH and namespaces for it.  BLUEOX_DEEPBIND=keep leaves the flag.
 */
#include "preload/process.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

typedef void *dlopen_fn(const char *path, int flags);

/* All of these are read by dlopen.S.  Zero means that nothing has been looked up, so calls before any constructor work. */
dlopen_fn *dlopen_real;
int dlopen_flags;
dlopen_fn *dlopen_prepare(void);

static void *
no_dlopen(const char *path, int flags)
{
	(void)path;
	(void)flags;
	return NULL;
}

/* The first call, and the constructor's.  Two threads may do it at once and find the same. */
dlopen_fn *
dlopen_prepare(void)
{
	int saved = errno;
	bool strip = !process_is_off() && !shim_config.keep_deepbind;
	dlopen_fn *found = (dlopen_fn *)(uintptr_t)dlsym(RTLD_NEXT, "dlopen");
	__atomic_store_n(&dlopen_flags, strip ? ~RTLD_DEEPBIND : ~0, __ATOMIC_RELAXED);
	__atomic_store_n(&dlopen_real, found ? found : no_dlopen, __ATOMIC_RELEASE);
	errno = saved;
	return dlopen_real;
}
