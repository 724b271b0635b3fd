/* SPDX-License-Identifier: ISC */
/* known: the file is read once, into a table; then it is only written behind. */
#include "oxview/known.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "libbx/core/buf.h"
#include "oxview/text.h"

enum { FILE_MOST = 64 * 1024 * 1024, TYPE_SHOWN = 128 };

struct known_print {
	UT_hash_handle hh;
	char print[FAULT_PRINT_MAX + 1];
};

bool
known_is_new(struct known *k, const char *print)
{
	struct known_print *p;
	HASH_FIND_STR(k->prints, print, p);
	if (p || strlen(print) > FAULT_PRINT_MAX)
		return false;
	p = calloc(1, sizeof *p);
	if (!p)
		return true; /* told once more rather than not at all */
	strcpy(p->print, print);
	HASH_ADD_STR(k->prints, print, p);
	return true;
}

void
known_forget(struct known *k, const char *print)
{
	struct known_print *p;
	HASH_FIND_STR(k->prints, print, p);
	if (!p)
		return;
	HASH_DEL(k->prints, p);
	free(p);
}

/* The lines of n bytes; what follows the last newline is half of one. */
static void
take_lines(struct known *k, const char *at, size_t n)
{
	for (const char *end; n > 0 && (end = memchr(at, '\n', n)); n -= (size_t)(end + 1 - at), at = end + 1) {
		char print[FAULT_PRINT_MAX + 1];
		size_t len = strcspn(at, " \n");
		if (len == 0 || len > FAULT_PRINT_MAX || *at == '#')
			continue;
		memcpy(print, at, len);
		print[len] = '\0';
		(void)known_is_new(k, print);
	}
}

/* NULL, or what is wrong. */
static const char *
read_file(struct known *k)
{
	struct stat st;
	if (fstat(k->fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "is no file";
	if (st.st_size > FILE_MOST)
		return "is no list of fingerprints: too large";
	size_t size = (size_t)st.st_size, got = 0;
	char *text = malloc(size + 1);
	if (!text)
		return strerror(ENOMEM);
	for (ssize_t n; got < size && (n = pread(k->fd, text + got, size - got, (off_t)got)) > 0;)
		got += (size_t)n;
	text[got] = '\n';
	take_lines(k, text, got);
	k->torn = got > 0 && text[got - 1] != '\n';
	free(text);
	return got < size ? strerror(errno ? errno : EIO) : NULL;
}

const char *
known_open(struct known *k, const char *path)
{
	*k = (struct known){.fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666)};
	if (k->fd < 0)
		return strerror(errno);
	errno = 0;
	const char *wrong = flock(k->fd, LOCK_EX | LOCK_NB) != 0
				? (errno == EWOULDBLOCK ? "another program has it" : strerror(errno))
				: read_file(k);
	if (wrong)
		known_close(k);
	return wrong;
}

void
known_close(struct known *k)
{
	struct known_print *p, *next;
	HASH_ITER(hh, k->prints, p, next)
	{
		HASH_DEL(k->prints, p); /* NOLINT(clang-analyzer-unix.Malloc): not after the last */
		free(p);
	}
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

bool
known_keep(struct known *k, const char *print, int64_t now_ns, struct bytes type)
{
	struct buf line = {0};
	char when[32];
	struct tm tm;
	time_t seconds = (time_t)(now_ns / 1000000000);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	buf_printf(&line, "%s%s %s ", k->torn ? "\n" : "", print, when);
	text_line(&line, type.p, type.n < TYPE_SHOWN ? type.n : TYPE_SHOWN);
	buf_putc(&line, '\n');
	errno = ENOMEM;
	ssize_t n = line.err == BX_OK ? write(k->fd, line.data, line.len) : -1;
	bool whole = n == (ssize_t)line.len;
	if (n > 0)
		k->torn = !whole;
	int err = n < 0 ? errno : !whole ? ENOSPC : fdatasync(k->fd) != 0 ? errno : 0;
	buf_fini(&line);
	errno = err;
	return err == 0;
}
