/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECT "libbx_preload.so"

/* A directory may be searched, which access() takes for being executable. */
static bool
is_usable(const char *path, int mode)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, mode) == 0;
}

static bool
is_there(char path[PATH_MAX], const char *directory, const char *place, const char *name, int mode)
{
	int wrote = snprintf(path, PATH_MAX, "%s/%s%s", directory, place, name);
	return wrote > 0 && wrote < PATH_MAX && is_usable(path, mode);
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
		return wrote < PATH_MAX && is_usable(path, X_OK);
	}
	const char *dirs = getenv("PATH");
	for (dirs = dirs ? dirs : "/bin:/usr/bin"; *dirs;) {
		size_t n = strcspn(dirs, ":");
		int wrote = snprintf(path, PATH_MAX, "%.*s%s%s", (int)n, dirs, n ? "/" : "", command);
		if (wrote < PATH_MAX && is_usable(path, X_OK))
			return true;
		dirs += n + (dirs[n] == ':');
	}
	return false;
}

const char *
find_refused(const char *command)
{
	struct stat st;
	if (!strchr(command, '/'))
		return "there is no such program";
	if (stat(command, &st) != 0)
		return errno == ENOENT ? "there is no such program" : strerror(errno);
	if (S_ISDIR(st.st_mode))
		return "is a directory";
	return S_ISREG(st.st_mode) ? "is there, but not executable" : "is no file";
}
