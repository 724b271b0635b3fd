/* SPDX-License-Identifier: ISC */
/* oxctl_find: oxd.json is one line that oxd writes itself, so a search for its key is enough. */
#include "oxd/oxctl_find.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/rundir.h"

static const char default_control[] = "127.0.0.1:3513";

static size_t
read_file(const char *dir, char *out, size_t cap)
{
	char path[RUNDIR_MAX + 16];
	snprintf(path, sizeof path, "%s/oxd.json", dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, out, cap - 1) : -1;
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

void
oxctl_find_control(const char *run_dir, char *out, size_t cap)
{
	static const char key[] = "\"control\":\"";
	char dir[RUNDIR_MAX + 1], json[4096];
	snprintf(out, cap, "%s", default_control);
	if (!rundir_path(run_dir, dir, sizeof dir) || read_file(dir, json, sizeof json) == 0)
		return;
	const char *at = strstr(json, key);
	const char *value = at ? at + sizeof key - 1 : NULL;
	size_t n = value ? strcspn(value, "\"") : 0;
	if (n > 0 && n < cap && value[n] == '"')
		snprintf(out, cap, "%.*s", (int)n, value);
}
