/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_command.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "preload/oxrun_find.h"
#include "preload/oxrun_sanitizer.h"
#include "preload/oxrun_target.h"
#include "preload/settings.h"

/* ---- what the settings say of it ------------------------------------------------------------------------------------- */

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void
check_choice(struct report *r, const char *command, const char *path)
{
	static const char *const names[KINDS] = {
	    [KIND_SQL] = "sql", [KIND_MEMCACHE] = "memcache", [KIND_LOG] = "log", [KIND_CRASH] = "crash"};
	char real[PATH_MAX];
	shim_settings_read();
	if (!shim_config.kinds)
		report_reason(r, "recorded", "nothing: BLUEOX_PRELOAD says so");
	else if (!shim_settings_want(base_of(command), realpath(path, real) ? real : path))
		report_reason(r, "recorded",
		    "nothing: %s is not among the programs that BLUEOX_ONLY and BLUEOX_NOT leave", base_of(command));
	for (int i = 0; shim_config.kinds && i < KINDS; i++)
		if (!(shim_config.kinds & 1U << i))
			report_line(r, "recorded", "no .%s events: BLUEOX_PRELOAD leaves them out", names[i]);
}

/* ---- whether the object gets into it --------------------------------------------------------------------------------- */

/* The loader takes nothing from the environment into a program that gives its user other rights. */
static void
check_rights(struct report *r, const char *path)
{
	struct stat st;
	struct statvfs fs;
	if (stat(path, &st) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	    (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID)))
		return;
	const char *what = (st.st_mode & S_ISUID) && st.st_uid != getuid()                       ? "is setuid"
			   : (st.st_mode & S_ISGID) && st.st_gid != getgid()                     ? "is setgid"
			   : getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0 ? "has capabilities"
												 : NULL;
	if (what)
		report_reason(
		    r, "rights", "%s %s: the loader preloads nothing into it, and it is not recorded", path, what);
}

static ssize_t
listed(const char *path, const char *object, char *out, size_t cap)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
		setenv("LD_PRELOAD", object, 1);
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execl(path, path, (char *)NULL);
		_exit(1);
	}
	close(ends[1]);
	size_t n = 0;
	for (ssize_t got; pid > 0 && n < cap - 1 && (got = read(ends[0], out + n, cap - 1 - n)) != 0;) {
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	out[n] = '\0';
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid > 0 ? (ssize_t)n : -1;
}

static void
check_library(struct report *r, const char *list, const char *library, const char *kind)
{
	const char *at = strstr(list, library);
	const char *arrow = at ? strstr(at, "=> ") : NULL;
	if (arrow && arrow < at + strcspn(at, "\n"))
		report_line(
		    r, library, "%.*s: its calls become %s events", (int)strcspn(arrow + 3, " \n"), arrow + 3, kind);
}

static void
check_sanitizers(struct report *r, const char *list)
{
	for (const struct sanitizer *s = sanitizers; s->library; s++)
		if (strstr(list, s->library))
			report_line(r, s->library, "oxrun puts %s into %s: %s", s->option, s->variable, s->why);
}

/* What ld.so itself says that it would load; it ends there. */
static void
check_loading(struct report *r, const char *path, const char *object)
{
	static char list[256 << 10];
	if (strpbrk(object, " :")) {
		report_reason(r, "object", "'%s' cannot be preloaded: its path has a space or a colon", object);
		return;
	}
	if (listed(path, object, list, sizeof list) <= 0) {
		report_line(r, "object", "%s; what %s loads could not be asked", object, path);
		return;
	}
	const char *refused = strstr(list, "cannot be preloaded");
	if (refused || !strstr(list, base_of(object))) {
		const char *why = refused ? strchr(refused, '(') : NULL;
		report_reason(r, "object", "the loader does not take %s: %.*s", object,
		    why ? (int)strcspn(why, "\n") : (int)strcspn(list, "\n"), why ? why : list);
		return;
	}
	const char *missing = strstr(list, "libbx.so.1 => not found");
	if (missing)
		report_reason(
		    r, "object", "%s is there, libbx.so.1 is not: the command would not start; run ldconfig", object);
	else
		report_line(r, "object", "%s: the loader takes it", object);
	check_library(r, list, "libpq.so", ".sql");
	check_library(r, list, "libmemcached.so", ".memcache");
	check_sanitizers(r, list);
}

/* ---- drivers --------------------------------------------------------------------------------------------------------- */

enum driver_kind { OWN, VISIBLE, CTYPES };

static const struct driver {
	enum driver_kind kind;
	const char *word, *name;
} drivers[] = {
#define DRIVER(...) {__VA_ARGS__},
#include "preload/oxrun_drivers.def"
#undef DRIVER
};
enum { DRIVERS = sizeof drivers / sizeof *drivers, LOOKED_AT_MAX = 256 << 20 };

struct found {
	bool seen[DRIVERS];
	char where[DRIVERS][PATH_MAX];
};

static bool
is_word_byte(uint8_t c)
{
	return isalnum(c) || c == '_';
}

