/* SPDX-License-Identifier: ISC */
/*
 * oxrun: runs a command under the preload object.
 *
 * It is all environment: the object in LD_PRELOAD, one id for everything below, and with --name a prefix for the names
 * and a span that is everybody's parent.  Without a name there is nothing to do afterwards, so oxrun becomes the command.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/core/id.h"
#include "preload/oxrun_check.h"
#include "preload/oxrun_conf.h"
#include "preload/oxrun_job.h"
#include "preload/oxrun_target.h"

enum { EXIT_USAGE = 2 };

#define OBJECT "libbx_preload.so"

/* The object beside oxrun (the build tree) or in ../lib (any prefix); else where the loader itself knows to look. */
static const char *
find_object(char path[PATH_MAX])
{
	static const char *const places[] = {"/" OBJECT, "/../lib/" OBJECT};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;
	for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
		*slash = '\0';
		int wrote = snprintf(path, PATH_MAX, "%s%s", self, places[i]);
		if (wrote < PATH_MAX && access(path, R_OK) == 0)
			return path;
	}
	return "/usr/$LIB/" OBJECT;
}

static void
set_preload(const char *object)
{
	const char *before = getenv("LD_PRELOAD");
	char *value = NULL;
	if (before && *before && asprintf(&value, "%s:%s", object, before) < 0)
		value = NULL;
	setenv("LD_PRELOAD", value ? value : object, 1);
	free(value);
}

/* The id of an outer trace if there is one, so that what runs below joins it. */
static void
set_id(void)
{
	char id[ID_LEN + 1] = "";
	unsigned char raw[ID_LEN / 2];
	const char *outer = getenv("TRACEPARENT");
	if (getenv("BLUEOX_ID"))
		return;
	if (outer && strlen(outer) >= 55 && hex_decode(raw, outer + 3, sizeof raw) == 0) {
		memcpy(id, outer + 3, ID_LEN);
	} else {
		struct rand r;
		rand_seed(&r);
		id_make(id, (uint64_t)time(NULL), &r);
	}
	setenv("BLUEOX_ID", id, 1);
}

static int
run_named(const struct conf *c)
{
	const char *outer = getenv("BLUEOX_PREFIX");
	char *prefix = NULL, *type = NULL;
	int status = CANNOT_RUN;
	if (asprintf(&prefix, "%s%s%s", outer ? outer : "", outer && *outer ? "." : "", c->name) < 0)
		prefix = NULL;
	if (prefix && asprintf(&type, "%s.job", prefix) < 0)
		type = NULL;
	if (type) {
		setenv("BLUEOX_PREFIX", prefix, 1);
		status = job_run(type, c->command);
	} else {
		fprintf(stderr, "oxrun: out of memory\n");
	}
	free(prefix);
	free(type);
	return status;
}

static int
run(const struct conf *c)
{
	char path[PATH_MAX];
	const char *object = c->library ? c->library : find_object(path);
	const char *why = target_refuses(c->command[0]);
	if (why)
		fprintf(stderr, "oxrun: %s %s: it runs without " OBJECT "\n", c->command[0], why);
	else if (strpbrk(object, " :")) /* what LD_PRELOAD splits at */
		fprintf(stderr,
		    "oxrun: '%s' cannot be preloaded, its path has a space or a colon: %s runs without it\n", object,
		    c->command[0]);
	else
		set_preload(object);
	set_id();
	return c->name ? run_named(c) : command_exec(c->command);
}

static int
print_words(const struct conf *c)
{
	struct buf text = {0};
	bool good = true;
	if (c->check)
		good = check_environment(&text);
	else if (c->version)
		buf_puts(&text, "oxrun " BX_VERSION "\n");
	else if (c->man)
		conf_man(c, &text);
	else
		conf_help(c, &text);
	bool ok = text.err == BX_OK && fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
	buf_fini(&text);
	if (!ok)
		perror("oxrun: standard output");
	return ok && good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct conf c;
	char err[600];
	int status;
	if (!conf_read(&c, argc, argv, err, sizeof err)) {
		fprintf(stderr, "oxrun: %s\n", err);
		status = EXIT_USAGE;
	} else if (c.check || c.help || c.man || c.version) {
		status = print_words(&c);
	} else {
		status = run(&c);
	}
	conf_fini(&c);
	return status;
}
