/* SPDX-License-Identifier: ISC */
/* oxrun_check: the table that libbx itself reads, asked line by line; the library prints nothing, so somebody has to. */
#include "preload/oxrun_check.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/rundir.h"
#include "libbx/settings.h"

static bool
check_variable(const struct bx_setting *s, struct buf *out)
{
	const char *text = getenv(s->name);
	bool set = text && *text, understood = !set || s->read(text);
	buf_printf(out, "%-18s ", s->name);
	if (set)
		buf_printf(out, "%s", text);
	else if (s->fallback)
		buf_printf(out, "%s (default)", s->fallback);
	else
		buf_puts(out, "(unset)");
	if (!understood)
		buf_printf(out, "\n%-18s   is not, or not wholly, understood; it is %s: %s", "", s->value, s->help);
	buf_putc(out, '\n');
	return understood;
}

static bool
check_run_dir(struct buf *out)
{
	char dir[RUNDIR_MAX + 1], rings[PATH_MAX];
	buf_printf(out, "%-18s ", "run directory");
	if (!rundir_path(getenv("BLUEOX_RUN_DIR"), dir, sizeof dir)) {
		buf_puts(out, "cannot be used: its name is too long, or it is somebody else's\n");
		return false;
	}
	snprintf(rings, sizeof rings, "%s/rings", dir);
	if (access(rings, W_OK | X_OK) == 0) {
		buf_printf(out, "%s: a program of this user can make rings there\n", dir);
		return true;
	}
	buf_printf(
	    out, "%s/rings: %s%s\n", dir, strerror(errno), errno == ENOENT ? "; it is made by oxd when it starts" : "");
	const char *host = getenv("BLUEOX_HOST");
	if (host && *host)
		buf_printf(out, "%-18s programs that link libbx send to %s instead\n", "", host);
	return host && *host;
}

bool
check_environment(struct buf *out)
{
	bool good = true;
	for (size_t i = 0; i < bx_setting_count; i++)
		good &= check_variable(&bx_settings[i], out);
	const char *size = getenv("BLUEOX_RING_SIZE");
	if (size && strcmp(size, "0") == 0) {
		buf_puts(out, "BLUEOX_RING_SIZE=0 keeps recording off\n");
		good = false;
	}
	return check_run_dir(out) && good;
}
