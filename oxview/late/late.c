/* SPDX-License-Identifier: ISC */
/* late: what was opened stays open; opening it again finds it. */
#include "oxview/late/late.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_NO_LIBRARY = 127 };

void *
late_find(const char *soname, const char *function)
{
	void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
	void *found = library ? dlsym(library, function) : NULL;
	if (!found) {
		const char *why = dlerror();
		dprintf(STDERR_FILENO, "oxview: this question needs a library that cannot be loaded: %s\n",
		    why ? why : soname);
		_exit(EXIT_NO_LIBRARY);
	}
	return found;
}
