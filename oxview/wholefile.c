/* SPDX-License-Identifier: ISC */
/* wholefile: mkstemp and rename; its rights are what the umask leaves of 0666, as of any file that is made. */
#include "oxview/wholefile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static mode_t
usual_mode(void)
{
	mode_t mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

bool
wholefile_open(struct wholefile *f, const char *path)
{
	*f = (struct wholefile){.path = path, .fd = -1};
	if (asprintf(&f->beside, "%s.XXXXXX", path) < 0) {
		f->beside = NULL;
		errno = ENOMEM;
		return false;
	}
	f->fd = mkstemp(f->beside);
	if (f->fd >= 0)
		return true;
	int saved = errno;
	free(f->beside);
	f->beside = NULL;
	errno = saved;
	return false;
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
	*f = (struct wholefile){.fd = -1};
}
