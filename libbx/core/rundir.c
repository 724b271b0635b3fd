/* SPDX-License-Identifier: ISC */
/* rundir: stat calls and careful copying only, since a program may come here from a signal handler. */
#include "libbx/core/rundir.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
copy(char *out, size_t cap, const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n > RUNDIR_MAX || n >= cap)
		return false;
	memcpy(out, s, n + 1);
	return true;
}

static bool
per_user_path(char *out, size_t cap)
{
	static const char stem[] = "/dev/shm/blueox-";
	char digits[12];
	size_t n = 0, at = sizeof stem - 1;
	unsigned uid = geteuid();
	do
		digits[n++] = (char)('0' + uid % 10);
	while (uid /= 10);
	if (at + n >= cap)
		return false;
	memcpy(out, stem, at);
	while (n > 0)
		out[at++] = digits[--n];
	out[at] = '\0';

	struct stat st;
	if (lstat(out, &st) != 0)
		return errno == ENOENT;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

bool
rundir_path(const char *given, char *out, size_t cap)
{
	int kept = errno;
	struct stat st;
	bool ok;
	if (given && *given)
		ok = copy(out, cap, given);
	else if (stat(RUNDIR_SYSTEM, &st) == 0 && S_ISDIR(st.st_mode))
		ok = copy(out, cap, RUNDIR_SYSTEM);
	else
		ok = per_user_path(out, cap);
	errno = kept;
	return ok;
}