static bool
has_word(const uint8_t *text, size_t n, const char *word)
{
	size_t len = strlen(word);
	for (const uint8_t *at = text, *end = text + n; (at = memmem(at, (size_t)(end - at), word, len)); at++) {
		bool apart = at == text || !is_word_byte(at[-1]) || !is_word_byte((uint8_t)word[0]);
		bool ends = at + len == end || !is_word_byte(at[len]) || !is_word_byte((uint8_t)word[len - 1]);
		if (apart && ends)
			return true;
	}
	return false;
}

static void
look_through(struct found *f, const uint8_t *text, size_t n, const char *where)
{
	for (size_t i = 0; i < DRIVERS; i++) {
		if (f->seen[i] || !has_word(text, n, drivers[i].word))
			continue;
		f->seen[i] = true;
		snprintf(f->where[i], sizeof f->where[i], "%s", where);
	}
}

static bool
look_into_file(struct found *f, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool is_file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	size_t n = is_file && st.st_size <= LOOKED_AT_MAX ? (size_t)st.st_size : 0;
	void *text = n ? mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	if (fd >= 0)
		close(fd);
	if (text != MAP_FAILED) {
		look_through(f, text, n, path);
		munmap(text, n);
	}
	return is_file;
}

/* An argument is a file, several with colons between (a class path), or text: code after -c or -e. */
static void
look_into_argument(struct found *f, const char *argument)
{
	char path[PATH_MAX];
	if (look_into_file(f, argument))
		return;
	for (const char *at = strchr(argument, ':') ? argument : ""; *at;) {
		size_t n = strcspn(at, ":");
		if (n > 0 && n < sizeof path) {
			memcpy(path, at, n);
			path[n] = '\0';
			look_into_file(f, path);
		}
		at += n + (at[n] == ':');
	}
	look_through(f, (const uint8_t *)argument, strlen(argument), "its arguments");
}

static void
check_drivers(struct report *r, char *const command[], const char *script, const char *program)
{
	static struct found f;
	bool visible = r->reason[0] != '\0';
	memset(&f, 0, sizeof f);
	look_into_file(&f, script);
	if (strcmp(script, program) != 0)
		look_into_file(&f, program);
	for (size_t i = 1; command[i]; i++)
		look_into_argument(&f, command[i]);
	for (size_t i = 0; i < DRIVERS; i++)
		visible |= f.seen[i] && drivers[i].kind != OWN && strcmp(drivers[i].name, "syslog") != 0;
	for (size_t i = 0; i < DRIVERS; i++) {
		if (!f.seen[i] || (i > 0 && f.seen[i - 1] && strcmp(drivers[i].name, drivers[i - 1].name) == 0))
			continue;
		if (drivers[i].kind == CTYPES)
			report_line(r, "driver",
			    "%s, named in %s: is seen with its compiled part, not where it goes through ctypes",
			    drivers[i].name, f.where[i]);
		else if (drivers[i].kind == VISIBLE)
			report_line(r, "driver", "%s, named in %s: is seen", drivers[i].name, f.where[i]);
		else if (visible)
			report_line(r, "driver", "%s, named in %s: speaks the protocol itself, and is not seen",
			    drivers[i].name, f.where[i]);
		else
			report_reason(r, "driver",
			    "%s, named in %s, speaks the protocol itself: there is no library call to see",
			    drivers[i].name, f.where[i]);
	}
}

/* ---- commands whose work is done elsewhere --------------------------------------------------------------------------- */

static const struct {
	const char *name, *who;
} elsewhere[] = {{"at", "atd"}, {"batch", "atd"}, {"docker", "the container runtime"}, {"kubectl", "another host"},
    {"podman", "a container with an environment of its own"}, {"ssh", "another host"}, {"systemctl", "systemd"},
    {"systemd-run", "systemd"}};

static void
check_elsewhere(struct report *r, const char *command)
{
	for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
		if (strcmp(base_of(command), elsewhere[i].name) == 0)
			report_reason(r, "command", "%s has its work done by %s, which has not this environment",
			    elsewhere[i].name, elsewhere[i].who);
}

static void
check_deepbind(struct report *r, const char *program)
{
#ifdef __x86_64__
	bool kept = shim_config.keep_deepbind;
	const char *why = "BLUEOX_DEEPBIND=keep";
#else
	bool kept = true;
	const char *why = "this kind of processor";
#endif
	if (kept && strncmp(base_of(program), "php", 3) == 0)
		report_reason(r, "plugins",
		    "PHP before 8.5 opens its extensions with RTLD_DEEPBIND, which hides their calls; %s "
		    "leaves it so",
		    why);
}

void
command_check(struct report *r, char *const command[], const char *object)
{
	char path[PATH_MAX], program[PATH_MAX];
	if (!find_program(command[0], path)) {
		report_reason(r, "command", "%s: %s", command[0], find_refused(command[0]));
		return;
	}
	target_program(path, program);
	if (strcmp(path, program) != 0)
		report_line(r, "command", "%s, run by %s", path, program);
	else
		report_line(r, "command", "%s", path);
	check_choice(r, program, program);
	check_elsewhere(r, command[0]);
	const char *why = target_refuses(path);
	if (why)
		report_reason(r, "command", "%s %s: nothing can be preloaded into it", program, why);
	check_rights(r, program);
	if (!why)
		check_loading(r, program, object);
	check_deepbind(r, program);
	check_drivers(r, command, path, program);
}
