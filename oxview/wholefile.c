/* SPDX-License-Identifier: ISC */
/* wholefile: made without a name, linked and renamed; its rights are what the umask leaves of 0666, as of any file that is made. */
#include "oxview/wholefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static mode_t
usual_mode(void)
{
	mode_t mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

/* Where a file of this name belongs, owned; NULL: *wrong says why there can be none. */
static char *
place_of(const char *path, const char **wrong)
{
	struct stat st;
	char *place = NULL;
	*wrong = NULL;
	if (lstat(path, &st) != 0)
		place = errno == ENOENT ? strdup(path) : NULL;
	else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		*wrong = "is there, and is no file";
	else
		place = realpath(path, NULL);
	if (!place && !*wrong)
		*wrong = strerror(errno);
	return place;
}

/* Without a name, where the file system can do that: then nothing is left of it when this program is killed. */
static int
open_nameless(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = dir ? open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
	free(dir);
	return fd;
}

const char *
wholefile_open(struct wholefile *f, const char *path)
{
	const char *wrong;
	*f = (struct wholefile){.fd = -1};
	f->path = place_of(path, &wrong);
	if (!f->path)
		return wrong;
	f->fd = open_nameless(f->path);
	f->nameless = f->fd >= 0;
	if (asprintf(&f->beside, f->nameless ? "%s.%d" : "%s.XXXXXX", f->path, (int)getpid()) < 0) {
		f->beside = NULL;
		wholefile_abandon(f);
		return strerror(ENOMEM);
	}
	if (f->nameless || (f->fd = mkostemp(f->beside, O_CLOEXEC)) >= 0)
		return NULL;
	wrong = strerror(errno);
	f->nameless = true; /* there is none to be removed */
	wholefile_abandon(f);
	return wrong;
}

static bool
give_name(struct wholefile *f)
{
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", f->fd);
	if (f->nameless && linkat(AT_FDCWD, self, AT_FDCWD, f->beside, AT_SYMLINK_FOLLOW) != 0)
		return false;
	f->nameless = false;
	return true;
}

bool
wholefile_finish(struct wholefile *f)
{
	bool ok = fchmod(f->fd, usual_mode()) == 0 && give_name(f);
	int saved = errno;
	if (close(f->fd) != 0 && ok) {
		ok = false;
		saved = errno;
	}
	f->fd = -1;
	if (ok && rename(f->beside, f->path) != 0) {
		ok = false;
		saved = errno;
	}
	if (!ok && !f->nameless)
		unlink(f->beside);
	free(f->beside);
	f->beside = NULL;
	errno = saved;
	return ok;
}

void
wholefile_abandon(struct wholefile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->beside && !f->nameless)
		unlink(f->beside);
	free(f->beside);
	free(f->path);
	*f = (struct wholefile){.fd = -1};
}
