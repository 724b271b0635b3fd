/* SPDX-License-Identifier: ISC */
/* wholefile: mkstemp and rename; its rights are what the umask leaves of 0666, as of any file that is made. */
#include "oxview/wholefile.h"

#include <errno.h>
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

const char *
wholefile_open(struct wholefile *f, const char *path)
{
	const char *wrong;
	*f = (struct wholefile){.fd = -1};
	f->path = place_of(path, &wrong);
	if (!f->path)
		return wrong;
	if (asprintf(&f->beside, "%s.XXXXXX", f->path) < 0) {
		f->beside = NULL;
		wholefile_abandon(f);
		return strerror(ENOMEM);
	}
	f->fd = mkstemp(f->beside);
	if (f->fd >= 0)
		return NULL;
	wrong = strerror(errno);
	free(f->beside);
	f->beside = NULL;
	wholefile_abandon(f);
	return wrong;
}

bool
wholefile_finish(struct wholefile *f)
{
	bool ok = fchmod(f->fd, usual_mode()) == 0;
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
	if (!ok)
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
	if (f->beside)
		unlink(f->beside);
	free(f->beside);
	free(f->path);
	*f = (struct wholefile){.fd = -1};
}
