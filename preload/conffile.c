/* SPDX-License-Identifier: ISC */
/* conffile: cut in place; the system calls are made bare, because read() and open() are points of cancellation. */
#include "preload/conffile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libbx/core/parse.h"

#define PREFIX "BLUEOX_"

int
conffile_read(struct conffile *f, const char *path)
{
	int kept = errno, why = 0;
	size_t n = 0;
	long got = 0, fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		why = errno;
	while (fd >= 0 && n < CONFFILE_BYTES && (got = syscall(SYS_read, fd, f->text + n, CONFFILE_BYTES - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		why = errno;
	if (fd >= 0)
		syscall(SYS_close, fd);
	conffile_parse(f, why ? 0 : n);
	f->left_out += n == CONFFILE_BYTES; /* there may be more */
	errno = kept;
	return why;
}

static void
take_line(struct conffile *f, char *s, uint32_t number)
{
	s = parse_trim(s);
	if (*s == '\0' || *s == '#')
		return;
	if (f->count == CONFFILE_LINES) {
		f->left_out++;
		return;
	}
	struct conffile_line line = {.number = number};
	char *equals = strchr(s, '=');
	if (equals) {
		*equals = '\0';
		line.value = parse_trim(equals + 1);
		line.name = parse_trim(s);
	}
	f->lines[f->count++] = line;
}

void
conffile_parse(struct conffile *f, size_t n)
{
	uint32_t number = 0;
	f->count = f->left_out = 0;
	f->text[n] = '\0';
	for (char *s = f->text, *end = f->text + n; s < end;) {
		char *stop = memchr(s, '\n', (size_t)(end - s));
		if (!stop)
			stop = end;
		*stop = '\0';
		take_line(f, s, ++number);
		s = stop + 1;
	}
}

/* sql-max is BLUEOX_SQL_MAX. */
static bool
is_name_of(const char *name, const char *variable)
{
	if (strncmp(variable, PREFIX, sizeof PREFIX - 1) != 0)
		return false;
	for (variable += sizeof PREFIX - 1; *name && *variable; name++, variable++) {
		char c = *variable == '_'                       ? '-'
			 : *variable >= 'A' && *variable <= 'Z' ? (char)(*variable + 32)
								: *variable;
		if (*name != c)
			return false;
	}
	return *name == *variable;
}

const char *
conffile_get(struct conffile *f, const char *variable)
{
	const char *value = NULL;
	for (uint32_t i = 0; i < f->count; i++) {
		if (!f->lines[i].name || !is_name_of(f->lines[i].name, variable))
			continue;
		f->lines[i].asked_for = true;
		value = f->lines[i].value;
	}
	return value;
}

uint32_t
conffile_wrong(const struct conffile *f)
{
	uint32_t wrong = f->left_out;
	for (uint32_t i = 0; i < f->count; i++)
		wrong += !f->lines[i].asked_for;
	return wrong;
}
