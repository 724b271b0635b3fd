/* SPDX-License-Identifier: ISC */
/*
 * debuginfod: the client belongs to a session of elfutils, which asks by itself too where a file it was given has a build
 * id and no debugging information.  So the deadline is set on the client, and holds for both.
 *
 * elfutils opens libdebuginfod by its name when it is loaded, or does without.  We take the functions from where it is.
 */
#include "oxview/debuginfod.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/clock.h"

#define MILLISECONDS 1000000LL
enum { SHOW_AFTER_MS = 500, SHOW_EVERY_MS = 100 };

/* Who is asking now.  (A client can carry a pointer, but that takes two more functions of the library to look up.) */
static struct debuginfod *watching;

static void
show(struct debuginfod *d, int64_t now, long done, long of)
{
	char line[100], total[40] = "";
	if (!isatty(STDERR_FILENO) || now - d->since_ns < SHOW_AFTER_MS * MILLISECONDS ||
	    now - d->shown_ns < SHOW_EVERY_MS * MILLISECONDS)
		return;
	if (of > 0)
		snprintf(total, sizeof total, " of %ld", of / 1024);
	int n = snprintf(line, sizeof line, "\r\x1b[Koxview: asking for debugging information: %ld%s KiB",
	    done > 0 && of > 0 ? done / 1024 : 0, total);
	d->shown = write(STDERR_FILENO, line, (size_t)n) > 0;
	d->shown_ns = now;
}

/* Called by libdebuginfod once a second at least, while it waits too.  Other than 0 ends the question. */
static int
progress(debuginfod_client *client, long done, long of)
{
	int64_t now = clock_mono_ns();
	(void)client;
	if (!watching)
		return 0;
	show(watching, now, done, of);
	watching->tired = now - watching->since_ns >= watching->left_ns;
	return watching->tired;
}

void
debuginfod_refuse(void)
{
	unsetenv("DEBUGINFOD_URLS");
}

/* elfutils asks whom the variable names, and a question that is broken off costs a second: so it names nobody any more. */
static void
give_up(struct debuginfod *d)
{
	d->tired = true;
	d->asked = false;
	debuginfod_refuse();
}

void
debuginfod_init(struct debuginfod *d, int64_t wait_ns)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	*d = (struct debuginfod){.left_ns = wait_ns};
	if (!urls || urls[strspn(urls, " \t")] == '\0')
		return;
	if (wait_ns <= 0) {
		give_up(d);
		return;
	}
	void *library = dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_LOCAL);
	if (!library)
		return; /* and kept open: elfutils has it open to the end */
	*(void **)&d->set_progress = dlsym(library, "debuginfod_set_progressfn");
	*(void **)&d->find = dlsym(library, "debuginfod_find_debuginfo");
	d->asked = d->set_progress && d->find;
}

void
debuginfod_watch(struct debuginfod *d, Dwfl *session)
{
	debuginfod_client *client = d->asked ? dwfl_get_debuginfod_client(session) : NULL;
	if (!client)
		return;
	d->since_ns = clock_mono_ns();
	d->set_progress(client, progress);
	watching = d;
}

void
debuginfod_rest(struct debuginfod *d)
{
	static const char clear[] = "\r\x1b[K";
	if (watching != d)
		return;
	watching = NULL;
	d->left_ns -= clock_mono_ns() - d->since_ns;
	if (d->tired || d->left_ns <= 0)
		give_up(d);
	if (d->shown && write(STDERR_FILENO, clear, sizeof clear - 1) > 0)
		d->shown = false;
}

char *
debuginfod_fetch(struct debuginfod *d, Dwfl *session, const uint8_t *build_id, size_t n)
{
	char *path = NULL;
	debuginfod_client *client = watching == d ? dwfl_get_debuginfod_client(session) : NULL;
	if (!client)
		return NULL;
	int fd = d->find(client, build_id, (int)n, &path);
	if (fd < 0)
		return NULL;
	close(fd);
	return path;
}
