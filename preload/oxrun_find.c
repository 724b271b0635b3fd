/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OBJECT "libbx_preload.so"

static bool
is_there(char path[PATH_MAX], const char *directory, const char *place, const char *name, int mode)
{
	int wrote = snprintf(path, PATH_MAX, "%s/%s%s", directory, place, name);
	return wrote > 0 && wrote < PATH_MAX && access(path, mode) == 0;
}

static bool
own_directory(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash = n > 0 ? memrchr(out, '/', (size_t)n) : NULL;
	if (slash)
		*slash = '\0';
	return slash != NULL;
}

const char *
find_object(char path[PATH_MAX])
{
	char own[PATH_MAX];
	if (own_directory(own) &&
	    (is_there(path, own, "", OBJECT, R_OK) || is_there(path, own, "../lib/", OBJECT, R_OK)))
		return path;
	return "/usr/$LIB/" OBJECT;
}

bool
find_ours(const char *name, char path[PATH_MAX])
{
	char own[PATH_MAX];
	if (own_directory(own) && (is_there(path, own, "", name, X_OK) || is_there(path, own, "../sbin/", name, X_OK)))
		return true;
	return find_program(name, path) || is_there(path, "/usr/sbin", "", name, X_OK) ||
	       is_there(path, "/usr/local/sbin", "", name, X_OK);
}

bool
find_program(const char *command, char path[PATH_MAX])
{
	if (strchr(command, '/')) {
		int wrote = snprintf(path, PATH_MAX, "%s", command);
		return wrote < PATH_MAX && access(path, X_OK) == 0;
	}
	const char *dirs = getenv("PATH");
	for (dirs = dirs ? dirs : "/bin:/usr/bin"; *dirs;) {
		size_t n = strcspn(dirs, ":");
		int wrote = snprintf(path, PATH_MAX, "%.*s%s%s", (int)n, dirs, n ? "/" : "", command);
		if (wrote < PATH_MAX && access(path, X_OK) == 0)
			return true;
		dirs += n + (dirs[n] == ':');
	}
	return false;
}
